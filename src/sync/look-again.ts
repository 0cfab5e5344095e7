/**
 * The second look at an insertion, where the record system does not refuse a second copy itself: once no copy of the
 * request can take effect any longer, what stands there twice is cancelled, and said.
 */
import type { Tenant } from '../db/database.ts'
import type { AppointmentRecord } from '../model/records.ts'
import { addMs } from '../model/time.ts'
import { now } from '../store/data-sources.ts'
import { endSecondLook, listSecondLooks, planSecondLook, type SecondLook } from '../store/second-looks.ts'
import type { Push } from './at-work.ts'
import { retryAt } from './retry.ts'

const BATCH = 10

/** Takes the second looks that are due. Throws `Unavailable` where the record system is away: they stay due. */
export async function takeSecondLooks(push: Push): Promise<void> {
  const due = await push.hold.inTenant((tx) => listSecondLooks(tx, push.source.id, BATCH))
  for (const look of due) {
    if (push.hold.signal.aborted) return
    await takeSecondLook(push, look)
  }
}

async function takeSecondLook(push: Push, look: SecondLook): Promise<void> {
  const copies = (await push.system.copies?.(look.marker)) ?? []
  const surplus = surplusOf(copies, look)
  for (const copy of surplus) {
    const outcome = await push.system.change({
      foreignId: copy.foreignId,
      version: copy.version,
      kind: 'cancel',
    })
    if (outcome.kind === 'written' || (outcome.kind === 'rejected' && outcome.code === 'not_found')) continue
    await push.hold.inTenant(async (tx) => planSecondLook(tx, look.write_id, await retryAt(tx, 4)))
    return
  }
  await push.hold.inTenant(async (tx) => {
    const what = surplus.length === 1 ? 'A second copy' : `${surplus.length} more copies`
    const message = `${what} of it took effect in the health record system, and was cancelled there.`
    await endSecondLook(tx, look.write_id, surplus.length > 0 ? message : null)
  })
}

/**
 * The copies to cancel: all but the one that is our appointment. Where that one no longer stands though we did not cancel
 * it, the front desk has chosen already, and what it left is left.
 */
function surplusOf(copies: AppointmentRecord[], look: SecondLook): AppointmentRecord[] {
  const standing = copies.filter((copy) => !copy.cancelled)
  const ours = standing.some((copy) => copy.foreignId === look.foreign_id)
  if (!ours && !look.cancelled_by_us) return []
  return standing.filter((copy) => copy.foreignId !== look.foreign_id)
}

/** Plans the second look at an insertion that was just written, unless the system refuses copies itself. */
export async function planLook(push: Push, tx: Tenant, writeId: number): Promise<void> {
  const { capabilities, copies } = push.system
  if (capabilities.effect === 'once' || copies === undefined) return
  await planSecondLook(tx, writeId, addMs(await now(tx), capabilities.maxInFlightMs))
}
