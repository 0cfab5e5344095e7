/** Days and wall times of the practice's own zone. Instants are epoch milliseconds, days `YYYY-MM-DD`, wall times `HH:MM`. */
import { Temporal } from 'temporal-polyfill'

export function dayOf(ms: number, zone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDate().toString()
}

/** The instant at which clocks there show `wall` on `day`; in a gap the later reading, as clocks on the wall do. */
export function wallToMs(day: string, wall: string, zone: string): number {
  return Temporal.PlainDateTime.from(`${day}T${wall}`).toZonedDateTime(zone).epochMilliseconds
}

/** Wall time `HH:MM` of an instant. */
export function wallOf(ms: number, zone: string): string {
  const at = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone)
  return at.toPlainTime().toString({ smallestUnit: 'minute' })
}

export function addDays(day: string, count: number): string {
  return Temporal.PlainDate.from(day).add({ days: count }).toString()
}

/** 1 is Monday, 7 Sunday. */
export function weekdayOf(day: string): number {
  return Temporal.PlainDate.from(day).dayOfWeek
}

/** Whole days from `first` to `second`; negative where `second` comes before. */
export function daysBetween(first: string, second: string): number {
  return Temporal.PlainDate.from(first).until(Temporal.PlainDate.from(second)).days
}

/** Midnight to midnight: 23, 24 or 25 hours. */
export function dayBounds(day: string, zone: string): { begins: number; finishes: number } {
  return { begins: wallToMs(day, '00:00', zone), finishes: wallToMs(addDays(day, 1), '00:00', zone) }
}
