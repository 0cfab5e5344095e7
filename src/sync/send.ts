/** The call itself: a prepared write as the port wants it. */
import type { Change, Insertion, Outcome } from '../connectors/connector.ts'
import type { Instant } from '../model/time.ts'
import type { Push } from './at-work.ts'
import type { Prepared } from './prepare.ts'

/**
 * Sends a write. Connectors answer with an outcome; a throw is a fault of ours and leaves the write to be looked for.
 * @param patient as `choosePatient` said; null for a block, and for changes
 */
export async function sendWrite(
  push: Push,
  prepared: Prepared,
  patient: Insertion['patient'],
): Promise<Outcome> {
  if (prepared.write.kind !== 'insert') return await push.system.change(changeOf(prepared))
  return await push.system.insert(insertionOf(prepared, patient))
}

function insertionOf(prepared: Prepared, patient: Insertion['patient']): Insertion {
  const { write, names, marker } = prepared
  const { asked } = write
  return {
    marker,
    patient,
    provider: names.provider,
    operatory: names.operatory,
    location: names.location,
    start: asked.start_time as Instant,
    end: asked.end_time as Instant,
    unavailable: asked.unavailable === true,
    note: (asked.note ?? null) as string | null,
    descriptors: names.descriptors,
    overbook: mayOverbook(prepared),
  }
}

/**
 * Where more than one may share a time, the record system's own check, which knows only one at a time, is left out: ours
 * looks in its place.
 */
function mayOverbook({ policy, isOverridden }: Prepared): boolean {
  return isOverridden || policy.kind !== 'strict'
}

function changeOf(prepared: Prepared): Change {
  const { write, appointment, names } = prepared
  const { asked, kind } = write
  const target = { foreignId: appointment.foreign_id ?? '', version: appointment.mirror?.version ?? null }
  switch (kind) {
    case 'confirm':
    case 'cancel':
      return { ...target, kind }
    case 'check_in':
      return { ...target, kind, at: asked.checkin_at as Instant }
    case 'note':
      return { ...target, kind, note: (asked.note ?? null) as string | null }
    case 'reschedule':
      return {
        ...target,
        kind,
        start: asked.start_time as Instant,
        end: asked.end_time as Instant,
        operatory: names.operatory,
        overbook: mayOverbook(prepared),
      }
    case 'insert':
      throw new Error('an insertion is not a change')
  }
}
