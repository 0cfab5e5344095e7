/** The two rules about working hours at booking time (decision 27 of the wire reference). */
import type { Tenant } from '../db/database.ts'
import type { Draft } from '../model/appointment-state.ts'
import { Failure } from '../model/failures.ts'
import { covers } from '../scheduling/hours.ts'
import { type BookingLocation, listActiveHours } from '../store/resources.ts'

/**
 * Refuses a typed booking where the location has hours that name types and none of them covers the time with this type,
 * and, where the location says so, any booking outside working hours. Blocks are free of both.
 */
export async function checkHours(
  tx: Tenant,
  location: BookingLocation,
  draft: Pick<
    Draft,
    'appointment_type_id' | 'unavailable' | 'provider_id' | 'operatory_id' | 'start_time' | 'end_time'
  >,
): Promise<void> {
  const typed = draft.appointment_type_id
  if (draft.unavailable || (typed === null && location.outside_hours === 'allow')) return
  const hours = await listActiveHours(tx, location.id)
  const open = hours.filter(
    (hour) =>
      hour.provider_id === draft.provider_id &&
      (hour.operatory_id === null ||
        draft.operatory_id === null ||
        hour.operatory_id === draft.operatory_id) &&
      covers(hour, draft.start_time, draft.end_time, location.tz),
  )
  const anyTyped = hours.some((hour) => hour.appointment_type_ids.length > 0)
  if (typed !== null && anyTyped && !open.some((hour) => hour.appointment_type_ids.includes(typed)))
    throw new Failure(
      'invalid_request',
      'appointment_type_id was not found to be configured for the requested slot',
    )
  if (location.outside_hours === 'refuse' && open.length === 0)
    throw new Failure(
      'outside_hours',
      'The requested time lies outside the working hours of this provider and location.',
    )
}
