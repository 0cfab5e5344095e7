/** A window cycle: the complete truth of the booking horizon, against which the mirror is held. */
import type { ForeignId } from '../model/records.ts'
import { listUnseen } from '../store/appointments.ts'
import { now, savePullProgress } from '../store/data-sources.ts'
import type { Pull } from './at-work.ts'
import { contextOf, mergeRecords, removeGone } from './merge.ts'
import { horizon, mergePage } from './merge-page.ts'
import { makeWay } from './pace.ts'

/**
 * Merges all that the window holds. A row of ours that it does not hold is gone only if its mirror was current before the
 * read began, no write of it is in flight, and the record system, asked for that very row, says so too.
 * @param between runs after each page
 */
export async function readWindow(pull: Pull, between: () => Promise<void>): Promise<void> {
  const { hold, system, source } = pull
  const { from, to } = horizon(pull)
  const begun = await hold.inTenant(now)
  const seen = new Set<ForeignId>()
  const pages = system.window(from, to)[Symbol.asyncIterator]()
  for (;;) {
    if (hold.signal.aborted) throw new Error('the pull was stopped')
    await makeWay(pull)
    const seenAt = await hold.inTenant(now)
    const { value: records, done } = await pages.next()
    if (done) break
    // A row that cannot be read is there all the same.
    for (const { kind, record } of records.flatMap((one) => (one.kind === 'gone' ? [] : [one])))
      if ((kind === 'appointment' || kind === 'set_aside') && record.foreignId !== null)
        seen.add(record.foreignId)
    await mergePage(pull, records, seenAt, null)
    await between()
  }
  const unseen = await hold.inTenant((tx) => listUnseen(tx, source.id, from, to, begun))
  for (const row of unseen) {
    if (seen.has(row.foreign_id)) continue
    const seenAt = await hold.inTenant(now)
    const found = await system.find({ foreignId: row.foreign_id })
    await hold.inTenant(async (tx) => {
      const context = contextOf(pull, seenAt)
      if (found) await mergeRecords(tx, context, [{ kind: 'appointment', record: found }])
      else await removeGone(tx, context, [row.foreign_id])
    })
  }
  await hold.inTenant((tx) => savePullProgress(tx, source.id, { window_read_at: begun }))
}
