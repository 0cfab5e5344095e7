/** Whether a time may be taken, and if not, what is in the way. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { toInstant, toMs } from '../model/time.ts'
import type { Span } from '../scheduling/conflicts.ts'
import type { Policy } from '../scheduling/sharing.ts'
import { inTheWayOf, type TakenSpan } from '../scheduling/taken.ts'
import { showAppointments } from '../store/appointments.ts'
import { findBookingOperatory, lockResources } from '../store/resources.ts'
import { listTaken } from '../store/taken-time.ts'

/** The time that an appointment wants. */
export interface WantedTime extends Span {
  appointment_type_id: number | null
}

export interface TimeTerms {
  /** What is in nobody's way: the appointment that moves, and the hold whose place is taken. */
  appointmentId?: number
  holdId?: number | null
  /** At most so many in the slot (`appointments_per_timeslot`), where the policy takes that many. */
  perSlot?: number | null
  /** The key may book over what is there, and says why. */
  overbooks?: boolean
}

/** Refused because of what is there. The server finds other times for it, once its transaction has let go of its locks. */
export class SlotTaken extends Failure {
  readonly wanted: WantedTime
  readonly perSlot: number | null
  constructor(sentences: string[], wanted: WantedTime, perSlot: number | null) {
    super('slot_taken', sentences)
    this.wanted = wanted
    this.perSlot = perSlot
  }
}

/** A time that was taken, and under which policy. The ids of what is overbooked are empty where nothing was in the way. */
export interface TakenTime {
  policy: Policy
  appointmentIds: number[]
  holdIds: number[]
}

/**
 * Locks the resources of a span and throws `SlotTaken` where the location's policy lets no more in. All that is in the way is
 * named: by id, kind and time, never by patient.
 */
export async function takeTime(tx: Tenant, wanted: WantedTime, terms: TimeTerms = {}): Promise<TakenTime> {
  const { appointmentId, holdId, perSlot = null, overbooks = false } = terms
  const { start_time: from, end_time: to } = wanted
  const { policy, seen: taken } = await lockResources(
    tx,
    {
      locationId: wanted.location_id,
      operatoryId: wanted.operatory_id,
      providerId: wanted.provider_id,
    },
    () => listTaken(tx, { locationIds: [wanted.location_id], from, to, of: null }),
  )
  const others = taken.filter(
    (row) =>
      (row.appointment_id === null || row.appointment_id !== appointmentId) &&
      (row.hold_id === null || row.hold_id !== holdId),
  )
  const rows = inTheWayOf({ ...wanted, start: toMs(from), end: toMs(to) }, others, { policy, perSlot })
  const appointmentIds = [...new Set(rows.flatMap((row) => row.appointment_id ?? []))]
  const holds = rows.filter((row) => row.hold_id !== null)
  if (rows.length > 0 && !overbooks) throw await refusal(tx, appointmentIds, holds, wanted, perSlot)
  return { policy, appointmentIds, holdIds: [...new Set(holds.flatMap((row) => row.hold_id ?? []))] }
}

async function refusal(
  tx: Tenant,
  appointmentIds: number[],
  holds: TakenSpan[],
  wanted: WantedTime,
  perSlot: number | null,
): Promise<SlotTaken> {
  const shown = await showAppointments(tx, appointmentIds)
  const sentences = [
    ...shown.map((row) => {
      const what = row.unavailable ? 'block' : 'appointment'
      return `The requested time is not available: ${what} ${row.id} is there from ${row.start_time} to ${row.end_time}.`
    }),
    ...holds.map(
      (row) =>
        `The requested time is not available: hold ${row.hold_id} is there from ${toInstant(row.start)} to ${toInstant(row.end)}.`,
    ),
  ]
  return new SlotTaken(sentences, wanted, perSlot)
}

/** Refuses an operatory of another location, or none that exists. */
export async function checkOperatory(
  tx: Tenant,
  operatoryId: number | null,
  locationId: number,
): Promise<void> {
  if (operatoryId === null) return
  const operatory = await findBookingOperatory(tx, operatoryId)
  if (operatory?.location_id !== locationId) throw new Failure('not_found', 'Operatory not found')
}
