/** A booking that names a hold takes its place: the hold must be the same key's, still count, and be of the same slot. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { readTime } from '../model/wire-time.ts'
import { lockHold, type SlotHold } from '../store/slot-holds.ts'

interface Claim {
  apiKeyId: number
  holdId?: number | null
  locationId: number
  providerId: number | null
  operatoryId: number | null
  start: string
}

/**
 * Locks the hold that a booking names; null where it names none.
 * @param zone the location's, for a start without an offset
 * @throws Failure `not_found` where it is none of the key's, `invalid_request` where it has expired or is of another slot
 */
export async function claimHold(tx: Tenant, claim: Claim, zone: string): Promise<SlotHold | null> {
  const id = claim.holdId ?? null
  if (id === null) return null
  const hold = await lockHold(tx, id)
  if (hold?.api_key_id !== claim.apiKeyId) throw new Failure('not_found', 'Slot hold not found')
  if (!hold.live)
    throw new Failure(
      'invalid_request',
      `Slot hold ${id} expired at ${hold.expires_at}; ask for the slot again`,
    )
  const start = readTime({ name: 'start_time', text: claim.start, zone, edge: 'first' }).instant
  const pairs = [
    ['location_id', hold.location_id, claim.locationId],
    ['provider_id', hold.provider_id, claim.providerId],
    ['operatory_id', hold.operatory_id, claim.operatoryId],
    ['start_time', hold.start_time, start],
  ] as const
  const wrong = pairs.flatMap(([name, held, asked]) =>
    held === asked ? [] : [`Parameter ${name} is not that of slot hold ${id}, which has ${held ?? 'none'}`],
  )
  if (wrong.length > 0) throw new Failure('invalid_request', wrong)
  return hold
}
