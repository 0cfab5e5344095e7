/**
 * A worker as a program of its own, for tests that kill it: `node worker-process.ts <url> <directUrl> <master key, base64>`,
 * the most connections of its pool where there should be fewer than ten, and `sandbox` where it needs to speak to no other
 * record system: it starts the faster. Its leases are short, so that a takeover does not make a test wait. Prints a line once
 * it works.
 */
import { flushCompileCache } from 'node:module'
import type { ConnectorFactory } from '../../src/connectors/connector.ts'
import { openClock } from '../../src/db/clock.ts'
import { openDatabase } from '../../src/db/database.ts'
import { openPool } from '../../src/db/pool.ts'
import { tellChanges } from '../../src/store/tell-changes.ts'
import { pullHandler } from '../../src/sync/pull.ts'
import { pushHandler } from '../../src/sync/push.ts'
import { sequenceHandler } from '../../src/sync/sequence.ts'
import { openSystems } from '../../src/sync/systems.ts'
import { startWork } from '../../src/work/loop.ts'
import { openWake } from '../../src/work/wake.ts'

const [url = '', directUrl = '', key = '', max = '10', only = ''] = process.argv.slice(2)
const connectors: Record<string, ConnectorFactory> =
  only === 'sandbox'
    ? { sandbox: (await import('../../src/connectors/sandbox/sandbox-connector.ts')).sandboxConnector }
    : (await import('../../src/connectors/registry.ts')).connectors
const pool = openPool({ url, max: Number(max), prepare: true, applicationName: 'test worker' })
const database = openDatabase(pool, Buffer.from(key, 'base64'), tellChanges)
const clock = await openClock(database.kysely)
const systems = openSystems(connectors, clock)
startWork({
  database,
  clock,
  wake: openWake(pool, directUrl),
  log: { error: (fields, message) => console.error(message, fields) },
  handlers: { pull: pullHandler(systems), push: pushHandler(systems), sequence: sequenceHandler() },
  slots: 8,
  leaseMs: 1_000,
})
// Without its parent it ends too.
process.stdin.on('end', () => process.exit(0)).resume()
process.stdout.write('working\n')
// The next one of it starts faster.
flushCompileCache()
