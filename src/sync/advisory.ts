/**
 * The location's policy at the instant of a write. Where the record system checks conflicts itself and the policy is strict,
 * its refusal is the check. Elsewhere we read the time before and after the write, and withdraw our own where it came second.
 * The schedule that cannot be read makes the write wait: it never goes out blind.
 */
import { type Change, type Outcome, Unavailable } from '../connectors/connector.ts'
import type { AppointmentRecord } from '../model/records.ts'
import type { Instant } from '../model/time.ts'
import { toMs } from '../model/time.ts'
import type { Span } from '../scheduling/conflicts.ts'
import { inTheWayOf } from '../scheduling/taken.ts'
import type { Push } from './at-work.ts'
import type { Prepared } from './prepare.ts'
import { readTakenThere, type TakenThere } from './taken-there.ts'

type Rejected = Extract<Outcome, { kind: 'rejected' }>

const taken: Rejected = {
  kind: 'rejected',
  code: 'slot_taken',
  message: 'The time is taken in the health record system.',
}

/** A write that was withdrawn, and its row as it stands after that. */
export interface Beaten {
  refused: Rejected
  stands: AppointmentRecord
}

/** The time that a write takes, where we must look at it ourselves. */
function watchedSpan(push: Push, { write, wanted, policy, isOverridden }: Prepared): Span | null {
  if (write.kind !== 'insert' && write.kind !== 'reschedule') return null
  if (isOverridden) return null
  return policy.kind === 'strict' && push.system.capabilities.conflictCheck === 'atomic' ? null : wanted
}

/** Before the write: `slot_taken` where the time is taken there, null where it may be written. */
export async function guardTime(push: Push, prepared: Prepared): Promise<Rejected | null> {
  const span = watchedSpan(push, prepared)
  if (!span) return null
  const others = await readOthers(push, prepared, span, prepared.appointment.foreign_id)
  return isFull(prepared, span, others) ? taken : null
}

/**
 * After the write: where the time was full without ours, ours is withdrawn and the write is refused. Who came first is who was
 * entered first by the record system's own instant, ties by foreign id, so that of two writers who see each other exactly one
 * withdraws. A move bears no instant of its own: every other row counts as there before it.
 */
export async function withdrawIfBeaten(
  push: Push,
  prepared: Prepared,
  record: AppointmentRecord,
): Promise<Beaten | null> {
  const span = watchedSpan(push, prepared)
  if (!span) return null
  const others = await readOthers(push, prepared, span, record.foreignId)
  const isMove = prepared.write.kind === 'reschedule'
  const before = others.filter((other) => isMove || cameFirst(other.record, record))
  if (!isFull(prepared, span, before)) return null
  // Withdrawn before, by a worker that died on it.
  if (!isMove && record.cancelled) return { refused: taken, stands: record }
  const undone = await push.system.change(undoing(push, prepared, record))
  // Not withdrawn yet: the write stays in flight, is found again and decided anew.
  if (undone.kind !== 'written')
    throw new Unavailable('An appointment of ours that came second is not withdrawn yet.')
  return { refused: taken, stands: undone.record }
}

/** What takes a write of ours back: a cancellation, or the move to where it was. */
function undoing(push: Push, { write }: Prepared, record: AppointmentRecord): Change {
  const target = { foreignId: record.foreignId, version: record.version }
  if (write.kind === 'insert') return { ...target, kind: 'cancel' }
  const { start_time, end_time, operatory_id } = write.was
  const [operatory] = [...push.maps.operatories].find(([, known]) => known.id === operatory_id) ?? [null]
  return {
    ...target,
    kind: 'reschedule',
    start: start_time as Instant,
    end: end_time as Instant,
    operatory,
    overbook: true,
  }
}

function isFull({ policy }: Prepared, span: Span, others: TakenThere[]): boolean {
  const times = { start: toMs(span.start_time), end: toMs(span.end_time) }
  return inTheWayOf({ ...span, ...times }, others, { policy, perSlot: null }).length > 0
}

function cameFirst(other: AppointmentRecord, ours: AppointmentRecord): boolean {
  if (other.enteredAt === null || ours.enteredAt === null) return true
  if (other.enteredAt !== ours.enteredAt) return other.enteredAt < ours.enteredAt
  return isLess(other.foreignId, ours.foreignId)
}

/** Ids that count up do so as numbers: of `99` and `100` the first is the older. */
function isLess(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length
}

async function readOthers(
  push: Push,
  prepared: Prepared,
  span: Span,
  own: string | null,
): Promise<TakenThere[]> {
  const rows = await readTakenThere(push, span.start_time, span.end_time)
  return rows.filter(({ record }) => record.foreignId !== own && record.marker !== prepared.marker)
}
