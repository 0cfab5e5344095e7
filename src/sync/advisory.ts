/**
 * Where the record system checks no conflicts itself, we read the time before and after the write, and withdraw our own
 * where it came second. The schedule that cannot be read makes the write wait: it never goes out blind.
 */
import { type Change, type Outcome, Unavailable } from '../connectors/connector.ts'
import type { Mirror } from '../model/appointment-state.ts'
import type { AppointmentRecord } from '../model/records.ts'
import type { Instant } from '../model/time.ts'
import { conflicts, type Span } from '../scheduling/conflicts.ts'
import type { Push } from './at-work.ts'
import { mirrorFor } from './mirror-for.ts'
import type { Prepared } from './prepare.ts'

type Rejected = Extract<Outcome, { kind: 'rejected' }>

const taken: Rejected = {
  kind: 'rejected',
  code: 'slot_taken',
  message: 'The time is taken in the health record system.',
}

function wantedSpan({ write, appointment }: Prepared): Span | null {
  if (write.kind !== 'insert' && write.kind !== 'reschedule') return null
  const fields = appointment.mirror ?? appointment.draft
  return fields && ({ ...fields, ...write.asked } as Mirror)
}

/** Before the write: `slot_taken` where the time is taken there, null where it is free or the system checks itself. */
export async function guardTime(push: Push, prepared: Prepared): Promise<Rejected | null> {
  const span = wantedSpan(prepared)
  if (!span || push.system.capabilities.conflictCheck === 'atomic') return null
  const others = await conflicting(push, prepared, span, null)
  return others.length > 0 ? taken : null
}

/**
 * After the write: where another row that was there first conflicts, ours is cancelled again and the write is refused.
 * First is who was entered first by the record system's own instant, ties by foreign id, so that of two writers who see
 * each other exactly one withdraws.
 */
export async function withdrawIfBeaten(
  push: Push,
  prepared: Prepared,
  record: AppointmentRecord,
): Promise<Rejected | null> {
  const span = wantedSpan(prepared)
  if (!span || push.system.capabilities.conflictCheck === 'atomic') return null
  const others = await conflicting(push, prepared, span, record.foreignId)
  if (!others.some((other) => cameFirst(other, record))) return null
  const undone = await push.system.change(undoing(push, prepared, record))
  // Not withdrawn yet: the write stays in flight, is found again and decided anew.
  if (undone.kind !== 'written')
    throw new Unavailable('An appointment of ours that came second is not withdrawn yet.')
  return taken
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

function cameFirst(other: AppointmentRecord, ours: AppointmentRecord): boolean {
  if (other.enteredAt === null || ours.enteredAt === null) return true
  if (other.enteredAt !== ours.enteredAt) return other.enteredAt < ours.enteredAt
  return other.foreignId < ours.foreignId
}

async function conflicting(
  push: Push,
  prepared: Prepared,
  span: Span,
  ownForeignId: string | null,
): Promise<AppointmentRecord[]> {
  const found: AppointmentRecord[] = []
  const own = ownForeignId ?? prepared.appointment.foreign_id
  for await (const page of push.system.window(span.start_time as Instant, span.end_time as Instant)) {
    for (const one of page) {
      if (one.kind !== 'appointment') continue
      const { record } = one
      if (record.cancelled || record.foreignId === own || record.marker === prepared.marker) continue
      // The patient does not matter here, and may be one that we do not know yet.
      const mirror = await mirrorFor(push, { ...record, patient: null }, null)
      if (mirror && conflicts(mirror, span)) found.push(record)
    }
  }
  return found
}
