/**
 * Which Slots an appointment takes, and what becomes of them. Pure. A Slot that sticks out of the appointment is cut where
 * the server lets us: what the appointment takes is busy, the rest stays free as Slots of their own.
 */
import type { Instant } from '../../model/time.ts'
import type { BundleEntry, Slot } from './resources.ts'
import { parseInstant } from './values.ts'

/** A Slot near the wanted time. */
export interface Candidate {
  slot: Slot
  /** Its Schedule is that of who is asked for: its free Slots are what offers the time. */
  offers: boolean
}

export interface Wanted {
  start: Instant
  end: Instant
  /** Busy Slots do not refuse it. */
  overbook: boolean
  /** Where everyone books by Slots: a time that no free Slot offers is not to be had. */
  mustBeOffered: boolean
  /** Ids of the Slots that the appointment holds already. */
  own: ReadonlySet<string>
  /** Whether what sticks out may be cut off: the server lets us create Slots. */
  cuts: boolean
}

export type SlotPlan =
  | { kind: 'taken' }
  /** `entries` of a transaction, each under the version that was read; `slots` are all that the appointment holds then. */
  | { kind: 'take'; entries: BundleEntry[]; slots: string[] }

export const NO_SLOTS: Extract<SlotPlan, { kind: 'take' }> = { kind: 'take', entries: [], slots: [] }

const BUSY = new Set(['busy', 'busy-unavailable', 'busy-tentative'])

export function planSlots(candidates: Candidate[], wanted: Wanted): SlotPlan {
  const { start, end, own } = wanted
  const entries: BundleEntry[] = []
  const slots: string[] = []
  let offeredUntil = start
  const near = candidates.flatMap((candidate) => {
    const from = parseInstant(candidate.slot.start)
    const to = parseInstant(candidate.slot.end)
    return from !== null && to !== null && from < end && to > start ? [{ ...candidate, from, to }] : []
  })
  for (const { slot, offers, from, to } of near.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    const isOwn = own.has(slot.id)
    if (!isOwn && BUSY.has(slot.status)) {
      if (!wanted.overbook) return { kind: 'taken' }
      continue
    }
    if (!isOwn && (slot.status !== 'free' || slot.meta?.versionId === undefined)) continue
    if (offers && from <= offeredUntil && to > offeredUntil) offeredUntil = to
    slots.push(slot.id)
    if (!isOwn) entries.push(...takingOf(slot, { from, to }, wanted))
  }
  if (wanted.mustBeOffered && !wanted.overbook && offeredUntil < end) return { kind: 'taken' }
  return { kind: 'take', entries, slots }
}

function takingOf(slot: Slot, { from, to }: { from: Instant; to: Instant }, wanted: Wanted): BundleEntry[] {
  const { start, end, cuts } = wanted
  const sticksOut = [
    ...(from < start ? [{ start: from, end: start }] : []),
    ...(to > end ? [{ start: end, end: to }] : []),
  ]
  if (!cuts || sticksOut.length === 0) return [put(slot, { status: 'busy' })]
  const part = { start: from < start ? start : from, end: to > end ? end : to }
  const { id: _, meta: __, identifier: ___, ...rest } = slot
  return [
    put(slot, { ...part, status: 'busy' }),
    ...sticksOut.map((free) => ({
      resource: { ...rest, ...free, status: 'free' },
      request: { method: 'POST', url: 'Slot' },
    })),
  ]
}

/** A Slot let go again; nothing where it is not held, or its version is not known. */
export function freeing(slot: Slot): BundleEntry[] {
  const isHeld = slot.status === 'busy' || slot.status === 'busy-tentative'
  return isHeld && slot.meta?.versionId !== undefined ? [put(slot, { status: 'free' })] : []
}

function put(slot: Slot, part: Partial<Slot>): BundleEntry {
  const ifMatch = `W/"${slot.meta?.versionId}"`
  return { resource: { ...slot, ...part }, request: { method: 'PUT', url: `Slot/${slot.id}`, ifMatch } }
}
