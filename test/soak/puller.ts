/** Pulls one at a time and when told, by the handler that the work loop runs. */
import { randomUUID } from 'node:crypto'
import { connectors } from '../../src/connectors/registry.ts'
import { pullHandler } from '../../src/sync/pull.ts'
import { openSystems } from '../../src/sync/systems.ts'
import { holdUnit } from '../../src/work/hold.ts'
import { claimUnits, releaseUnit } from '../../src/work/lease.ts'
import type { TestDatabase } from '../support/database.ts'

export interface Puller extends AsyncDisposable {
  /** Answers whether the pull completed; false where the practice was away or turned us away. Any other failure is thrown. */
  pull(): Promise<boolean>
}

const LEASE_MS = 600_000

export function openPuller({ database, clock }: TestDatabase): Puller {
  const systems = openSystems(connectors, clock)
  const handle = pullHandler(systems)
  const claim = { holder: randomUUID(), kinds: ['pull' as const], limit: 1, leaseMs: LEASE_MS, failing: 1 }
  return {
    async pull() {
      const [unit] = await claimUnits(database, claim)
      if (!unit) throw new Error('no pull was due')
      try {
        await handle(holdUnit(database, unit, new AbortController().signal))
        return true
      } catch (error) {
        if (error instanceof Error && error.name === 'Unavailable') return false
        throw error
      } finally {
        await releaseUnit(database, unit, { nextAt: '2000-01-01T00:00:00.000Z', failure: null })
      }
    },
    [Symbol.asyncDispose]: () => systems[Symbol.asyncDispose](),
  }
}
