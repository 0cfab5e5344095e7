/**
 * Carrying out what is owed to one data source: due writes one after the other, each appointment's in order. The holder
 * drains for at most two seconds or fifty writes and goes to the back.
 */
import { Unavailable } from '../connectors/connector.ts'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'
import type { Tracing } from '../model/trace.ts'
import { findDataSource, setStatus } from '../store/data-sources.ts'
import { loadDirectory } from '../store/directory-mirror.ts'
import { listDueWrites, markDelayed, nextDeadline, nextDue, nextPromise } from '../store/due-writes.ts'
import { listSecondLooks, nextSecondLook } from '../store/second-looks.ts'
import { closedUntil } from '../store/source-pace.ts'
import type { Hold } from '../work/hold.ts'
import type { Handler } from '../work/loop.ts'
import type { Push } from './at-work.ts'
import { carryOut } from './carry-out.ts'
import { takeSecondLooks } from './look-again.ts'
import { endOverdue } from './overdue.ts'
import { heedRetryAfter } from './pace.ts'
import type { Systems } from './systems.ts'

const DRAIN_MS = 2_000
const DRAIN_WRITES = 50
const BATCH = 10

/** The handler of `push` units. Answers when the next write, promise or deadline is due, or null. */
export function pushHandler(systems: Systems, tracing: Tracing | null = null): Handler {
  return async (hold) => {
    const sourceId = hold.unit.subjectId ?? 0
    const begun = await hold.inTenant(async (tx) => {
      await markDelayed(tx, sourceId)
      const source = await findDataSource(tx, sourceId)
      const owed =
        (await listDueWrites(tx, sourceId, 1)).length + (await listSecondLooks(tx, sourceId, 1)).length
      const closed = await closedUntil(tx, sourceId)
      return source && { source, closed, owed: owed > 0, maps: await loadDirectory(tx, sourceId) }
    })
    if (!begun) return null
    await endOverdue(hold, sourceId)
    const { closed } = begun
    const isStopped = begun.source.writing_stopped_at !== null
    if (begun.owed && !isStopped && !closed) {
      try {
        const system = await systems.open(hold, begun.source)
        const push = { hold, system, source: begun.source, maps: begun.maps, tracing }
        await drain(push)
        await takeSecondLooks(push)
      } catch (error) {
        const until = await noteFailure(hold, sourceId, error)
        if (until === null) throw error
        // Also where nothing is owed any more: nobody wakes a unit that failed, and the next booking would wait.
        const nextAt = (await hold.inTenant((tx) => nextTurn(tx, sourceId, until))) ?? until
        return { nextAt, failure: 'Unavailable' }
      }
    }
    return await hold.inTenant((tx) => nextTurn(tx, sourceId, closed, !isStopped))
  }
}

/** When there is something to do again. Nothing is sent before `closed`; promises and deadlines run out all the same. */
async function nextTurn(
  tx: Tenant,
  sourceId: number,
  closed: Instant | null,
  mayWrite = true,
): Promise<Instant | null> {
  const due = mayWrite ? [await nextDue(tx, sourceId), await nextSecondLook(tx, sourceId)] : []
  const times = [
    await nextPromise(tx, sourceId),
    await nextDeadline(tx, sourceId),
    ...due.map((at) => (at && closed && at < closed ? closed : at)),
  ]
  return times.flatMap((at) => at ?? []).sort()[0] ?? null
}

async function drain(push: Push): Promise<void> {
  const { hold, source } = push
  const began = Date.now()
  let carried = 0
  let reached = false
  while (carried < DRAIN_WRITES && Date.now() - began < DRAIN_MS && !hold.signal.aborted) {
    const due = await hold.inTenant((tx) => listDueWrites(tx, source.id, BATCH))
    if (due.length === 0) break
    for (const write of due) {
      if (hold.signal.aborted) break
      reached = (await carryOut(push, write)) || reached
      carried += 1
    }
  }
  if (reached) await hold.inTenant((tx) => setStatus(tx, source.id, 'write', 'green', null))
}

/** Answers when the record system wants to be asked again, where it said so. */
async function noteFailure(hold: Hold, sourceId: number, error: unknown): Promise<Instant | null> {
  if (!(error instanceof Unavailable)) return null
  return await hold.inTenant(async (tx) => {
    await setStatus(tx, sourceId, 'write', 'red', error.message)
    return await heedRetryAfter(tx, sourceId, error)
  })
}
