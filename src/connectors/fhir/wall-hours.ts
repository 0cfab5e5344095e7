/**
 * Stretches of real time as hours by the wall, such as a working hour of one date can say them. Pure.
 *
 * A working hour is open from the first instant at which the wall shows its begin to the first at which it shows its end.
 * So all can be said but what begins or ends while the wall shows a time for the second time, in the hour that comes
 * twice: that much is left out, since hours that open too long would offer time that is not free.
 */
import { Temporal } from 'temporal-polyfill'
import type { LocalDate } from '../../model/time.ts'

/** `[start, end)` in epoch milliseconds. */
export interface Stretch {
  start: number
  end: number
}

/** Hours of one date; `HH:MM`, the end up to `24:00`. */
export interface WallHours {
  date: LocalDate
  begin: string
  end: string
}

const MINUTE_MS = 60_000

/** In order, each instant once: adjoining and overlapping ones become one. */
export function merged(stretches: Stretch[]): Stretch[] {
  const result: Stretch[] = []
  for (const { start, end } of stretches.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else if (end > start) result.push({ start, end })
  }
  return result
}

/** The hours of each date that a stretch touches, in whole minutes inside it. `zone` is an IANA name. */
export function wallHours({ start, end }: Stretch, zone: string): WallHours[] {
  const hours: WallHours[] = []
  let at = Temporal.Instant.fromEpochMilliseconds(
    Math.ceil(start / MINUTE_MS) * MINUTE_MS,
  ).toZonedDateTimeISO(zone)
  while (at.epochMilliseconds < end) {
    const midnight = at.add({ days: 1 }).startOfDay()
    const hour = hoursOfDay(at, midnight, end)
    if (hour !== null) hours.push(hour)
    at = midnight
  }
  return hours
}

/** What of `[at, end)` lies before `midnight`, as hours of the date of `at`; null where the wall cannot say any of it. */
function hoursOfDay(
  at: Temporal.ZonedDateTime,
  midnight: Temporal.ZonedDateTime,
  end: number,
): WallHours | null {
  const begin = isFirst(at) ? at : afterTwice(at)
  const date = at.toPlainDate().toString()
  if (end >= midnight.epochMilliseconds) {
    return begin.epochMilliseconds < midnight.epochMilliseconds
      ? { date, begin: clock(begin), end: '24:00' }
      : null
  }
  const last = Temporal.Instant.fromEpochMilliseconds(
    Math.floor(end / MINUTE_MS) * MINUTE_MS,
  ).toZonedDateTimeISO(at.timeZoneId)
  const until = isFirst(last) ? last : first(last)
  if (begin.epochMilliseconds >= until.epochMilliseconds) return null
  return { date, begin: clock(begin), end: clock(until) }
}

/** The first instant that shows the same time on the same date. */
function first(at: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  return at.toPlainDateTime().toZonedDateTime(at.timeZoneId, { disambiguation: 'earlier' })
}

function isFirst(at: Temporal.ZonedDateTime): boolean {
  return first(at).epochMilliseconds === at.epochMilliseconds
}

/** Where the times that come for the second time are over. `at` is one of them. */
function afterTwice(at: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  const change = at.getTimeZoneTransition('previous') ?? at
  // A transition at this very instant is not `previous`.
  const turn = isChange(at) ? at : change
  const back = turn.subtract({ nanoseconds: 1 }).offsetNanoseconds - turn.offsetNanoseconds
  return turn.add({ nanoseconds: back })
}

function isChange(at: Temporal.ZonedDateTime): boolean {
  return at.subtract({ nanoseconds: 1 }).offsetNanoseconds !== at.offsetNanoseconds
}

function clock(at: Temporal.ZonedDateTime): string {
  return at.toPlainTime().toString({ smallestUnit: 'minute' })
}
