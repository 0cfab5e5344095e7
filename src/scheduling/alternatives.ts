/** Free times near one that is taken: the slots of the same provider and length, nearest first. */
import type { Resource } from './conflicts.ts'
import { findSlots, type Slot, type SlotHour, type SlotShape } from './slots.ts'
import type { Taken } from './taken.ts'

export const ALTERNATIVES_MAX = 3

/** Local days around the wanted one that are looked at. */
export interface DaysAround {
  before: number
  after: number
}

/** The near ones first; the others where these do not settle it, and beyond them nothing. */
export const NEAR_DAYS: DaysAround = { before: 1, after: 1 }
export const FAR_DAYS: DaysAround = { before: 7, after: 21 }

/**
 * The nearest slots around a start, one for each start, the wanted operatory's before others'.
 * @returns `isSettled` false where nearer ones may lie outside the days that were looked at
 */
export function nearestSlots(
  wanted: Resource & { start: number },
  hours: readonly SlotHour[],
  taken: (wanted: Resource) => Taken,
  shape: SlotShape,
  around: DaysAround,
): { slots: Slot[]; isSettled: boolean } {
  const { from, days } = daysOf(wanted.start, shape, around)
  const away = (slot: Slot) => Math.abs(slot.start - wanted.start)
  const elsewhere = (slot: Slot) => (slot.operatory_id === wanted.operatory_id ? 0 : 1)
  const nearest: Slot[] = []
  const found = findSlots(hours, taken, { ...shape, everyOperatory: true }, from, days)
  for (const slot of found.sort(
    (a, b) => away(a) - away(b) || a.start - b.start || elsewhere(a) - elsewhere(b),
  ))
    if (nearest.length < ALTERNATIVES_MAX && nearest.at(-1)?.start !== slot.start) nearest.push(slot)
  const edges = stretchOf(wanted.start, shape, around)
  const edge = Math.min(wanted.start - edges.from, edges.to - wanted.start)
  const last = nearest[ALTERNATIVES_MAX - 1]
  return { slots: nearest, isSettled: last !== undefined && away(last) <= edge }
}

/** The instants that these days cover. */
export function stretchOf(
  start: number,
  shape: Pick<SlotShape, 'zone'>,
  around: DaysAround,
): { from: number; to: number } {
  const { from, days } = daysOf(start, shape, around)
  return { from: shape.zone.dayStart(from), to: shape.zone.dayStart(from + days) }
}

function daysOf(start: number, { zone }: Pick<SlotShape, 'zone'>, { before, after }: DaysAround) {
  return { from: zone.dayAt(start) - before, days: before + 1 + after }
}
