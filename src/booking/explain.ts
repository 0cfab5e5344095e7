/** Why one start of a provider is offered or not, in sentences that name the rule or the row in the way. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { type Instant, minutes, toMs } from '../model/time.ts'
import { explainStart, type Reason } from '../scheduling/explain.ts'
import type { SlotShape } from '../scheduling/slots.ts'
import { wallText } from '../scheduling/wall-text.ts'
import { showAppointments } from '../store/appointments.ts'
import { listKnownResources } from '../store/hours-for-slots.ts'
import { listTaken } from '../store/taken-time.ts'
import { takenFilter } from './find-slots.ts'
import { sentenceOf } from './no-slots.ts'
import { readQuestion, type SlotTerms } from './slot-question.ts'

export interface ExplainRequest extends SlotTerms {
  locationId: number
  providerId: number
  /** Null: in any operatory. */
  operatoryId: number | null
  start: Instant
}

export interface ShownReason {
  rule: string
  message: string
  working_hour_id: number | null
  appointment_id: number | null
  hold_id: number | null
  operatory_id: number | null
}

export interface ShownExplanation {
  offered: boolean
  lid: number
  pid: number
  operatory_id: number | null
  time: string
  end_time: string
  reasons: ShownReason[]
}

/** Explains. Throws `not_found` for an id that is none of the institution's. */
export async function explainSlot(
  tx: Tenant,
  request: ExplainRequest,
): Promise<{ explanation: ShownExplanation; warnings: string[] }> {
  const { locationId, providerId, operatoryId } = request
  const start = toMs(request.start)
  if (operatoryId !== null) {
    const known = await listKnownResources(tx, { providerIds: [], operatoryIds: [operatoryId] })
    if (known.operatories.length === 0) throw new Failure('not_found', 'Operatory not found')
  }
  // All operatories are read: one of them may be offered in place of the one that was named.
  const asked = { locationIds: [locationId], providerIds: [providerId], operatoryIds: null, all: true }
  const { locations, warnings } = await readQuestion(tx, asked, request)
  const [question] = locations
  const [provider] = question?.providers ?? []
  if (!question || !provider) throw new Failure('not_found', 'Provider not found')
  const { location, shape, sharing } = question
  const filter = takenFilter(locations, shape.zone.dayAt(start) - 1, 3)
  const spans = filter ? await listTaken(tx, filter) : []
  const known = { ...provider, spans, sharing, now: location.now }
  const { slot, reasons } = explainStart({ start, operatoryId: operatoryId ?? undefined }, known, shape)
  const rows = reasons.flatMap((reason) => ('row' in reason ? (reason.row.appointment_id ?? []) : []))
  const blocks = (await showAppointments(tx, rows)).filter((row) => row.unavailable).map((row) => row.id)
  return {
    explanation: {
      offered: slot !== null,
      lid: locationId,
      pid: providerId,
      operatory_id: slot?.operatory_id ?? operatoryId,
      time: wallText(start, shape.zone),
      end_time: wallText(start + shape.lengthMs, shape.zone),
      reasons: reasons.map((reason) => show(reason, shape, blocks)),
    },
    warnings,
  }
}

function show(reason: Reason, shape: SlotShape, blocks: number[]): ShownReason {
  const row = 'row' in reason ? reason.row : null
  return {
    rule: reason.rule,
    message: sentence(reason, shape, blocks),
    working_hour_id: 'working_hour_id' in reason ? reason.working_hour_id : null,
    appointment_id: row?.appointment_id ?? null,
    hold_id: row?.hold_id ?? null,
    operatory_id: reason.rule === 'other_operatory' ? reason.operatory_id : (row?.operatory_id ?? null),
  }
}

function sentence(reason: Reason, shape: SlotShape, blocks: number[]): string {
  const text = (ms: number) => wallText(ms, shape.zone)
  switch (reason.rule) {
    case 'past':
      return 'The time is past.'
    case 'notice':
      return `The time is too soon: with the notice asked for, nothing starts before ${text(reason.earliest)}.`
    case 'no_hours':
      return 'No working hour of this provider, of those asked for, counts there.'
    case 'closed':
      return `No working hour is open at this start for the whole of ${minutesText(shape.lengthMs)}.`
    case 'left_out':
      return `Working hour ${reason.working_hour_id} is open then, but ${sentenceOf(reason.why)}.`
    case 'grid':
      return `Working hour ${reason.working_hour_id} has its starts every ${minutesText(shape.stepMs)} from ${text(reason.begins)}.`
    case 'grain':
      return `The health record system keeps starts on multiples of ${minutesText(shape.grainMs)} only.`
    case 'taken':
    case 'buffer': {
      const { row } = reason
      const what =
        row.hold_id !== null
          ? `hold ${row.hold_id}`
          : `${blocks.includes(row.appointment_id ?? 0) ? 'block' : 'appointment'} ${row.appointment_id}`
      const near =
        reason.rule === 'buffer' ? `, nearer than the buffer of ${minutesText(shape.bufferMs)}` : ''
      return `Taken: ${what} is there from ${text(row.start)} to ${text(row.end)}${near}.`
    }
    case 'other_operatory':
      return reason.operatory_id === null
        ? 'The same start is offered without an operatory.'
        : `The same start is offered in operatory ${reason.operatory_id}; overlapping_operatory_slots=true offers it in each.`
  }
}

function minutesText(ms: number): string {
  const count = ms / minutes(1)
  return `${count} ${count === 1 ? 'minute' : 'minutes'}`
}
