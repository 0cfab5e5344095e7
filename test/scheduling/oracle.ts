/**
 * The oracle: slots worked out the slow and obvious way, minute by minute, from what the wall clock shows. It shares
 * nothing with the engine: wall times come from `Intl`, and every rule is spelled out again in its own words.
 */
import type { SlotHour } from '../../src/scheduling/slots.ts'
import type { TakenSpan } from '../../src/scheduling/taken.ts'

export const MINUTE = 60_000
const DAY = 1440 * MINUTE

/** What a clock in the zone shows at each minute of a stretch of time. */
export interface WallClock {
  from: number
  to: number
  /** `2026-12-07T09:00` at an instant (epoch ms, whole minutes). */
  at(ms: number): string
}

const weekday = new Intl.DateTimeFormat('en-US', { weekday: 'long', timeZone: 'UTC' })
const formats = new Map<string, Intl.DateTimeFormat>()

/** One moment on the wall, by `Intl`. */
export function wallAt(zone: string, ms: number): string {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    })
  formats.set(zone, format)
  return format.format(ms).replace(', ', 'T')
}

/** Reads the clock at every minute of `[from, to)`. */
export function readClock(zone: string, from: number, to: number): WallClock {
  const shown: string[] = []
  for (let ms = from; ms < to; ms += MINUTE) shown.push(wallAt(zone, ms))
  return { from, to, at: (ms) => shown[(ms - from) / MINUTE] ?? wallAt(zone, ms) }
}

export interface OracleQuestion {
  clock: WallClock
  hours: SlotHour[]
  spans: TakenSpan[]
  /** Local days, `2026-12-07`. */
  dates: string[]
  length: number
  step: number
  grain: number
  buffer: number
  /** First instant that may be offered. */
  earliest: number
  everyOperatory: boolean
}

/** `<start> <operatory>` of each slot, in order; lengths in minutes. */
export function oracleSlots(question: OracleQuestion): string[] {
  const found = new Set<string>()
  for (const hour of question.hours)
    for (const date of question.dates)
      if (isOn(hour, date))
        for (const start of startsOf(hour, date, question)) found.add(`${start} ${hour.operatory_id ?? 0}`)
  const all = [...found].sort((a, b) => {
    const [[startA = 0, roomA = 0], [startB = 0, roomB = 0]] = [
      a.split(' ').map(Number),
      b.split(' ').map(Number),
    ]
    return startA - startB || roomA - roomB
  })
  if (question.everyOperatory) return all
  const seen = new Set<string>()
  return all.filter((slot) => {
    const start = slot.split(' ')[0] ?? ''
    if (seen.has(start)) return false
    seen.add(start)
    return true
  })
}

/** Whether a rule falls on a date: weekdays by name, recurrences by counting on from their first day. */
export function isOn(hour: SlotHour, date: string): boolean {
  if (hour.specific_date) return hour.specific_date === date
  if (!hour.custom_recurrence) {
    return hour.days.includes(weekday.format(Date.parse(date)))
  }
  const { num, unit, ref } = hour.custom_recurrence
  for (let times = 0; ; times++) {
    const day = later(ref, times * num, unit)
    if (day === date) return true
    if (day > date) return false
  }
}

function later(ref: string, count: number, unit: 'day' | 'week' | 'month'): string {
  if (unit !== 'month')
    return new Date(Date.parse(ref) + count * (unit === 'week' ? 7 : 1) * DAY).toISOString().slice(0, 10)
  const [year = 0, month = 0, day = 0] = ref.split('-').map(Number)
  for (let fits = day; ; fits--) {
    const made = new Date(Date.UTC(year, month - 1 + count, fits))
    if (made.getUTCMonth() === (month - 1 + count) % 12) return made.toISOString().slice(0, 10)
  }
}

function startsOf(hour: SlotHour, date: string, question: OracleQuestion): number[] {
  const { clock, length, step, grain, earliest } = question
  const open = openMinutes(hour, date, clock)
  const isOpen = new Set(open)
  const grid = open.find((ms) => Number(clock.at(ms).slice(14)) % grain === 0)
  if (grid === undefined) return []
  const starts: number[] = []
  for (let start = grid; isOpen.has(start); start += step * MINUTE) {
    const own = minutesOf(start, length)
    const near = minutesOf(start - question.buffer * MINUTE, length + 2 * question.buffer)
    const fits = own.every((ms) => isOpen.has(ms))
    const free = near.every((ms) => !question.spans.some((span) => isTaken(span, ms, hour)))
    if (fits && free && start >= earliest && Number(clock.at(start).slice(14)) % grain === 0)
      starts.push(start)
  }
  return starts
}

/** The minutes from the first that shows the begin or later, up to the first that shows the end or later. */
function openMinutes(hour: SlotHour, date: string, clock: WallClock): number[] {
  const begin = `${date}T${hour.begin_time}`
  const end = hour.end_time === '24:00' ? `${later(date, 1, 'day')}T00:00` : `${date}T${hour.end_time}`
  const seen = scanned.get(clock) ?? new Map<string, number[]>()
  scanned.set(clock, seen)
  const open = seen.get(begin + end) ?? scan(clock, begin, end)
  seen.set(begin + end, open)
  return open
}

/** Windows that were looked for before on the same clock. */
const scanned = new WeakMap<WallClock, Map<string, number[]>>()

function scan(clock: WallClock, begin: string, end: string): number[] {
  const open: number[] = []
  let begun = false
  for (let ms = clock.from; ms < clock.to; ms += MINUTE) {
    const shown = clock.at(ms)
    if (shown >= begin) begun = true
    if (shown >= end) break
    if (begun) open.push(ms)
  }
  return open
}

function minutesOf(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => start + at * MINUTE)
}

/** Whether a span takes this minute from someone in that operatory with that provider. */
export function isTaken(
  span: TakenSpan,
  ms: number,
  wanted: { operatory_id: number | null; provider_id: number },
): boolean {
  if (ms < span.start || ms >= span.end) return false
  const wholeLocation = span.operatory_id === null && span.provider_id === null
  if (wholeLocation) return true
  const bothHaveRooms = span.operatory_id !== null && wanted.operatory_id !== null
  if (bothHaveRooms) return span.operatory_id === wanted.operatory_id
  return span.provider_id === wanted.provider_id
}
