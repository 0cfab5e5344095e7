/**
 * Open Dental keeps wall time without an offset: `2026-11-01 01:30:00` by the clocks of the clinic. One wall clock turns
 * such text into instants and back; `0001-01-01` is its way of saying no date.
 */
import { Temporal } from 'temporal-polyfill'
import { type Instant, type LocalDate, toInstant } from '../../model/time.ts'

/** What a wall time means. `doubtful`: it comes twice that night, or never; the first, or the one after the gap, is taken. */
export interface Reading {
  instant: Instant
  doubtful: 'twice' | 'never' | null
}

export interface WallClock {
  zone: string
  /** `YYYY-MM-DD HH:MM:SS` → instant; null where the text is no time, or none is meant. */
  read(text: string): Reading | null
  /** Instant → `YYYY-MM-DD HH:MM:SS`; null where reading that text back would give another instant. */
  write(instant: Instant): string | null
  /** The same without that check, for the bounds of a search. */
  show(instant: Instant): string
  /** The first instant of a calendar day. */
  startOfDay(day: LocalDate): Instant
}

const TEXT = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)/
/** Before it nothing was booked: `0001-01-01` and its kind mean none. */
const FIRST_YEAR = 1880
const DAYS_KEPT = 4000

const clocks = new Map<string, WallClock>()

/** The clock of that IANA zone. @throws RangeError where there is none */
export function openWallClock(zone: string): WallClock {
  const known = clocks.get(zone)
  if (known) return known
  const made = makeClock(zone)
  clocks.set(zone, made)
  return made
}

function makeClock(zone: string): WallClock {
  /** The offset of days that have only one, in milliseconds; null for the others. */
  const offsets = new Map<string, number | null>()
  const offsetOf = (day: string): number | null => {
    const kept = offsets.get(day)
    if (kept !== undefined) return kept
    if (offsets.size >= DAYS_KEPT) offsets.clear()
    const start = Temporal.PlainDate.from(day).toZonedDateTime({ timeZone: zone })
    const end = start.add({ days: 1 })
    const offset = start.offsetNanoseconds === end.offsetNanoseconds ? start.offsetNanoseconds / 1e6 : null
    offsets.set(day, offset)
    return offset
  }
  const read = (text: string): Reading | null => {
    const [, year, month, day, hour, minute, second] = (TEXT.exec(text) ?? []).map(Number)
    if (year === undefined || year < FIRST_YEAR || !month || !day) return null
    const wall = Date.UTC(year, month - 1, day, hour, minute, second)
    if (toInstant(wall).slice(0, 10) !== text.slice(0, 10)) return null
    const offset = offsetOf(text.slice(0, 10))
    if (offset !== null) return { instant: toInstant(wall - offset), doubtful: null }
    const plain = Temporal.PlainDateTime.from(text.slice(0, 19).replace(' ', 'T'))
    const first = plain.toZonedDateTime(zone, { disambiguation: 'earlier' })
    const later = plain.toZonedDateTime(zone, { disambiguation: 'later' })
    if (first.epochMilliseconds === later.epochMilliseconds)
      return { instant: toInstant(first.epochMilliseconds), doubtful: null }
    if (first.toPlainDateTime().equals(plain))
      return { instant: toInstant(first.epochMilliseconds), doubtful: 'twice' }
    return { instant: toInstant(later.epochMilliseconds), doubtful: 'never' }
  }
  const show = (instant: Instant): string =>
    Temporal.Instant.from(instant)
      .toZonedDateTimeISO(zone)
      .toPlainDateTime()
      .toString({ smallestUnit: 'second' })
      .replace('T', ' ')
  return {
    zone,
    read,
    show,
    write(instant) {
      const text = show(instant)
      return read(text)?.instant === instant ? text : null
    },
    startOfDay: (day) =>
      toInstant(Temporal.PlainDate.from(day).toZonedDateTime({ timeZone: zone }).epochMilliseconds),
  }
}

/** A date column → calendar day; null where none is meant. */
export function readDate(text: string | null): LocalDate | null {
  if (text === null || !/^\d{4}-\d\d-\d\d/.test(text) || Number(text.slice(0, 4)) < FIRST_YEAR) return null
  return text.slice(0, 10)
}
