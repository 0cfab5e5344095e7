/** Rows that a page and our own settlement disagree about: the record system is asked once more. */

import type { ForeignId } from '../model/records.ts'
import { now } from '../store/data-sources.ts'
import type { Pull } from './at-work.ts'
import { contextOf, mergeRecords, removeGone } from './merge.ts'

/** Asks in rounds: a row that we settle again meanwhile is young by then, and the next window reads it anyway. */
const ROUNDS = 3

export async function recheckRows(pull: Pull, foreignIds: ForeignId[]): Promise<void> {
  const { hold, system } = pull
  let open = [...new Set(foreignIds)]
  for (let round = 0; round < ROUNDS && open.length > 0; round++) {
    const again: ForeignId[] = []
    for (const foreignId of open) {
      const seenAt = await hold.inTenant(now)
      const found = await system.find({ foreignId })
      await hold.inTenant(async (tx) => {
        const context = contextOf(pull, seenAt)
        if (!found) await removeGone(tx, context, [foreignId])
        else
          again.push(...(await mergeRecords(tx, context, [{ kind: 'appointment', record: found }])).recheck)
      })
    }
    open = again
  }
}
