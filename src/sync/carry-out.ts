/**
 * One write, from due to settled. Three steps, each with its own commit: prepare (the write is `sending` from here on),
 * call the record system outside any transaction, settle what it answered. A crash between them leaves `sending`, and the
 * next holder looks before it sends again.
 */

import { type Outcome, Unavailable } from '../connectors/connector.ts'
import { addMs, type Instant } from '../model/time.ts'
import { deferWrite, endAttempt } from '../store/writes.ts'
import { guardTime, withdrawIfBeaten } from './advisory.ts'
import type { Push } from './at-work.ts'
import { lookFor } from './look.ts'
import { type Prepared, prepare } from './prepare.ts'
import { retryAt } from './retry.ts'
import { sendWrite } from './send.ts'
import { settleRejected, settleWritten } from './settle.ts'

/**
 * Carries out one write as far as it goes now. Answers whether the record system was reached.
 * Throws `Unavailable` where it was not: the unit then backs off as a whole.
 */
export async function carryOut(push: Push, writeId: number, appointmentId: number): Promise<boolean> {
  const prepared = await prepare(push, writeId, appointmentId)
  if (!prepared) return false
  if (prepared.inFlight) {
    const looked = await lookFor(push, prepared)
    if (looked === 'wait') return true
    if (looked) {
      await settleWritten(push, prepared, looked, 'found')
      return true
    }
  }
  const taken = await guardTime(push, prepared)
  const outcome = taken ?? (await sendWrite(push, prepared))
  await settle(push, prepared, outcome)
  return true
}

async function settle(push: Push, prepared: Prepared, outcome: Outcome): Promise<void> {
  switch (outcome.kind) {
    case 'written': {
      const beaten = await withdrawIfBeaten(push, prepared, outcome.record)
      if (beaten) await settleRejected(push, prepared, beaten)
      else await settleWritten(push, prepared, outcome, 'written')
      return
    }
    case 'rejected':
      await settleRejected(push, prepared, outcome)
      return
    case 'unavailable':
      await defer(push, prepared, 'pending', outcome.message, outcome.retryAfterMs ?? 0)
      throw new Unavailable(outcome.message, outcome.retryAfterMs)
    case 'unknown':
      await defer(push, prepared, 'unknown', outcome.message, 0)
  }
}

/** The write stays owed: certainly not in effect (`pending`), or to be looked for first (`unknown`). */
async function defer(
  push: Push,
  prepared: Prepared,
  state: 'pending' | 'unknown',
  message: string,
  atLeastMs: number,
): Promise<void> {
  const { capabilities } = push.system
  // A system that cannot refuse a second copy may still be working on the first one.
  const quiet =
    state === 'unknown' && capabilities.effect === 'detected' ? capabilities.maxInFlightMs : atLeastMs
  await push.hold.inTenant(async (tx) => {
    const at: Instant = addMs(await retryAt(tx, prepared.write.attempts), quiet)
    await endAttempt(tx, prepared.attemptId, {
      outcome: state === 'pending' ? 'unavailable' : 'unknown',
      code: null,
      message,
    })
    await deferWrite(tx, prepared.write.id, state, at, null, message)
  })
}
