/**
 * Slots: the starts that can be offered, by the algorithm of the wire reference (5.4). Integers throughout (epoch ms);
 * `explain.ts` says for one start what this says for all.
 */
import type { DayNumber } from './calendar.ts'
import type { Resource } from './conflicts.ts'
import { daysOf, type HourRule, type Stretch, windowsOf } from './hours.ts'
import type { Taken } from './taken.ts'
import type { Zone } from './zone.ts'

/** A working hour with what slots need of it. */
export interface SlotHour extends HourRule, Resource {
  id: number
  provider_id: number
  label_id: number | null
}

/** What shapes the starts of one location; all times in milliseconds. */
export interface SlotShape {
  zone: Zone
  lengthMs: number
  /** From one start of a window to the next. */
  stepMs: number
  /** Starts lie on multiples of this past the local hour: the record system's time grain. */
  grainMs: number
  /** No start before this instant. */
  earliest: number
  /** Kept free on both sides between a slot and what takes time. */
  bufferMs: number
  /** The same start in several operatories is offered in each, else in the first. */
  everyOperatory: boolean
}

export interface Slot {
  start: number
  end: number
  operatory_id: number | null
  label_id: number | null
}

/**
 * The slots of one provider at one location on the days `[first, first + days)`, by start, then operatory.
 * @param hours the working hours that count, all of this provider and location
 */
export function findSlots(
  hours: readonly SlotHour[],
  taken: (wanted: Resource) => Taken,
  shape: SlotShape,
  first: DayNumber,
  days: number,
): Slot[] {
  const slots: Slot[] = []
  for (const hour of hours) {
    const falls = daysOf(hour)
    const windowOn = windowsOf(hour, shape.zone)
    const inTheWay = taken(hour)
    let from = 0
    for (let day = first; day < first + days; day++) {
      if (!falls(day)) continue
      const window = windowOn(day)
      // Windows of a rule follow each other: what ended before this one is in nobody's way any more.
      while (from < inTheWay.ends.length && (inTheWay.ends[from] ?? 0) + shape.bufferMs <= window.start)
        from++
      walk(hour, window, inTheWay, from, shape, slots)
    }
  }
  return hours.length > 1 ? distinct(slots, shape.everyOperatory) : slots
}

/** Goes over the starts of one window and adds those that are free. */
function walk(
  hour: SlotHour,
  window: Stretch,
  { starts, ends }: Taken,
  from: number,
  shape: SlotShape,
  slots: Slot[],
): void {
  const { lengthMs, stepMs, bufferMs, earliest } = shape
  const last = window.end - lengthMs
  let at = from
  let start = onOrAfter(gridOf(window, shape), stepMs, earliest)
  while (start <= last) {
    const end = start + lengthMs
    while (at < ends.length && (ends[at] ?? 0) + bufferMs <= start) at++
    if (at < ends.length && (starts[at] ?? 0) - bufferMs < end) {
      start = onOrAfter(start, stepMs, (ends[at] ?? 0) + bufferMs)
      continue
    }
    if (isOnGrain(start, shape))
      slots.push({ start, end, operatory_id: hour.operatory_id, label_id: hour.label_id })
    start += stepMs
  }
}

/** Where a window's grid begins: its own begin, moved to the next multiple of the grain. */
export function gridOf(window: Stretch, { zone, grainMs }: Pick<SlotShape, 'zone' | 'grainMs'>): number {
  const over = ((window.start + zone.offsetAt(window.start)) % 3_600_000) % grainMs
  return over === 0 ? window.start : window.start + grainMs - over
}

/** Whether a start is one that the record system can hold. */
export function isOnGrain(start: number, { zone, grainMs }: Pick<SlotShape, 'zone' | 'grainMs'>): boolean {
  return grainMs <= 60_000 || ((start + zone.offsetAt(start)) % 3_600_000) % grainMs === 0
}

/** The first of `grid, grid + step, …` that is not before `earliest`. */
function onOrAfter(grid: number, step: number, earliest: number): number {
  return grid >= earliest ? grid : grid + Math.ceil((earliest - grid) / step) * step
}

/** In order, and each start once: in its first operatory, or once in each. */
function distinct(slots: Slot[], everyOperatory: boolean): Slot[] {
  slots.sort((a, b) => a.start - b.start || (a.operatory_id ?? 0) - (b.operatory_id ?? 0))
  return slots.filter((slot, at) => {
    const before = slots[at - 1]
    if (before?.start !== slot.start) return true
    return everyOperatory && before.operatory_id !== slot.operatory_id
  })
}

/** The first day of `[from, to)` with a slot, or null. */
export function findFirstDay(
  hours: readonly SlotHour[],
  taken: (wanted: Resource) => Taken,
  shape: SlotShape,
  from: DayNumber,
  to: DayNumber,
): DayNumber | null {
  for (let day = from; day < to; day++) if (findSlots(hours, taken, shape, day, 1).length > 0) return day
  return null
}
