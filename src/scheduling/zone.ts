/**
 * A zone as integers: offsets and wall times from a table of its clock changes, looked up once and kept. The table comes
 * from Temporal, which asks the runtime's IANA data; the process's own zone plays no part.
 *
 * A wall time is a number too: the epoch milliseconds that the same digits would be in UTC.
 */
import { Temporal } from 'temporal-polyfill'
import { DAY_MS, type DayNumber } from './calendar.ts'

export interface Zone {
  name: string
  /** What to add to an instant (epoch ms) to get its wall time, in milliseconds. */
  offsetAt(ms: number): number
  /**
   * The first instant (epoch ms) at which a clock on the wall shows `wall` or later. A time that the clock skips is the
   * change itself; of a time that comes twice it is the first.
   */
  firstAt(wall: number): number
  /** The first instant of a calendar day. */
  dayStart(day: DayNumber): number
  /** The calendar day of an instant. */
  dayAt(ms: number): DayNumber
}

/** A stretch with one offset, up to the next change. */
interface OffsetStretch {
  start: number
  end: number
  offset: number
}

/** Tables are made by the year or so, so that a far date costs no more than a near one. */
const TABLE_MS = 400 * DAY_MS
/** Beyond both ends of a table, so that any wall time of it is found in it. */
const MARGIN_MS = 3 * DAY_MS
/** Tables of a zone that are kept; a practice looks a year ahead. */
const TABLES_MAX = 64

const zones = new Map<string, Zone>()

/** The zone of that IANA name. Throws a RangeError where there is none. */
export function openZone(name: string): Zone {
  const known = zones.get(name)
  if (known) return known
  const made = makeZone(name)
  zones.set(name, made)
  return made
}

function makeZone(name: string): Zone {
  const tables = new Map<number, OffsetStretch[]>()
  let latest = Number.NaN
  let table: OffsetStretch[] = []
  const lookUp = (ms: number): OffsetStretch[] => {
    const index = Math.floor(ms / TABLE_MS)
    if (index === latest) return table
    if (tables.size >= TABLES_MAX) tables.clear()
    table =
      tables.get(index) ??
      readStretches(name, index * TABLE_MS - MARGIN_MS, (index + 1) * TABLE_MS + MARGIN_MS)
    tables.set(index, table)
    latest = index
    return table
  }
  const offsetAt = (ms: number) => {
    for (const stretch of lookUp(ms)) if (ms < stretch.end) return stretch.offset
    throw new Error(`the table of ${name} ends before ${ms}`)
  }
  const firstAt = (wall: number) => {
    for (const { start, end, offset } of lookUp(wall))
      if (wall < end + offset) return Math.max(start, wall - offset)
    throw new Error(`the table of ${name} ends before ${wall}`)
  }
  // A name that is none is refused here rather than at its first use.
  lookUp(0)
  return {
    name,
    offsetAt,
    firstAt,
    dayStart: (day) => firstAt(day * DAY_MS),
    dayAt: (ms) => Math.floor((ms + offsetAt(ms)) / DAY_MS),
  }
}

function readStretches(name: string, from: number, to: number): OffsetStretch[] {
  const stretches: OffsetStretch[] = []
  let at = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(name)
  let start = from
  while (start < to) {
    const change = at.getTimeZoneTransition('next')
    const end = Math.min(change?.epochMilliseconds ?? to, to)
    stretches.push({ start, end, offset: at.offsetNanoseconds / 1e6 })
    if (!change) break
    start = end
    at = change
  }
  return stretches
}
