/**
 * One write, from due to settled. Three steps, each with its own commit: prepare (the write is `sending` from here on),
 * call the record system outside any transaction, settle what it answered. A crash between them leaves `sending`, and the
 * next holder looks before it sends again.
 */

import { type Insertion, type Outcome, Unavailable } from '../connectors/connector.ts'
import { addMs } from '../model/time.ts'
import { inSpan, type Traceparent } from '../model/trace.ts'
import type { DueWrite } from '../store/due-writes.ts'
import { deferWrite } from '../store/writes.ts'
import { guardTime, withdrawIfBeaten } from './advisory.ts'
import type { Push } from './at-work.ts'
import { lookFor } from './look.ts'
import { beginAgain, noteOutcome, type Prepared, prepare } from './prepare.ts'
import { retryAt } from './retry.ts'
import { choosePatient, type Undecided } from './same-patient.ts'
import { sendWrite } from './send.ts'
import { settleRejected, settleWritten } from './settle.ts'
import { tracedSystem } from './traced-system.ts'
import { settleUndecided } from './undecided.ts'

/**
 * Carries out one write as far as it goes now. Answers whether the record system was reached.
 * Throws `Unavailable` where it was not: the unit then backs off as a whole.
 */
export async function carryOut(push: Push, write: DueWrite): Promise<boolean> {
  const { id, appointment_id: appointmentId, kind, traceparent } = write
  const attributes = {
    'slotbridge.write.id': id,
    'slotbridge.write.kind': kind,
    'slotbridge.appointment.id': appointmentId,
    'slotbridge.data_source.id': push.source.id,
  }
  const start = { kind: 'internal' as const, parent: traceparent, attributes }
  return await inSpan(push.tracing, `carry out ${kind}`, start, async (span) => {
    const parent = span?.traceparent ?? traceparent
    return await carryOutIn(inTrace(push, parent), id, appointmentId)
  })
}

/** The push with its transactions and calls in a trace. */
function inTrace(push: Push, parent: Traceparent | null): Push {
  const { tracing, system, source } = push
  return {
    ...push,
    hold: push.hold.inTrace(parent),
    system: tracing && parent ? tracedSystem(system, tracing, source.connector, parent) : system,
  }
}

async function carryOutIn(push: Push, writeId: number, appointmentId: number): Promise<boolean> {
  const prepared = await prepare(push, writeId, appointmentId)
  if (!prepared) return false
  if (prepared.inFlight) {
    const looked = await lookFor(push, prepared)
    if (looked === 'wait') return true
    if (looked) {
      await settle(push, prepared, { kind: 'written', record: looked.record })
      return true
    }
  }
  const patient = await reading(() => choosePatient(push, prepared.patient))
  if (patient !== null && 'kind' in patient) {
    await settle(push, prepared, patient)
    return true
  }
  const begun = prepared.inFlight ? await beginAgain(push, prepared) : prepared
  if (!begun) return true
  await settle(push, begun, await send(push, begun, patient))
  return true
}

/** Calls answer with outcomes; a read before the call may find the record system away, and then nothing was sent. */
async function send(push: Push, prepared: Prepared, patient: Insertion['patient']): Promise<Outcome> {
  return await reading(
    async () => (await guardTime(push, prepared)) ?? (await sendWrite(push, prepared, patient)),
  )
}

type Away = Extract<Outcome, { kind: 'unavailable' }>

async function reading<T>(read: () => Promise<T>): Promise<T | Away> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    const wait = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }
    return { kind: 'unavailable', message: error.message, ...wait }
  }
}

async function settle(push: Push, prepared: Prepared, outcome: Outcome | Undecided): Promise<void> {
  switch (outcome.kind) {
    case 'undecided':
      await settleUndecided(push, prepared, outcome)
      return
    case 'written':
    case 'rejected':
      await settleAnswer(push, prepared, outcome)
      return
    case 'unavailable':
      // Of this attempt nothing is in effect; of an earlier one something may still be.
      await defer(
        push,
        prepared,
        prepared.inFlight ? 'unknown' : 'pending',
        outcome.message,
        outcome.retryAfterMs ?? 0,
      )
      throw new Unavailable(outcome.message, outcome.retryAfterMs)
    case 'unknown': {
      // A system that cannot refuse a second copy may still be working on the first one.
      const { effect, maxInFlightMs } = push.system.capabilities
      await defer(push, prepared, 'unknown', outcome.message, effect === 'detected' ? maxInFlightMs : 0)
    }
  }
}

type Answer = Extract<Outcome, { kind: 'written' | 'rejected' }>

/** What was answered is settled with the help of more reads; where these find the system away, it is looked for later. */
async function settleAnswer(push: Push, prepared: Prepared, outcome: Answer): Promise<void> {
  try {
    const answer = outcome.kind === 'written' ? outcome : await doubted(push, prepared, outcome)
    if (answer.kind === 'rejected') return await settleRejected(push, prepared, answer)
    const beaten = await withdrawIfBeaten(push, prepared, answer.record)
    if (beaten) await settleRejected(push, prepared, beaten.refused, beaten.stands)
    else await settleWritten(push, prepared, answer)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    await defer(push, prepared, 'unknown', error.message, error.retryAfterMs ?? 0)
    throw error
  }
}

/**
 * Where nothing refuses a second copy, a resend may be refused because the first one took effect after all, later than we
 * were told it could: what was refused may stand in its own way.
 */
async function doubted(
  push: Push,
  prepared: Prepared,
  outcome: Extract<Outcome, { kind: 'rejected' }>,
): Promise<Answer> {
  const { write, inFlight, marker } = prepared
  if (!inFlight || write.kind !== 'insert' || push.system.capabilities.effect === 'once') return outcome
  const record = await push.system.find({ marker })
  return record ? { kind: 'written', record } : outcome
}

/** The write stays owed: certainly not in effect (`pending`), or to be looked for first (`unknown`). */
async function defer(
  push: Push,
  prepared: Prepared,
  state: 'pending' | 'unknown',
  message: string,
  atLeastMs: number,
): Promise<void> {
  await push.hold.inTenant(async (tx) => {
    const at = addMs(await retryAt(tx, prepared.write.attempts), atLeastMs)
    const outcome = state === 'pending' ? 'unavailable' : 'unknown'
    await noteOutcome(tx, prepared, { outcome, code: null, message })
    await deferWrite(tx, prepared.write.id, state, at, null, message)
  })
}
