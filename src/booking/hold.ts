/** Holds: a slot set aside for minutes, under the same rules and locks as a booking. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import {
  countLiveHolds,
  deleteHold,
  forgetExpiredHolds,
  insertHold,
  lockHold,
  lockHolder,
  type SlotHold,
} from '../store/slot-holds.ts'
import { checkResources, decideTimes, openLocation } from './book.ts'
import { takeTime } from './check-time.ts'
import { checkHours } from './hours-rule.ts'

/** What is to be held. `start` and `end` as given; `minutes` is how long the hold counts. */
export interface HoldRequest {
  apiKeyId: number
  locationId: number
  providerId: number
  operatoryId: number | null
  start: string
  end: string | null
  appointmentTypeId: number | null
  minutes: number
}

/** Holds of one key at once, so that no client closes a practice by holding it. */
const HOLDS_MAX = 20

/** Holds a slot. Refuses with a `Failure` as the booking would; of two holders of one slot, one. */
export async function holdSlot(
  tx: Tenant,
  request: HoldRequest,
): Promise<{ hold: SlotHold; warnings: string[] }> {
  const location = await openLocation(tx, { locationId: request.locationId, unavailable: false })
  if (request.operatoryId === null && location.map_by_operatory)
    throw new Failure('invalid_request', 'Missing parameter operatory_id')
  const resources = await checkResources(tx, location, { ...request, categoryId: null, descriptorIds: [] })
  const times = decideTimes(location, { ...request, unavailable: false }, resources.minutes)
  const span = {
    location_id: location.id,
    provider_id: request.providerId,
    operatory_id: request.operatoryId,
    start_time: times.start,
    end_time: times.end,
    appointment_type_id: resources.typeId,
    unavailable: false,
  }
  await checkHours(tx, location, span)
  await lockHolder(tx, request.apiKeyId)
  await forgetExpiredHolds(tx, request.apiKeyId)
  if ((await countLiveHolds(tx, request.apiKeyId)) >= HOLDS_MAX)
    throw new Failure(
      'invalid_request',
      `This API key has ${HOLDS_MAX} holds, and may have no more: book one or let one go`,
    )
  await takeTime(tx, span)
  const hold = await insertHold(tx, {
    ...request,
    appointmentTypeId: resources.typeId,
    start: times.start,
    end: times.end,
  })
  return { hold, warnings: times.warnings }
}

/** Lets a hold of this key go, and answers it as it was. Throws `not_found` where the key has no such hold. */
export async function releaseHold(tx: Tenant, apiKeyId: number, id: number): Promise<SlotHold> {
  const hold = await lockHold(tx, id)
  if (hold?.api_key_id !== apiKeyId) throw new Failure('not_found', 'Slot hold not found')
  await deleteHold(tx, id)
  return hold
}
