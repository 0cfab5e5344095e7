import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, it } from 'vitest'
import { merged, type Stretch, wallHours } from '../../../src/connectors/fhir/wall-hours.ts'
import { toDay } from '../../../src/scheduling/calendar.ts'
import { windowsOf } from '../../../src/scheduling/hours.ts'
import { openZone } from '../../../src/scheduling/zone.ts'

const QUARTER = 15 * 60_000
const at = (text: string) => Date.parse(text)

/** The windows that the slots engine opens for what the connector says. */
function opened(stretch: Stretch, zone: string): Stretch[] {
  return wallHours(stretch, zone).map(({ date, begin, end }) => {
    const rule = {
      begin_time: begin,
      end_time: end,
      days: [],
      specific_date: date,
      custom_recurrence: null,
    }
    return windowsOf(rule, openZone(zone))(toDay(date))
  })
}

describe('free time by the wall', () => {
  it('is split at midnight, adjoining slots being one', () => {
    const slots = [
      { start: at('2026-12-07T22:30:00-05:00'), end: at('2026-12-07T23:00:00-05:00') },
      { start: at('2026-12-07T23:00:00-05:00'), end: at('2026-12-08T00:45:00-05:00') },
      { start: at('2026-12-08T09:00:00-05:00'), end: at('2026-12-08T09:30:00-05:00') },
    ]
    expect(merged(slots).flatMap((stretch) => wallHours(stretch, 'America/New_York'))).toEqual([
      { date: '2026-12-07', begin: '22:30', end: '24:00' },
      { date: '2026-12-08', begin: '00:00', end: '00:45' },
      { date: '2026-12-08', begin: '09:00', end: '09:30' },
    ])
  })

  it('lies within the slot where that has seconds', () => {
    const stretch = { start: at('2026-12-07T14:00:30Z'), end: at('2026-12-07T14:30:30Z') }
    expect(wallHours(stretch, 'UTC')).toEqual([{ date: '2026-12-07', begin: '14:01', end: '14:30' }])
  })

  it('is never offered twice in the hour that comes twice, and whole days around it stay whole', () => {
    const zone = 'America/New_York'
    const day = { start: at('2026-11-01T00:00:00-04:00'), end: at('2026-11-02T00:00:00-05:00') }
    expect(opened(day, zone)).toEqual([day])
    // The second half past one: the wall cannot say it.
    expect(wallHours({ start: at('2026-11-01T06:00:00Z'), end: at('2026-11-01T06:30:00Z') }, zone)).toEqual(
      [],
    )
    const morning = { start: at('2026-11-01T06:30:00Z'), end: at('2026-11-01T15:00:00Z') }
    expect(opened(morning, zone)).toEqual([{ ...morning, start: at('2026-11-01T07:00:00Z') }])
  })

  // Half an hour back, back over midnight, forward at midnight, none at all.
  const zones = [
    'America/New_York',
    'Australia/Lord_Howe',
    'Atlantic/Azores',
    'America/Santiago',
    'Asia/Beirut',
    'Africa/Casablanca',
    'Asia/Kolkata',
  ]
  it.each(zones)('of %s opens when the slots are free, but for the hour that comes twice', (zone) => {
    const begin = Temporal.ZonedDateTime.from(`2026-01-01T00:00[${zone}]`)
    const turns = [begin]
    for (let i = 0; i < 4; i++) turns.push(turns.at(-1)?.getTimeZoneTransition('next') ?? begin)
    const around = fc.record({
      turn: fc.constantFrom(...turns),
      from: fc.integer({ min: -160, max: 40 }),
      length: fc.integer({ min: 1, max: 160 }),
    })
    fc.assert(
      fc.property(around, ({ turn, from, length }) => {
        const t = turn.epochMilliseconds
        const back = Math.max(
          0,
          (turn.subtract({ nanoseconds: 1 }).offsetNanoseconds - turn.offsetNanoseconds) / 1e6,
        )
        const free = { start: t + from * QUARTER, end: t + (from + length) * QUARTER }
        const windows = opened(free, zone)
        for (let ms = free.start - 8 * QUARTER; ms < free.end + 8 * QUARTER; ms += QUARTER) {
          const isFree = ms >= free.start && ms < free.end
          const isOpen = windows.some(({ start, end }) => start <= ms && ms < end)
          const comesTwice = ms >= t - back && ms < t + back
          if (isOpen) expect(isFree).toBe(true)
          if (isFree && !comesTwice) expect(isOpen).toBe(true)
        }
      }),
      { numRuns: 60 },
    )
  })
})
