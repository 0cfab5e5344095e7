/** When a delivery that failed is tried again, and when its endpoint is paused (wire reference, 7.6). */
import { hours, minutes } from '../model/time.ts'

/** Retries, counted from the first attempt of a round. */
export const RETRIES_MS = [
  30_000,
  minutes(1.5),
  minutes(3.5),
  minutes(10),
  minutes(30),
  hours(2),
  hours(5),
  hours(10),
  hours(24),
  hours(48),
] as const

/** Attempts that all fail for this long pause an endpoint. */
export const PAUSE_AFTER_MS = hours(48)

/** Up to this part of a retry's time is added, so that deliveries that failed together do not come back together. */
const JITTER = 0.1
/** When we were down ourselves, retries that were missed are not made up for in one burst. */
const GAP_MS = 30_000

/**
 * When to try again after the `tries`th attempt of a round failed; null: never, it is dead.
 * No earlier than the schedule says, so that nothing dies before 48 hours have passed.
 * @param firstAt epoch ms of the round's first attempt
 * @param now epoch ms
 * @param random in [0, 1)
 */
export function nextAttempt(firstAt: number, tries: number, now: number, random: number): number | null {
  const after = RETRIES_MS[tries - 1]
  if (after === undefined) return null
  return Math.max(firstAt + after * (1 + JITTER * random), now + GAP_MS * (tries > 1 ? 1 : 0))
}
