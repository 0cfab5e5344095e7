/** What takes time at a location, laid out so that a walk over many starts asks for each but once. */
import { type Resource, wantSame } from './conflicts.ts'

/** A span in epoch milliseconds, with the row that it comes from: an appointment (or block), or a hold. */
export interface TakenSpan extends Resource {
  appointment_id: number | null
  hold_id: number | null
  start: number
  end: number
}

/** All spans of one resource, as `starts[n]` to `ends[n]`. */
export interface TakenGroup extends Resource {
  starts: number[]
  ends: number[]
}

/** Stretches that are taken: apart from each other, in order. */
export interface Taken {
  starts: number[]
  ends: number[]
}

/**
 * Prepares what is taken of one location for questions. Who is in whose way is decided by `wantSame`, once for each pair
 * of resources rather than for each pair of spans.
 */
export function takenOf(groups: readonly TakenGroup[]): (wanted: Resource) => Taken {
  const known = new Map<string, Taken>()
  return (wanted) => {
    const inTheWay = groups.flatMap((group, at) => (wantSame(group, wanted) ? [at] : []))
    const key = inTheWay.join()
    const before = known.get(key)
    if (before) return before
    const made = merge(inTheWay.flatMap((at) => groups[at] ?? []))
    known.set(key, made)
    return made
  }
}

/** Spans by what they are taken of. */
export function groupSpans(spans: readonly TakenSpan[]): TakenGroup[] {
  const byResource = Map.groupBy(
    spans,
    (span) => `${span.location_id}/${span.operatory_id}/${span.provider_id}`,
  )
  return [...byResource.values()].flatMap((own) => {
    const [first] = own
    if (!first) return []
    const { location_id, operatory_id, provider_id } = first
    const [starts, ends] = [own.map(({ start }) => start), own.map(({ end }) => end)]
    return [{ location_id, operatory_id, provider_id, starts, ends }]
  })
}

/** Sorted apart, starts and ends still tell it: where as many have ended as have started, nothing goes on. */
function merge(groups: TakenGroup[]): Taken {
  const starts = inOrder(groups, 'starts')
  const ends = inOrder(groups, 'ends')
  const taken: Taken = { starts: [], ends: [] }
  let ended = 0
  for (let started = 0; started < starts.length; started++) {
    const start = starts[started] ?? 0
    while ((ends[ended] ?? start) < start) ended++
    if (ended < started) continue
    if (started > 0) taken.ends.push(ends[started - 1] ?? start)
    taken.starts.push(start)
  }
  const last = ends.at(-1)
  if (last !== undefined) taken.ends.push(last)
  return taken
}

/** One edge of all spans; plain numbers, since this is most of what an answer costs beside the database. */
function inOrder(groups: TakenGroup[], edge: 'starts' | 'ends'): Float64Array {
  let count = 0
  for (const group of groups) count += group[edge].length
  const all = new Float64Array(count)
  let at = 0
  for (const group of groups) {
    all.set(group[edge], at)
    at += group[edge].length
  }
  return all.sort()
}

/** The rows that are in the way of taking `[start, end)` of something: those that overlap it and want the same. */
export function inTheWayOf(
  wanted: Resource & { start: number; end: number },
  spans: readonly TakenSpan[],
): TakenSpan[] {
  return spans.filter((span) => span.start < wanted.end && wanted.start < span.end && wantSame(span, wanted))
}
