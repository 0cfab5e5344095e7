/** How full a chair is on a day, counted in whole half hours of its opening time that nothing touches. */
import { inTheWay } from './in-the-way.ts'
import type { Practice } from './practice.ts'
import { wallToMs } from './practice-day.ts'
import { CLOSES, OPENS } from './seed-directory.ts'

const HALF_HOUR_MS = 30 * 60_000

/** The seed and the desk's own pace leave at least this many half hours free in every chair on every open day. */
export const FREE_KEPT = 8

/** Begins (epoch milliseconds) of the half hours, from the opening on, in which this clinician's chair is free. */
export function freeHalfHours(practice: Practice, day: string, chair: number, clinician: number): number[] {
  const opens = wallToMs(day, OPENS, practice.zone)
  const closes = wallToMs(day, CLOSES, practice.zone)
  const busy = inTheWay(practice, { chair, clinician, begins: opens, finishes: closes })
  const free: number[] = []
  for (let begins = opens; begins + HALF_HOUR_MS <= closes; begins += HALF_HOUR_MS) {
    if (!busy.some((span) => span.begins < begins + HALF_HOUR_MS && span.finishes > begins)) free.push(begins)
  }
  return free
}
