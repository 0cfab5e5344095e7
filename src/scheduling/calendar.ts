/** Calendar days as whole numbers, counted from 1970-01-01; no zone comes into it. */
import type { LocalDate } from '../model/time.ts'

export const DAY_MS = 86_400_000

/** A calendar day as a number, 0 being 1970-01-01. Days are added and compared as numbers. */
export type DayNumber = number

/** `2026-12-07` → its number. */
export function toDay(date: LocalDate): DayNumber {
  // A date alone is read as UTC, by the language's rule.
  return Date.parse(date) / DAY_MS
}

/** A day's number → `2026-12-07`. */
export function toDate(day: DayNumber): LocalDate {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** 0 for Monday to 6 for Sunday. */
export function weekdayOf(day: DayNumber): number {
  return (((day + 3) % 7) + 7) % 7
}

/** The day some months after another; the last of the month where that has no such day. */
export function addMonths(day: DayNumber, months: number): DayNumber {
  const from = new Date(day * DAY_MS)
  const month = from.getUTCMonth() + months
  const last = new Date(Date.UTC(from.getUTCFullYear(), month + 1, 0)).getUTCDate()
  return Date.UTC(from.getUTCFullYear(), month, Math.min(from.getUTCDate(), last)) / DAY_MS
}

/** Whole calendar months between the months of two days. */
export function monthsBetween(from: DayNumber, to: DayNumber): number {
  const [a, b] = [new Date(from * DAY_MS), new Date(to * DAY_MS)]
  return (b.getUTCFullYear() - a.getUTCFullYear()) * 12 + b.getUTCMonth() - a.getUTCMonth()
}
