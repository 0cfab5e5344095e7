/**
 * The pace of one data source. Where it is limited, one request at a time is on its way, over all processes, and the next is
 * sent no sooner than the space between two after the answer to the last: whatever a system counts requests by, and however
 * long one was on its way, none comes too early. Turns are kept in PostgreSQL.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable } from '../connectors/connector.ts'
import type { Tenant } from '../db/database.ts'
import { type Instant, toMs } from '../model/time.ts'
import { type DataSource, now } from '../store/data-sources.ts'
import { listDueWrites } from '../store/due-writes.ts'
import { closedUntil, closeSource, endTurn, takeTurn } from '../store/source-pace.ts'
import type { Pull } from './at-work.ts'

/** Longer than any connector waits for one answer. */
const HOLD_MS = 70_000
/** A turn that is free sooner than its holder promised is noticed after this. */
const LOOK_MS = 100
/** Who would wait longer than this gives its unit back. */
const PATIENCE_MS = 30_000
/** A system that wants to be left alone for longer is asked again after this all the same. */
const CLOSED_MAX_MS = 3_600_000
/** A page waits no longer than this for one and the same booking: where none gets through, reading goes on. */
const WAY_MS = 10_000

/** Runs a tenant transaction of the source's institution. */
export type InTenant = <T>(run: (tx: Tenant) => Promise<T>) => Promise<T>

/** Sends one request at the source's pace. Throws `Unavailable` where its turn is too far off, with nothing sent. */
export type Paced = <T>(call: () => Promise<T>) => Promise<T>

export function paceOf(source: Pick<DataSource, 'id' | 'requests_per_second'>, inTenant: InTenant): Paced {
  const rate = source.requests_per_second
  if (rate === null) return async (call) => await call()
  const spaceMs = Math.ceil(1000 / rate)
  return async (call) => {
    const held = await waitForTurn(source.id, spaceMs, inTenant)
    try {
      return await call()
    } finally {
      await inTenant((tx) => endTurn(tx, source.id, held, spaceMs))
    }
  }
}

async function waitForTurn(sourceId: number, spaceMs: number, inTenant: InTenant): Promise<string> {
  const patienceMs = Math.max(PATIENCE_MS, 3 * spaceMs)
  const began = performance.now()
  for (;;) {
    const turn = await inTenant((tx) => takeTurn(tx, sourceId, HOLD_MS))
    if ('held' in turn) return turn.held
    if (performance.now() - began > patienceMs)
      throw new Unavailable('The pace of this data source left no room for a request.', turn.waitMs)
    await sleep(Math.min(turn.waitMs, LOOK_MS))
  }
}

/** Throws `Unavailable` while the record system wants to be left alone. */
export async function refuseWhileClosed(tx: Tenant, sourceId: number): Promise<void> {
  const until = await closedUntil(tx, sourceId)
  if (until === null) return
  const waitMs = toMs(until) - toMs(await now(tx))
  throw new Unavailable('The record system asked to be left alone for a while.', Math.max(waitMs, 0))
}

/**
 * What a failed turn of a unit makes of the source: where the system said when to come back, nobody asks it before.
 * Answers that instant, or null.
 */
export async function heedRetryAfter(tx: Tenant, sourceId: number, error: unknown): Promise<Instant | null> {
  if (!(error instanceof Unavailable) || !error.retryAfterMs) return null
  await closeSource(tx, sourceId, Math.min(error.retryAfterMs, CLOSED_MAX_MS))
  return await closedUntil(tx, sourceId)
}

/** Before each page: bookings go first where the pace is limited. Throws `Unavailable` while the system wants to be left alone. */
export async function makeWay({ hold, source }: Pull): Promise<void> {
  let since = performance.now()
  let first: number | undefined
  for (;;) {
    const owed = await hold.inTenant(async (tx) => {
      await refuseWhileClosed(tx, source.id)
      const goesAtOnce = source.requests_per_second === null || source.writing_stopped_at !== null
      // While the system was last found away, nobody writes; the first answer makes this green, and the bookings go.
      if (goesAtOnce || source.write_status === 'red') return undefined
      return (await listDueWrites(tx, source.id, 1))[0]?.id
    })
    if (owed === undefined || hold.signal.aborted) return
    if (owed !== first) since = performance.now()
    else if (performance.now() - since > WAY_MS) return
    first = owed
    await sleep(LOOK_MS)
  }
}
