/**
 * How many may share a time at a location: the one rule that decides for slots, holds, bookings and writes alike.
 * docs/overbooking.md says it for people.
 */
import { type Resource, takesLocation, wantSame } from './conflicts.ts'

/**
 * `strict`: one at a time in an operatory; of a provider only where there is no operatory.
 * `limit`: at most so many at one instant, counted for the operatory and for the provider, wherever the provider is.
 * `open`: any number.
 * Blocks share with nobody under any of them.
 */
export type Policy =
  | { kind: 'strict' }
  | { kind: 'limit'; operatory: number; provider: number }
  | { kind: 'open' }

export interface Sharing {
  policy: Policy
  /** At most so many in one slot, where the request says so (`appointments_per_timeslot`); never more than the policy has. */
  perSlot: number | null
}

export const STRICT: Sharing = { policy: { kind: 'strict' }, perSlot: null }

/** What takes time, or would: of something, alone or beside others. */
export interface Taker extends Resource {
  unavailable: boolean
}

/** One count that must not be passed: of those that `counts` takes in, fewer than `most` may be there before one more comes. */
export interface Cap {
  counts(other: Taker): boolean
  most: number
}

/** The counts that taking `wanted` would raise. */
export function capsOn(wanted: Taker, { policy, perSlot }: Sharing): Cap[] {
  const same = (other: Taker) => wantSame(other, wanted)
  if (policy.kind === 'strict') return [{ counts: same, most: 1 }]
  // Where it is unknown what a visit takes, a limit cannot be counted: it is left alone with the whole location.
  const isAlone = (taker: Taker) => taker.unavailable || (policy.kind === 'limit' && takesLocation(taker))
  const caps: Cap[] = [{ counts: (other) => same(other) && (isAlone(other) || isAlone(wanted)), most: 1 }]
  const { location_id, operatory_id, provider_id } = wanted
  const limit = policy.kind === 'limit' ? policy : { operatory: Infinity, provider: Infinity }
  const slot = perSlot ?? Infinity
  if (operatory_id !== null)
    caps.push({
      counts: (other) => other.location_id === location_id && other.operatory_id === operatory_id,
      most: Math.min(limit.operatory, slot),
    })
  if (provider_id !== null)
    caps.push({
      counts: (other) => other.location_id === location_id && other.provider_id === provider_id,
      most: operatory_id === null ? Math.min(limit.provider, slot) : limit.provider,
    })
  return caps.filter(({ most }) => most !== Infinity)
}

/** Whether rows of a provider count in whatever operatory they are. */
export function countsProviders(policy: Policy): boolean {
  return policy.kind === 'limit'
}

/** How many a policy takes in one slot at most. */
export function mostInSlot(policy: Policy): number {
  if (policy.kind === 'open') return Infinity
  return policy.kind === 'strict' ? 1 : policy.operatory
}
