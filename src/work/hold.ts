/** What a handler is given while it holds a unit: fenced transactions and a signal that says when to stop. */
import { sql } from 'kysely'
import { type Database, inTenant, inWork, type Tenant, type WorkTransaction } from '../db/database.ts'
import type { Unit } from './lease.ts'

/** Thrown inside a transaction whose unit was taken over; nothing of it is committed. */
export class LeaseLost extends Error {
  constructor(unit: Unit) {
    super(`the lease of ${unit.kind} ${unit.subjectId ?? ''} was taken over`)
    this.name = 'LeaseLost'
  }
}

export interface Hold {
  unit: Unit
  /** Aborted when the lease is lost or the process drains: finish the item at hand, then return. */
  signal: AbortSignal
  /** Whom it waits for has answered: what follows is work of ours, and holds a slot until the turn ends. */
  answered(): void
  /**
   * A tenant transaction that first takes the unit's row `for share` and compares the fence, so that a takeover
   * waits for its end and a late holder commits nothing.
   */
  inTenant<T>(run: (tx: Tenant) => Promise<T>): Promise<T>
  /** The same in an institution that a unit of none has work in. */
  inTenantOf<T>(institutionId: number, run: (tx: Tenant) => Promise<T>): Promise<T>
  /** A tenant transaction without the fence: for what all units of one subject have in common, whoever holds them. */
  aside<T>(run: (tx: Tenant) => Promise<T>): Promise<T>
  /** The same hold, whose tenant transactions go on with a trace; null: with none. */
  inTrace(traceparent: string | null): Hold
  /** The same of the work role. It holds no row of its unit, so that it may change those of others. */
  asideInWork<T>(run: (tx: WorkTransaction) => Promise<T>): Promise<T>
  /** The fenced transaction of the work role. */
  inWork<T>(run: (tx: WorkTransaction) => Promise<T>): Promise<T>
}

export function holdUnit(database: Database, unit: Unit, signal: AbortSignal): Hold {
  const compareFence = async ({ db }: Tenant | WorkTransaction) => {
    const { rows } = await sql<{ fence: number }>`
      select fence from work where id = ${unit.id} for share`.execute(db)
    if (rows[0]?.fence !== unit.fence) throw new LeaseLost(unit)
  }
  const inTenantOf: Hold['inTenantOf'] = async (institutionId, run) =>
    await inTenant(database, institutionId, async (tx) => {
      await compareFence(tx)
      return await run(tx)
    })
  return {
    unit,
    signal,
    answered: () => undefined,
    async inTenant(run) {
      if (unit.institutionId === null) throw new Error(`${unit.kind} has no institution`)
      return await inTenantOf(unit.institutionId, run)
    },
    inTenantOf,
    async aside(run) {
      if (unit.institutionId === null) throw new Error(`${unit.kind} has no institution`)
      return await inTenant(database, unit.institutionId, run)
    },
    inTrace: (traceparent) => holdUnit({ ...database, traceparent }, unit, signal),
    async asideInWork(run) {
      return await inWork(database, run)
    },
    async inWork(run) {
      return await inWork(database, async (tx) => {
        await compareFence(tx)
        return await run(tx)
      })
    },
  }
}
