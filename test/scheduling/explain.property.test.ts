import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DAY_MS, toDate, toDay } from '../../src/scheduling/calendar.ts'
import { explainStart, type Reason } from '../../src/scheduling/explain.ts'
import { STRICT } from '../../src/scheduling/sharing.ts'
import type { SlotHour } from '../../src/scheduling/slots.ts'
import { isOn, isTaken, MINUTE } from './oracle.ts'
import { clockOf, expectedSlots, type Schedule, schedules, shapeOf } from './random-schedules.ts'

const seed = Number(process.env.SLOTS_SEED ?? 20261122)
const RUNS = 150

/** Whether a reason is true, by the oracle's own means. */
function holds(reason: Reason, start: number, schedule: Schedule): boolean {
  const { hours, length, buffer } = schedule
  const minutesOf = (from: number, to: number) =>
    Array.from({ length: (to - from) / MINUTE }, (_, at) => from + at * MINUTE)
  const end = start + length * MINUTE
  const isOpen = (hour: SlotHour) => {
    const clock = clockOf(schedule)
    const wall = clock.at(start)
    return (
      isOn(hour, wall.slice(0, 10)) && wall.slice(11) >= hour.begin_time && wall.slice(11) < hour.end_time
    )
  }
  switch (reason.rule) {
    case 'past':
    case 'notice':
      return start < shapeOf(schedule).earliest
    case 'no_hours':
      return hours.length === 0
    case 'closed':
      // Open at its start, it must be closed again before its end.
      return hours.every((hour) => !isOpen(hour) || !covered(hour, start, end, schedule))
    case 'grid':
      return (start - reason.begins) % (schedule.step * MINUTE) !== 0 || start < reason.begins
    case 'grain':
      return Number(clockOf(schedule).at(start).slice(14)) % schedule.grain !== 0
    case 'taken':
      return hours.some((hour) => minutesOf(start, end).some((ms) => isTaken(reason.row, ms, hour)))
    case 'buffer': {
      const near = [...minutesOf(start - buffer * MINUTE, start), ...minutesOf(end, end + buffer * MINUTE)]
      return hours.some((hour) => near.some((ms) => isTaken(reason.row, ms, hour)))
    }
    case 'other_operatory':
      return expectedSlots(schedule).includes(`${start} ${reason.operatory_id ?? 0}`)
    case 'left_out':
      return false
  }
}

/** Whether the wall shows a time of the working hour at every minute of `[start, end)`. */
function covered(hour: SlotHour, start: number, end: number, schedule: Schedule): boolean {
  const clock = clockOf(schedule)
  for (let ms = start; ms < end; ms += MINUTE) {
    const wall = clock.at(ms).slice(11)
    if (wall < hour.begin_time || wall >= hour.end_time) return false
  }
  return true
}

it(`each start is explained, and each reason is true, on ${RUNS} random schedules (seed ${seed})`, () => {
  const rules = new Set<string>()
  let refused = 0
  fc.assert(
    fc.property(schedules, fc.constantFrom(undefined, null, 1, 2, 3), (schedule, operatoryId) => {
      const shape = shapeOf(schedule)
      const expected = expectedSlots({ ...schedule, days: 1 })
      const known = {
        hours: schedule.hours,
        leftOut: [],
        spans: schedule.spans,
        sharing: STRICT,
        now: shape.earliest - 120 * MINUTE,
      }
      const first = shape.zone.dayStart(toDay(schedule.first))
      for (
        let start = first;
        toDate(Math.floor((start + shape.zone.offsetAt(start)) / DAY_MS)) === schedule.first;
      ) {
        const { slot, reasons } = explainStart({ start, operatoryId }, known, shape)
        const offered = expected.filter((text) => text.startsWith(`${start} `))
        const isOffered = offered.some(
          (text) => operatoryId === undefined || text === `${start} ${operatoryId ?? 0}`,
        )
        expect(slot !== null, `offered at ${new Date(start).toISOString()}`).toBe(isOffered)
        expect(reasons.length > 0).toBe(!isOffered)
        if (!isOffered) refused++
        for (const reason of reasons) {
          rules.add(reason.rule)
          // A rule of one operatory's hours is judged on those.
          const hours = schedule.hours.filter(
            (hour) => operatoryId === undefined || hour.operatory_id === operatoryId,
          )
          const asked = reason.rule === 'other_operatory' ? schedule : { ...schedule, hours }
          if (!holds(reason, start, { ...asked, days: 1 }))
            throw new Error(`${JSON.stringify(reason)} does not hold`)
        }
        start += 5 * MINUTE
      }
    }),
    { seed, numRuns: RUNS },
  )
  expect(refused).toBeGreaterThan(RUNS * 10)
  expect([...rules].sort()).toEqual(
    ['buffer', 'closed', 'grain', 'grid', 'no_hours', 'notice', 'other_operatory', 'past', 'taken'].sort(),
  )
})
