/**
 * Datetimes as clients send them (decision 15 of the wire reference). Accepted: `Z`, `+00:00`, `+0000`, a space where a
 * query string's plus was, no offset (wall time of a zone, with a warning), or a day alone.
 */
import { Temporal } from 'temporal-polyfill'
import { Failure } from './failures.ts'
import { type Instant, toInstant } from './time.ts'

export interface GivenTime {
  /** The parameter's name, for the sentences. */
  name: string
  text: string
  /** IANA zone that a time without an offset is read in. */
  zone: string
  /** What a day alone means: its first instant, or, as the end of a window, its last millisecond. */
  edge: 'first' | 'last'
}

export interface ReadTime {
  instant: Instant
  warnings: string[]
}

const DAY = /^(\d{4}-\d{2}-\d{2})$/
const TIME =
  /^(\d{4}-\d{2}-\d{2})[T\s](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?(?:\s?(Z)|(\s?[+-]|\s)(\d{2}):?(\d{2})?)?$/i
const OFFSET_MINUTES_MAX = 14 * 60
/**
 * The ends of time. Some clients send year 1 or 9999 for "ever": such an instant is drawn in, so that an appointment's
 * length or a day laid beside it still makes text of 24 characters, which is compared as text, and a date of PostgreSQL's.
 */
const FIRST_MS = Date.parse('0001-01-03T00:00:00.000Z')
const LAST_MS = Date.parse('9998-12-29T23:59:59.999Z')

/** Reads a datetime. Throws `invalid_request` naming the parameter where it is none, or where the wall time does not exist or comes twice. */
export function readTime(given: GivenTime): ReadTime {
  const text = given.text.trim()
  try {
    const day = DAY.exec(text)?.[1]
    if (day) return { instant: edgeOfDay(day, given), warnings: [] }
    const match = TIME.exec(text)
    if (!match) throw unreadable(given)
    const wall = wallTime(`${match[1]}T${match[2]}`, match[3])
    if (match[4]) return { instant: fromWall(wall, 0), warnings: [] }
    if (match[6] === undefined) return fromZone(wall, given)
    const offset = Number(match[6]) * 60 + Number(match[7] ?? 0)
    if (offset > OFFSET_MINUTES_MAX || Number(match[7] ?? 0) > 59) throw unreadable(given)
    return { instant: fromWall(wall, match[5]?.includes('-') ? -offset : offset), warnings: [] }
  } catch (error) {
    if (error instanceof RangeError) throw unreadable(given)
    throw error
  }
}

/** Whether a text bears its offset, so that it means the same in every zone. */
export function bearsOffset(text: string): boolean {
  const match = TIME.exec(text.trim())
  return match?.[4] !== undefined || match?.[6] !== undefined
}

/** Whether a text is an IANA zone that we know. */
export function isZone(zone: string): boolean {
  try {
    // An offset is a zone to Temporal, but knows no clock changes.
    return (
      zone === 'UTC' ||
      (/^[A-Za-z]/.test(zone) && Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone) !== null)
    )
  } catch {
    return false
  }
}

/** Whether a text is a calendar day `YYYY-MM-DD` that exists. */
export function isDay(text: string): boolean {
  if (!DAY.test(text) || text.startsWith('0000')) return false
  try {
    return Temporal.PlainDate.from(text, { overflow: 'reject' }).toString() === text
  } catch {
    return false
  }
}

function wallTime(text: string, fraction: string | undefined): Temporal.PlainDateTime {
  // Temporal reads a leap second as :59; we refuse it like any other time that no clock shows.
  if (/:6\d$/.test(text)) throw new RangeError('seconds end at 59')
  const wall = Temporal.PlainDateTime.from(text, { overflow: 'reject' })
  return wall.with({ millisecond: Number((fraction ?? '').padEnd(3, '0').slice(0, 3)) })
}

function fromWall(wall: Temporal.PlainDateTime, offsetMinutes: number): Instant {
  return within(wall.toZonedDateTime('UTC').epochMilliseconds - offsetMinutes * 60_000)
}

function fromZone(wall: Temporal.PlainDateTime, given: GivenTime): ReadTime {
  const earlier = wall.toZonedDateTime(given.zone, { disambiguation: 'earlier' }).epochMilliseconds
  const later = wall.toZonedDateTime(given.zone, { disambiguation: 'later' }).epochMilliseconds
  if (earlier !== later) {
    const seen = Temporal.Instant.fromEpochMilliseconds(earlier)
      .toZonedDateTimeISO(given.zone)
      .toPlainDateTime()
    const why = seen.equals(wall) ? 'comes twice' : 'does not exist'
    throw new Failure(
      'invalid_request',
      `Parameter ${given.name}: this wall time ${why} in ${given.zone}; send it with an offset`,
    )
  }
  return {
    instant: within(earlier),
    warnings: [`${given.name} has no offset and was read as wall time of ${given.zone}.`],
  }
}

function edgeOfDay(day: string, given: GivenTime): Instant {
  const date = Temporal.PlainDate.from(day, { overflow: 'reject' })
  if (given.edge === 'first') return within(date.toZonedDateTime(given.zone).epochMilliseconds)
  return within(date.add({ days: 1 }).toZonedDateTime(given.zone).epochMilliseconds - 1)
}

function within(ms: number): Instant {
  return toInstant(Math.min(Math.max(ms, FIRST_MS), LAST_MS))
}

function unreadable(given: GivenTime): Failure {
  return new Failure(
    'invalid_request',
    `Parameter ${given.name} is not a datetime (ISO 8601, such as 2026-12-07T14:00:00-05:00)`,
  )
}
