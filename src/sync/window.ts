/** A window cycle: the complete truth of the booking horizon, against which the mirror is held. */
import { randomInt } from 'node:crypto'
import { Unavailable } from '../connectors/connector.ts'
import type { ForeignId } from '../model/records.ts'
import { listUnseen } from '../store/appointments.ts'
import { clearAside, listAppointmentsAside, now, savePullProgress } from '../store/data-sources.ts'
import type { Pull } from './at-work.ts'
import { contextOf, mergeRecords, removeGone } from './merge.ts'
import { horizon, mergePage } from './merge-page.ts'
import { makeWay } from './pace.ts'

/** Rows aside that one cycle asks for at most: those outside the window are there, as a rule, and cannot be read again. */
const ASIDE_ASKED = 20

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
  await askForAside(pull, seen)
  await hold.inTenant((tx) => savePullProgress(tx, source.id, { window_read_at: begun }))
}

/**
 * A row that could not be read has no mirror that could be missed: where it went without a word (with a restored backup, say)
 * only asking tells. Where they are many, chance says which, so that none waits for ever.
 */
async function askForAside({ hold, source, system }: Pull, seen: Set<ForeignId>): Promise<void> {
  const aside = await hold.inTenant((tx) => listAppointmentsAside(tx, source.id))
  const unseen = aside.filter((foreignId) => !seen.has(foreignId))
  const first = randomInt(Math.max(0, unseen.length - ASIDE_ASKED) + 1)
  for (const foreignId of unseen.slice(first, first + ASIDE_ASKED)) {
    const isGone = await system.find({ foreignId }).then(
      (found) => found === null,
      (error) => {
        // There, and unreadable still; or nobody can say now. The next window asks again.
        if (error instanceof Unavailable) return false
        throw error
      },
    )
    if (isGone) await hold.inTenant((tx) => clearAside(tx, source.id, 'appointment', [foreignId]))
  }
}
