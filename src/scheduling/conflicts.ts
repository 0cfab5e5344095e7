/** What takes time, and who wants the same. How many may share it is for `sharing.ts` to say. */
import { type AppointmentState, shownOf } from '../model/appointment-state.ts'
import { addMs, hours, type Instant } from '../model/time.ts'

/** What time is taken of. With neither operatory nor provider it is the whole location's. */
export interface Resource {
  location_id: number
  operatory_id: number | null
  provider_id: number | null
}

/** A stretch of time that is taken, `[start, end)`. */
export interface Span extends Resource {
  /** A block. */
  unavailable: boolean
  start_time: Instant
  end_time: Instant
}

/** Longest single span: a scan for conflicts looks back this far and no further. */
export const SPAN_MAX_MS = hours(24)

/**
 * What an appointment occupies. Its time in the record system stays taken for as long as the record system shows it,
 * also while a cancel or a move is owed; and what we owe is taken from the moment it was accepted.
 */
export function occupiedBy(state: AppointmentState): Span[] {
  const spans: Span[] = []
  const { mirror, draft, overlay } = state
  if (mirror && !mirror.gone && !mirror.cancelled) spans.push(spanOf(mirror))
  // Nothing is owed of most rows: what is owed is then what stands.
  if (mirror && !mirror.gone && Object.keys(overlay).length > 0) {
    const owed = shownOf(state, true)
    if (!owed.cancelled) spans.push(spanOf(owed))
  }
  if (!mirror && draft && !draft.cancelled) spans.push(spanOf(draft))
  return joined(spans).flatMap(slice)
}

/**
 * Two want the same: the same operatory where both have one, else the same provider; who has neither wants the whole
 * location. (A provider may be in two operatories at once.)
 */
export function wantSame(a: Resource, b: Resource): boolean {
  if (a.location_id !== b.location_id) return false
  if (takesLocation(a) || takesLocation(b)) return true
  if (a.operatory_id !== null && b.operatory_id !== null) return a.operatory_id === b.operatory_id
  return a.provider_id !== null && a.provider_id === b.provider_id
}

/** Neither operatory nor provider: the whole location. */
export function takesLocation(resource: Resource): boolean {
  return resource.operatory_id === null && resource.provider_id === null
}

function spanOf(fields: Span): Span {
  const { location_id, operatory_id, provider_id, unavailable, start_time, end_time } = fields
  return { location_id, operatory_id, provider_id, unavailable, start_time, end_time }
}

/** An appointment that moves within its operatory is there once at any instant, however its old and its new time overlap. */
function joined(spans: Span[]): Span[] {
  const [old, owed] = spans
  if (!old || !owed || !sameResource(old, owed)) return spans
  if (old.end_time < owed.start_time || owed.end_time < old.start_time) return spans
  const start_time = old.start_time < owed.start_time ? old.start_time : owed.start_time
  const end_time = old.end_time > owed.end_time ? old.end_time : owed.end_time
  return [{ ...owed, start_time, end_time }]
}

function sameResource(a: Span, b: Span): boolean {
  return (
    a.location_id === b.location_id &&
    a.operatory_id === b.operatory_id &&
    a.provider_id === b.provider_id &&
    a.unavailable === b.unavailable
  )
}

function slice(span: Span): Span[] {
  const parts: Span[] = []
  for (let start = span.start_time; start < span.end_time; ) {
    const limit = addMs(start, SPAN_MAX_MS)
    const end = limit < span.end_time ? limit : span.end_time
    parts.push({ ...span, start_time: start, end_time: end })
    start = end
  }
  return parts
}
