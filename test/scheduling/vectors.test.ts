/** NexHealth's worked examples and what follows from their rules, as the wire reference collects them (5.5). */
import { describe, expect, it } from 'vitest'
import { minutes } from '../../src/model/time.ts'
import { toDate, toDay } from '../../src/scheduling/calendar.ts'
import { findFirstDay, findSlots, type SlotHour, type SlotShape } from '../../src/scheduling/slots.ts'
import { groupSpans, type TakenSpan, takenOf } from '../../src/scheduling/taken.ts'
import { wallText, wallTexter } from '../../src/scheduling/wall-text.ts'
import { openZone } from '../../src/scheduling/zone.ts'

const zone = openZone('America/New_York')
const DAY = '2026-05-07'
const EVERY_DAY = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
let ids = 0

const hour = (begin_time: string, end_time: string, more: Partial<SlotHour> = {}): SlotHour => ({
  id: ++ids,
  location_id: 1,
  provider_id: 7,
  operatory_id: 1,
  label_id: null,
  begin_time,
  end_time,
  days: EVERY_DAY,
  specific_date: null,
  custom_recurrence: null,
  ...more,
})

const busy = (from: string, to: string, operatory_id: number | null = 1): TakenSpan => {
  const at = (time: string) => zone.firstAt(Date.parse(`${DAY}T${time}Z`))
  return {
    appointment_id: 1,
    hold_id: null,
    location_id: 1,
    operatory_id,
    provider_id: 7,
    unavailable: false,
    start: at(from),
    end: at(to),
  }
}

const shape = (more: Partial<SlotShape> & { length?: number; step?: number } = {}): SlotShape => {
  const { length = 15, step = length, ...rest } = more
  const times = {
    lengthMs: minutes(length),
    stepMs: minutes(step),
    grainMs: minutes(1),
    bufferMs: 0,
    earliest: 0,
  }
  return { zone, ...times, everyOperatory: false, ...rest }
}

const find = (hours: SlotHour[], spans: TakenSpan[], how: SlotShape, first = DAY, days = 1) =>
  findSlots(hours, takenOf(groupSpans(spans)), how, toDay(first), days)
const timesOf = (...args: Parameters<typeof find>) =>
  find(...args).map(({ start }) => wallText(start, zone).slice(11, 16))

describe('the worked examples', () => {
  it('an hour every 45 minutes from nine to five starts at 09:00, 09:45 … 15:45', () => {
    const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday']
    expect(timesOf([hour('09:00', '17:00', { days })], [], shape({ length: 60, step: 45 }))).toEqual([
      '09:00',
      '09:45',
      '10:30',
      '11:15',
      '12:00',
      '12:45',
      '13:30',
      '14:15',
      '15:00',
      '15:45',
    ])
    expect(timesOf([hour('09:00', '17:00', { days })], [], shape({ length: 60 }), '2026-05-08')).toEqual([])
  })

  it('a cleaning of 30 minutes fits after an appointment and a block', () => {
    const spans = [busy('08:00', '09:00'), busy('09:00', '11:00')]
    expect(timesOf([hour('09:00', '12:00')], spans, shape({ length: 30 }))).toEqual(['11:00', '11:30'])
  })

  it('an exam of 15 minutes fills the afternoon', () => {
    const times = timesOf([hour('13:00', '17:00')], [busy('08:00', '11:00')], shape())
    expect([times.length, times[0], times[1], times.at(-1)]).toEqual([16, '13:00', '13:15', '16:45'])
  })

  it('a length alone is the step too', () => {
    expect(timesOf([hour('09:00', '10:00')], [], shape())).toEqual(['09:00', '09:15', '09:30', '09:45'])
    expect(timesOf([hour('09:00', '12:00')], [], shape({ length: 60 }))).toEqual(['09:00', '10:00', '11:00'])
  })

  it('the grid is kept after a busy gap', () => {
    expect(
      timesOf([hour('09:00', '12:00')], [busy('09:10', '10:05')], shape({ length: 60, step: 30 })),
    ).toEqual(['10:30', '11:00'])
  })

  it('the same start in two operatories is one slot, in the first; or one in each where asked', () => {
    const hours = [hour('09:00', '09:30', { operatory_id: 2 }), hour('09:00', '09:30')]
    const rooms = (everyOperatory: boolean, spans: TakenSpan[] = []) =>
      find(hours, spans, shape({ length: 30, everyOperatory })).map((slot) => slot.operatory_id)
    expect(rooms(false)).toEqual([1])
    expect(rooms(true)).toEqual([1, 2])
    expect(rooms(false, [busy('09:00', '09:30', 1)])).toEqual([2])
  })

  it('the same start by two working hours of one operatory is one slot', () => {
    const hours = [hour('09:00', '10:00'), hour('09:00', '11:00')]
    expect(timesOf(hours, [], shape({ length: 30, everyOperatory: true }))).toEqual([
      '09:00',
      '09:30',
      '10:00',
      '10:30',
    ])
  })

  it('no working hours, no slots', () => {
    expect(find([], [], shape(), DAY, 7)).toEqual([])
  })

  it('the next day with a slot is found thirty days ahead', () => {
    const specific_date = toDate(toDay(DAY) + 30)
    const hours = [hour('09:00', '10:00', { days: [], specific_date })]
    const next = (to: number) =>
      findFirstDay(hours, takenOf(groupSpans([])), shape(), toDay(DAY) + 1, toDay(DAY) + to)
    expect(next(181)).toBe(toDay(specific_date))
    expect(next(30)).toBeNull()
  })

  it('every second week from a Monday falls on that Monday and the third', () => {
    const custom_recurrence = { num: 2, unit: 'week' as const, ref: '2026-11-02' }
    const slots = find(
      [hour('09:00', '10:00', { days: [], custom_recurrence })],
      [],
      shape({ length: 60 }),
      '2026-11-02',
      21,
    )
    expect(slots.map(({ start }) => wallText(start, zone).slice(0, 10))).toEqual(['2026-11-02', '2026-11-16'])
  })
})

describe('clock changes', () => {
  it('a day of eight hours by the wall has them on the day the clocks change too', () => {
    const counts = ['2026-03-07', '2026-03-08', '2026-11-01'].map(
      (day) => find([hour('09:00', '17:00')], [], shape({ length: 60 }), day).length,
    )
    expect(counts).toEqual([8, 8, 8])
  })

  it('a night has the hours that pass in it, each with the offset in force', () => {
    const night = (day: string) =>
      find([hour('00:00', '04:00')], [], shape({ length: 60 }), day).map(({ start }) =>
        wallText(start, zone).slice(11),
      )
    expect(night('2026-03-08')).toEqual(['00:00:00.000-05:00', '01:00:00.000-05:00', '03:00:00.000-04:00'])
    expect(night('2026-11-01')).toEqual([
      '00:00:00.000-04:00',
      '01:00:00.000-04:00',
      '01:00:00.000-05:00',
      '02:00:00.000-05:00',
      '03:00:00.000-05:00',
    ])
  })

  it('a working hour that the clock skips is empty, and one that begins in the gap begins after it', () => {
    expect(timesOf([hour('02:00', '03:00')], [], shape(), '2026-03-08')).toEqual([])
    expect(timesOf([hour('02:30', '03:30')], [], shape(), '2026-03-08')).toEqual(['03:00', '03:15'])
  })

  it('many instants are written as one is', () => {
    const text = wallTexter(zone)
    for (let at = Date.UTC(2026, 9, 31); at < Date.UTC(2026, 10, 3); at += minutes(7))
      expect(text(at)).toBe(wallText(at, zone))
  })
})

describe('what shapes a slot', () => {
  it('starts lie on the grain, from the first of the window that does', () => {
    expect(timesOf([hour('09:07', '10:00')], [], shape({ length: 20, grainMs: minutes(10) }))).toEqual([
      '09:10',
      '09:30',
    ])
  })

  it('nothing starts before the first instant asked for', () => {
    const earliest = zone.firstAt(Date.parse(`${DAY}T09:20Z`)) + 1
    expect(timesOf([hour('09:00', '10:00')], [], shape({ earliest, step: 10 }))).toEqual(['09:30', '09:40'])
  })

  it('a buffer keeps its distance on both sides', () => {
    const how = shape({ length: 15, bufferMs: minutes(10) })
    expect(timesOf([hour('09:00', '10:45')], [busy('09:30', '10:00')], how)).toEqual([
      '09:00',
      '10:15',
      '10:30',
    ])
  })

  it('a block without operatory and provider closes the location, one of the provider alone their time', () => {
    const block = { ...busy('09:00', '09:30', null), provider_id: null }
    expect(timesOf([hour('09:00', '10:00')], [block], shape({ length: 30 }))).toEqual(['09:30'])
    expect(timesOf([hour('09:00', '10:00')], [busy('09:00', '09:30', null)], shape({ length: 30 }))).toEqual([
      '09:30',
    ])
    const another = { ...busy('09:00', '09:30', null), provider_id: 8 }
    expect(timesOf([hour('09:00', '10:00')], [another], shape({ length: 30 }))).toEqual(['09:00', '09:30'])
  })

  it('without an operatory the provider is what is exclusive, wherever they are', () => {
    const lone = hour('09:00', '10:00', { operatory_id: null })
    expect(timesOf([lone], [busy('09:00', '09:30', 3)], shape({ length: 30 }))).toEqual(['09:30'])
    expect(timesOf([hour('09:00', '10:00')], [busy('09:00', '09:30', 3)], shape({ length: 30 }))).toEqual([
      '09:00',
      '09:30',
    ])
  })
})
