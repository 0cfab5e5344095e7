/** What takes time at a location, laid out so that a walk over many starts asks for each but once. */
import type { Resource } from './conflicts.ts'
import { capsOn, type Sharing, STRICT, type Taker } from './sharing.ts'

/** A span in epoch milliseconds, with the row that it comes from: an appointment (or block), or a hold. */
export interface TakenSpan extends Taker {
  appointment_id: number | null
  hold_id: number | null
  start: number
  end: number
}

/** All spans of one resource, as `starts[n]` to `ends[n]`. */
export interface TakenGroup extends Taker {
  starts: number[]
  ends: number[]
}

/** Stretches that are taken: apart from each other, in order. */
export interface Taken {
  starts: number[]
  ends: number[]
}

/**
 * Prepares what is taken of one location for questions: when one more visit cannot come. Who counts against whom is decided
 * by `capsOn`, once for each pair of resources rather than for each pair of spans.
 */
export function takenOf(
  groups: readonly TakenGroup[],
  sharing: Sharing = STRICT,
): (wanted: Resource) => Taken {
  const known = new Map<string, Taken>()
  return (wanted) => {
    const counted = capsOn({ ...wanted, unavailable: false }, sharing).map(({ counts, most }) => ({
      most,
      members: groups.flatMap((group, at) => (counts(group) ? [at] : [])),
    }))
    const key = counted.map(({ most, members }) => `${most}:${members.join()}`).join('/')
    const before = known.get(key)
    if (before) return before
    const full = counted.map(({ most, members }) =>
      fullIn(
        members.flatMap((at) => groups[at] ?? []),
        most,
      ),
    )
    const [only, ...others] = full
    const made = only && others.length === 0 ? only : fullIn(full, 1)
    known.set(key, made)
    return made
  }
}

/** Spans by what they are taken of. */
export function groupSpans(spans: readonly TakenSpan[]): TakenGroup[] {
  const byResource = Map.groupBy(
    spans,
    (span) => `${span.location_id}/${span.operatory_id}/${span.provider_id}/${span.unavailable}`,
  )
  return [...byResource.values()].flatMap((own) => {
    const [first] = own
    if (!first) return []
    const { location_id, operatory_id, provider_id, unavailable } = first
    const [starts, ends] = [own.map(({ start }) => start), own.map(({ end }) => end)]
    return [{ location_id, operatory_id, provider_id, unavailable, starts, ends }]
  })
}

/**
 * When `most` or more of these go on at one instant. Sorted apart, starts and ends still tell it: what has started less what
 * has ended goes on, and who ends at an instant leaves before who starts then.
 */
function fullIn(groups: Taken[], most: number): Taken {
  const starts = inOrder(groups, 'starts')
  const ends = inOrder(groups, 'ends')
  const full: Taken = { starts: [], ends: [] }
  let [started, ended] = [0, 0]
  while (ended < ends.length) {
    const start = starts[started] ?? Infinity
    const end = ends[ended] ?? Infinity
    if (end <= start) {
      ended++
      if (started - ended === most - 1) full.ends.push(end)
    } else {
      started++
      if (started - ended !== most) continue
      // One that goes on where the last one ended is the same stretch.
      if (full.ends.at(-1) === start) full.ends.pop()
      else full.starts.push(start)
    }
  }
  return full
}

/** One edge of all spans; plain numbers, since this is most of what an answer costs beside the database. */
function inOrder(groups: Taken[], edge: 'starts' | 'ends'): Float64Array {
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

/**
 * The rows that are in the way of taking `[start, end)` of something; none where it may be taken. In the way is whatever is
 * part of a count that is full at some instant of it.
 */
export function inTheWayOf(
  wanted: Taker & { start: number; end: number },
  spans: readonly TakenSpan[],
  sharing: Sharing,
): TakenSpan[] {
  const near = spans.filter((span) => span.start < wanted.end && wanted.start < span.end)
  const found = new Set<TakenSpan>()
  for (const { counts, most } of capsOn(wanted, sharing)) {
    const members = near.filter(counts)
    const full = fullIn(groupSpans(members), most)
    for (const span of members) {
      const within = { start: Math.max(span.start, wanted.start), end: Math.min(span.end, wanted.end) }
      if (full.starts.some((start, at) => start < within.end && within.start < (full.ends[at] ?? 0)))
        found.add(span)
    }
  }
  return near.filter((span) => found.has(span))
}
