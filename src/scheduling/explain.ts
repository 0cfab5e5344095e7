/** Why one start is offered or not: the same arithmetic as `slots.ts`, asked for its reasons. */
import { type Stretch, windowAround } from './hours.ts'
import type { Sharing } from './sharing.ts'
import { findSlots, gridOf, isOnGrain, type Slot, type SlotHour, type SlotShape } from './slots.ts'
import { groupSpans, inTheWayOf, type TakenSpan, takenOf } from './taken.ts'

/** Why a working hour does not count for what was asked. */
export type LeftOut =
  | 'inactive'
  | 'location_inactive'
  | 'provider_inactive'
  | 'operatory_inactive'
  | 'operatory_missing'
  | 'other_type'
  | 'other_label'
  | 'other_source'

/** One reason, naming the rule and, where there is one, the row in the way. Times in epoch milliseconds. */
export type Reason =
  | { rule: 'past' }
  | { rule: 'notice'; earliest: number }
  | { rule: 'no_hours' }
  | { rule: 'closed' }
  | { rule: 'left_out'; working_hour_id: number; why: LeftOut }
  | { rule: 'grid'; working_hour_id: number; begins: number }
  | { rule: 'grain' }
  | { rule: 'taken' | 'buffer'; row: TakenSpan }
  | { rule: 'other_operatory'; operatory_id: number | null }

export interface Asked {
  start: number
  /** Undefined: in any operatory. */
  operatoryId?: number | null | undefined
}

/** What is known of one provider at one location. */
export interface Known {
  /** Working hours that count. */
  hours: readonly SlotHour[]
  leftOut: readonly { hour: SlotHour; why: LeftOut }[]
  spans: readonly TakenSpan[]
  sharing: Sharing
  now: number
}

export interface Explanation {
  slot: Slot | null
  /** Empty where there is a slot, and only then. */
  reasons: Reason[]
}

/** Explains one start. */
export function explainStart(asked: Asked, known: Known, shape: SlotShape): Explanation {
  const { start } = asked
  const isAsked = (row: { operatory_id: number | null }) =>
    asked.operatoryId === undefined || row.operatory_id === asked.operatoryId
  const day = shape.zone.dayAt(start)
  const taken = takenOf(groupSpans(known.spans), known.sharing)
  const around = findSlots(known.hours, taken, shape, day - 1, 3)
  const same = around.filter((slot) => slot.start === start)
  const slot = same.find(isAsked) ?? null
  if (slot) return { slot, reasons: [] }
  const reasons = reasonsOfTime(start, known, shape)
  const slice = { start, end: start + shape.lengthMs }
  const hours = known.hours.filter(isAsked)
  const open = hours.flatMap((hour) => {
    const window = windowAround(hour, slice, shape.zone)
    return window ? [{ hour, window }] : []
  })
  if (hours.length === 0) reasons.push({ rule: 'no_hours' })
  else if (open.length === 0) reasons.push({ rule: 'closed' })
  for (const { hour, window } of open) reasons.push(...reasonsOfHour(hour, window, slice, known, shape))
  if (open.length === 0)
    for (const { hour, why } of known.leftOut)
      if (isAsked(hour) && windowAround(hour, slice, shape.zone))
        reasons.push({ rule: 'left_out', working_hour_id: hour.id, why })
  // Nothing is wrong with it, and yet it is not among the slots: an earlier operatory has the same start.
  if (reasons.length === 0)
    reasons.push({ rule: 'other_operatory', operatory_id: same[0]?.operatory_id ?? null })
  return { slot: null, reasons: distinct(reasons) }
}

function reasonsOfTime(start: number, { now }: Known, shape: SlotShape): Reason[] {
  const reasons: Reason[] = []
  if (start <= now) reasons.push({ rule: 'past' })
  else if (start < shape.earliest) reasons.push({ rule: 'notice', earliest: shape.earliest })
  if (!isOnGrain(start, shape)) reasons.push({ rule: 'grain' })
  return reasons
}

function reasonsOfHour(
  hour: SlotHour,
  window: Stretch,
  slice: Stretch,
  { spans, sharing }: Known,
  shape: SlotShape,
): Reason[] {
  const reasons: Reason[] = []
  const begins = gridOf(window, shape)
  if (slice.start < begins || (slice.start - begins) % shape.stepMs !== 0)
    reasons.push({ rule: 'grid', working_hour_id: hour.id, begins })
  const wanted = { ...hour, ...slice, unavailable: false }
  const near = { ...wanted, start: slice.start - shape.bufferMs, end: slice.end + shape.bufferMs }
  const taken = new Set(inTheWayOf(wanted, spans, sharing))
  for (const row of inTheWayOf(near, spans, sharing))
    reasons.push({ rule: taken.has(row) ? 'taken' : 'buffer', row })
  return reasons
}

/** Several hours may meet the same row. */
function distinct(reasons: Reason[]): Reason[] {
  const seen = new Map(reasons.map((reason) => [JSON.stringify(reason), reason]))
  return [...seen.values()]
}
