/** Random schedules for fast-check, and the comparison of the engine with the oracle on one of them. */
import fc from 'fast-check'
import { WEEKDAYS } from '../../src/model/records.ts'
import { DAY_MS, toDate, toDay } from '../../src/scheduling/calendar.ts'
import { findSlots, type SlotHour, type SlotShape } from '../../src/scheduling/slots.ts'
import { groupSpans, type TakenSpan, takenOf } from '../../src/scheduling/taken.ts'
import { openZone } from '../../src/scheduling/zone.ts'
import { MINUTE, oracleSlots, readClock, type WallClock } from './oracle.ts'

export const LOCATION = 1

/** Days on or beside which each zone changes its clocks, and an ordinary one. */
const DAYS = {
  'America/New_York': ['2026-03-07', '2026-10-31', '2026-11-28'],
  'Europe/London': ['2027-03-27', '2027-10-30'],
  'Australia/Lord_Howe': ['2026-10-03', '2027-04-03'],
  'America/Havana': ['2026-03-07', '2026-10-31'],
  'America/Santiago': ['2026-09-05', '2027-04-03'],
  'Africa/Casablanca': ['2027-02-06', '2027-03-13'],
  'Africa/Cairo': ['2027-04-29', '2027-10-28'],
  'Pacific/Chatham': ['2026-09-26', '2027-04-03'],
  'Asia/Kathmandu': ['2026-12-01'],
  UTC: ['2026-12-30'],
} as const

export interface Schedule {
  zone: string
  first: string
  days: number
  hours: SlotHour[]
  spans: TakenSpan[]
  length: number
  step: number
  grain: number
  buffer: number
  /** Minutes after the first day's beginning before which nothing is offered. */
  lead: number
  everyOperatory: boolean
}

const oneOf = <T>(...values: T[]) => fc.constantFrom(...values)
const wallTime = fc
  .tuple(fc.integer({ min: 0, max: 23 }), oneOf(0, 0, 15, 30, 45, 7, 20))
  .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`)

function recurrence(first: string) {
  const none = { days: [] as string[], specific_date: null, custom_recurrence: null }
  const near = fc.integer({ min: -70, max: 45 }).map((days) => toDate(toDay(first) + days))
  return fc.oneof(
    fc.subarray([...WEEKDAYS], { minLength: 1 }).map((days) => ({ ...none, days: days as string[] })),
    fc.integer({ min: 0, max: 3 }).map((days) => ({ ...none, specific_date: toDate(toDay(first) + days) })),
    fc
      .record({ num: oneOf(1, 2, 3), unit: oneOf('day', 'week', 'month'), ref: near })
      .map((rule) => ({ ...none, custom_recurrence: rule as SlotHour['custom_recurrence'] })),
  )
}

function hour(first: string, id: number) {
  return fc
    .record({
      times: fc
        .tuple(wallTime, fc.oneof(wallTime, fc.constant('24:00')))
        .map(([a, b]) => (a < b ? [a, b] : [b, a]))
        .filter(([a, b]) => a !== b && a !== '24:00'),
      on: recurrence(first),
      operatory_id: oneOf(null, 1, 2, 3),
    })
    .map(
      ({ times: [begin_time = '', end_time = ''], on, operatory_id }): SlotHour => ({
        id,
        location_id: LOCATION,
        provider_id: 7,
        operatory_id,
        label_id: null,
        begin_time,
        end_time,
        ...on,
      }),
    )
}

function span(first: string, id: number) {
  const start = toDay(first) * DAY_MS
  return fc
    .record({
      at: fc.integer({ min: -14 * 288, max: 4 * 288 }),
      // Short visits, and now and then a closure of days, or of a fortnight.
      minutes: fc.oneof(
        { weight: 8, arbitrary: oneOf(5, 15, 20, 30, 45, 60, 90, 240) },
        { weight: 1, arbitrary: oneOf(1440, 3 * 1440, 14 * 1440) },
      ),
      operatory_id: oneOf(null, 1, 2, 3),
      provider_id: oneOf(null, 7, 7, 8),
      held: fc.boolean(),
    })
    .map(
      ({ at, minutes, operatory_id, provider_id, held }): TakenSpan => ({
        appointment_id: held ? null : id,
        hold_id: held ? id : null,
        location_id: LOCATION,
        operatory_id,
        provider_id,
        unavailable: !held && id % 3 === 0,
        start: start + at * 5 * MINUTE,
        end: start + (at * 5 + minutes) * MINUTE,
      }),
    )
}

/** Any schedule of one provider in three operatories around one of the days above. */
export const schedules: fc.Arbitrary<Schedule> = fc
  .constantFrom(...(Object.entries(DAYS) as [string, readonly string[]][]))
  .chain(([zone, days]) => fc.record({ zone: fc.constant(zone), first: fc.constantFrom(...days) }))
  .chain(({ zone, first }) =>
    fc.record({
      zone: fc.constant(zone),
      first: fc.constant(first),
      days: fc.integer({ min: 1, max: 3 }),
      hours: fc.tuple(...[1, 2, 3, 4].map((id) => hour(first, id))).chain((hours) => fc.subarray(hours)),
      spans: fc
        .integer({ min: 0, max: 12 })
        .chain((count) => fc.tuple(...Array.from({ length: count }, (_, at) => span(first, at + 1)))),
      length: oneOf(5, 10, 15, 20, 30, 45, 60, 90),
      step: oneOf(5, 10, 15, 20, 30, 45, 60),
      grain: oneOf(1, 5, 10, 15),
      buffer: oneOf(0, 0, 10, 30),
      lead: oneOf(0, 0, 0, 600),
      everyOperatory: fc.boolean(),
    }),
  )

const clocks = new Map<string, WallClock>()

/** The wall clock of a schedule's zone, from a day before to a day after. */
export function clockOf({ zone, first }: Schedule): WallClock {
  const key = `${zone} ${first}`
  const known = clocks.get(key)
  if (known) return known
  const start = toDay(first) * DAY_MS
  const made = readClock(zone, start - DAY_MS, start + 5 * DAY_MS)
  clocks.set(key, made)
  return made
}

export function shapeOf(schedule: Schedule): SlotShape {
  const zone = openZone(schedule.zone)
  return {
    zone,
    lengthMs: schedule.length * MINUTE,
    stepMs: schedule.step * MINUTE,
    grainMs: schedule.grain * MINUTE,
    earliest: zone.dayStart(toDay(schedule.first)) + schedule.lead * MINUTE,
    bufferMs: schedule.buffer * MINUTE,
    everyOperatory: schedule.everyOperatory,
  }
}

/** The engine's slots, as the oracle writes them. */
export function engineSlots(schedule: Schedule): string[] {
  const { hours, spans, first, days } = schedule
  const slots = findSlots(hours, takenOf(groupSpans(spans)), shapeOf(schedule), toDay(first), days)
  return slots.map((slot) => `${slot.start} ${slot.operatory_id ?? 0}`)
}

export function expectedSlots(schedule: Schedule): string[] {
  const dates = Array.from({ length: schedule.days }, (_, at) => toDate(toDay(schedule.first) + at))
  return oracleSlots({ ...schedule, clock: clockOf(schedule), dates, earliest: shapeOf(schedule).earliest })
}

/** What differs, as text; null where the two agree. */
export function differenceOf(schedule: Schedule): string | null {
  const [engine, expected] = [engineSlots(schedule), expectedSlots(schedule)]
  if (engine.join() === expected.join()) return null
  const show = (slots: string[], others: string[]) =>
    slots
      .filter((slot) => !others.includes(slot))
      .slice(0, 5)
      .map((slot) => new Date(Number(slot.split(' ')[0])).toISOString())
      .join(', ')
  return `only the engine: ${show(engine, expected)}; only the oracle: ${show(expected, engine)}`
}

/** Compares on random schedules. @throws what fast-check found, with its seed */
export function compareRandom(seed: number, runs: number): number {
  let offered = 0
  fc.assert(
    fc.property(schedules, (schedule) => {
      offered += engineSlots(schedule).length
      const difference = differenceOf(schedule)
      if (difference !== null) throw new Error(difference)
    }),
    { seed, numRuns: runs },
  )
  return offered
}
