/**
 * Carrying out what is owed to one data source: due writes one after the other, each appointment's in order. The holder
 * drains for at most two seconds or fifty writes and goes to the back.
 */
import { Unavailable } from '../connectors/connector.ts'
import { findDataSource, setStatus } from '../store/data-sources.ts'
import { loadDirectory } from '../store/directory-mirror.ts'
import { listSecondLooks, nextSecondLook } from '../store/second-looks.ts'
import { listDueWrites, markDelayed, nextDue, nextPromise } from '../store/writes.ts'
import type { Hold } from '../work/hold.ts'
import type { Push } from './at-work.ts'
import { carryOut } from './carry-out.ts'
import { takeSecondLooks } from './look-again.ts'
import type { Systems } from './systems.ts'

const DRAIN_MS = 2_000
const DRAIN_WRITES = 50
const BATCH = 10

/** The handler of `push` units. Answers when the next write or promise is due, or null. */
export function pushHandler(systems: Systems) {
  return async (hold: Hold): Promise<string | null> => {
    const sourceId = hold.unit.subjectId ?? 0
    const begun = await hold.inTenant(async (tx) => {
      await markDelayed(tx, sourceId)
      const source = await findDataSource(tx, sourceId)
      const owed =
        (await listDueWrites(tx, sourceId, 1)).length + (await listSecondLooks(tx, sourceId, 1)).length
      return source && { source, owed: owed > 0, maps: await loadDirectory(tx, sourceId) }
    })
    if (begun?.owed && begun.source.writing_stopped_at === null) {
      try {
        const system = await systems.open(hold.unit.institutionId ?? 0, begun.source)
        const push = { hold, system, source: begun.source, maps: begun.maps }
        await drain(push)
        await takeSecondLooks(push)
      } catch (error) {
        await noteFailure(hold, sourceId, error)
        throw error
      }
    }
    if (begun?.source.writing_stopped_at) return null
    return await hold.inTenant(async (tx) => {
      const times = [
        await nextDue(tx, sourceId),
        await nextPromise(tx, sourceId),
        await nextSecondLook(tx, sourceId),
      ]
      return times.flatMap((at) => at ?? []).sort()[0] ?? null
    })
  }
}

async function drain(push: Push): Promise<void> {
  const { hold, source } = push
  const began = Date.now()
  let carried = 0
  let reached = false
  while (carried < DRAIN_WRITES && Date.now() - began < DRAIN_MS && !hold.signal.aborted) {
    const due = await hold.inTenant((tx) => listDueWrites(tx, source.id, BATCH))
    if (due.length === 0) break
    for (const { id, appointment_id } of due) {
      if (hold.signal.aborted) break
      reached = (await carryOut(push, id, appointment_id)) || reached
      carried += 1
    }
  }
  if (reached) await hold.inTenant((tx) => setStatus(tx, source.id, 'write', 'green', null))
}

async function noteFailure(hold: Hold, sourceId: number, error: unknown): Promise<void> {
  if (!(error instanceof Unavailable)) return
  await hold.inTenant((tx) => setStatus(tx, sourceId, 'write', 'red', error.message))
}
