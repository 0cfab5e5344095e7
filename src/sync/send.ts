/** The call itself: a prepared write as the port wants it. */
import type { Change, Insertion, Outcome } from '../connectors/connector.ts'
import type { Instant } from '../model/time.ts'
import type { Push } from './at-work.ts'
import type { Prepared } from './prepare.ts'
import { findSamePatient } from './same-patient.ts'

/** Sends a write. Connectors answer with an outcome; a throw is a fault of ours and leaves the write to be looked for. */
export async function sendWrite(push: Push, prepared: Prepared): Promise<Outcome> {
  if (prepared.write.kind !== 'insert') return await push.system.change(changeOf(prepared))
  const patient = await patientFor(push, prepared)
  if (patient === 'ambiguous')
    return {
      kind: 'rejected',
      code: 'refused',
      message: 'Several patients there fit: which one is for a person to say.',
    }
  return await push.system.insert(insertionOf(prepared, patient))
}

async function patientFor(push: Push, { patient }: Prepared): Promise<Insertion['patient'] | 'ambiguous'> {
  if (!patient) return null
  if (patient.foreign_id !== null) return { foreignId: patient.foreign_id }
  const same = await findSamePatient(push.system, patient)
  if (same === 'ambiguous') return 'ambiguous'
  if (same) return { foreignId: same }
  // Without it every new patient would be one and the same there.
  if (patient.marker === null) throw new Error(`patient ${patient.id} has no marker`)
  return {
    marker: patient.marker,
    draft: {
      firstName: patient.first_name,
      middleName: patient.middle_name,
      lastName: patient.last_name,
      birthDate: patient.birth_date,
      gender: patient.gender,
      email: patient.email,
      phone: patient.phone,
    },
  }
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
