/** Every change of every zone's clock between 2020 and 2037, found by looking at what `Intl` shows, and rules around each. */
import { DAY_MS, toDate } from '../../src/scheduling/calendar.ts'
import { findSlots, type SlotHour } from '../../src/scheduling/slots.ts'
import { groupSpans, type TakenSpan, takenOf } from '../../src/scheduling/taken.ts'
import { openZone } from '../../src/scheduling/zone.ts'
import { MINUTE, oracleSlots, type WallClock, wallAt } from './oracle.ts'

const FROM = Date.UTC(2020, 0, 1)
const TO = Date.UTC(2038, 0, 1)
const WEEK = 7 * DAY_MS

/** A change: until `at` the wall is `before` ahead of UTC, from then on `after` (ms). */
export interface ClockChange {
  zone: string
  at: number
  before: number
  after: number
}

const offsetAt = (zone: string, ms: number) => Date.parse(`${wallAt(zone, ms)}Z`) - ms

/** The changes of a zone. No zone keeps an offset for less than a week in these years; Ramadan's is five weeks long. */
export function changesOf(zone: string): ClockChange[] {
  const changes: ClockChange[] = []
  let before = offsetAt(zone, FROM)
  for (let week = FROM; week < TO; week += WEEK) {
    const after = offsetAt(zone, week + WEEK)
    if (after === before) continue
    let [low, high] = [week, week + WEEK]
    while (high - low > MINUTE) {
      const middle = low + Math.floor((high - low) / MINUTE / 2) * MINUTE
      if (offsetAt(zone, middle) === before) low = middle
      else high = middle
    }
    changes.push({ zone, at: high, before, after })
    before = after
  }
  return changes
}

export function everyChange(): ClockChange[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone')].flatMap(changesOf)
}

/** The wall clock around a change, at every minute; read again from `Intl` every hour, to be sure. */
function clockAround({ zone, at, before, after }: ClockChange): WallClock {
  const [from, to] = [at - 50 * 60 * MINUTE, at + 50 * 60 * MINUTE]
  const shown: string[] = []
  let hour = ''
  for (let ms = from; ms < to; ms += MINUTE) {
    const wall = ms + (ms < at ? before : after)
    const minute = (wall / MINUTE) % 60
    if (minute === 0 || ms === from || ms === at) hour = new Date(wall).toISOString().slice(0, 14)
    const text = hour + String(minute).padStart(2, '0')
    if ((ms - at) % (60 * MINUTE) === 0 && text !== wallAt(zone, ms))
      throw new Error(`${zone} has another change near ${at}`)
    shown.push(text)
  }
  return { from, to, at: (ms) => shown[(ms - from) / MINUTE] ?? '' }
}

const RULE = {
  location_id: 1,
  provider_id: 7,
  label_id: null,
  days: [],
  specific_date: null,
  custom_recurrence: null,
}
const EVERY_DAY = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']

/** Rules that begin, end or lie within, before and after a change. */
function rulesAround(date: string): SlotHour[] {
  const daily = { ...RULE, days: EVERY_DAY }
  const monthly = { num: 1, unit: 'month' as const, ref: `${date.slice(0, 8)}01` }
  return [
    { ...daily, id: 1, operatory_id: 1, begin_time: '00:00', end_time: '24:00' },
    { ...RULE, id: 2, operatory_id: 2, specific_date: date, begin_time: '00:30', end_time: '03:15' },
    { ...daily, id: 3, operatory_id: 3, begin_time: '02:15', end_time: '02:45' },
    { ...daily, id: 4, operatory_id: 4, begin_time: '22:40', end_time: '23:50' },
    { ...daily, id: 5, operatory_id: 5, begin_time: '09:00', end_time: '17:00' },
    {
      ...RULE,
      id: 6,
      operatory_id: 6,
      custom_recurrence: { ...monthly, ref: date },
      begin_time: '01:10',
      end_time: '24:00',
    },
  ]
}

const SHAPES = [
  { length: 30, step: 20, grain: 1, buffer: 0 },
  { length: 45, step: 45, grain: 10, buffer: 10 },
]

/** A visit across the change, and a closure of a fortnight in one operatory until two hours after it. */
function spansAround(at: number): TakenSpan[] {
  const span = { location_id: 1, provider_id: null, hold_id: null, unavailable: false }
  return [
    { ...span, appointment_id: 1, operatory_id: 1, start: at - 20 * MINUTE, end: at + 25 * MINUTE },
    { ...span, appointment_id: 2, operatory_id: 5, start: at - 14 * DAY_MS, end: at + 120 * MINUTE },
  ]
}

function expectedAround(change: ClockChange, first: number, hours: SlotHour[], spans: TakenSpan[]): string {
  const clock = clockAround(change)
  const dates = [toDate(first), toDate(first + 1), toDate(first + 2)]
  return SHAPES.map((shape) =>
    oracleSlots({ ...shape, clock, hours, spans, dates, earliest: 0, everyOperatory: true }),
  ).join('|')
}

/** Zones that change together show the same walls: what was expected of one is expected of the other. */
const answers = new Map<string, string>()

/** What engine and oracle differ in around a change; null where they agree. */
export function differenceAround(change: ClockChange): string | null {
  const { at, before, after } = change
  const zone = openZone(change.zone)
  const first = Math.floor((at - MINUTE + before) / DAY_MS) - 1
  const hours = rulesAround(toDate(first + 1))
  const spans = spansAround(at)
  const key = `${at} ${before} ${after}`
  const expected = answers.get(key) ?? expectedAround(change, first, hours, spans)
  answers.set(key, expected)
  const engine = SHAPES.map(({ length, step, grain, buffer }) => {
    const ms = {
      lengthMs: length * MINUTE,
      stepMs: step * MINUTE,
      grainMs: grain * MINUTE,
      bufferMs: buffer * MINUTE,
    }
    const slots = findSlots(
      hours,
      takenOf(groupSpans(spans)),
      { zone, ...ms, earliest: 0, everyOperatory: true },
      first,
      3,
    )
    return slots.map((slot) => `${slot.start} ${slot.operatory_id}`)
  }).join('|')
  return engine === expected ? null : `${change.zone} at ${new Date(at).toISOString()}`
}
