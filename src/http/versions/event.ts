/** An event, shaped as its webhook would be (reference, 7.4). Bodies hold the superset; a version picks from it. */
import type { ShownAppointment } from '../../model/appointment.ts'
import { toAppointmentV3 } from '../../model/wire-appointment.ts'
import { toPatientV2, toPatientV3 } from '../../model/wire-patient.ts'
import type { ShownPatient } from '../../model/wire-people.ts'
import type { StoredEvent } from '../../store/events.ts'
import type { LocationRow } from '../../store/locations.ts'
import type { SourceStatus } from '../../store/sync-status.ts'
import type { ConnectorFace } from '../context.ts'
import type { Version } from './choose.ts'
import { showSyncStatus } from './sync.ts'

export interface EventFrame {
  version: Version
  institution: { id: number; subdomain: string }
  locations: LocationRow[]
  connectors: ConnectorFace[]
}

export function showEvent(row: StoredEvent, frame: EventFrame): object {
  return {
    id: row.id,
    institution_id: frame.institution.id,
    subdomain: frame.institution.subdomain,
    resource_type: row.resource_type,
    event_name: row.name,
    event_time: row.created_at,
    data: dataOf(row, frame),
  }
}

function dataOf({ name, body }: StoredEvent, frame: EventFrame): object {
  const {
    appointment,
    patient,
    sync_status: status,
    ...rest
  } = body as {
    appointment?: ShownAppointment
    patient?: ShownPatient
    sync_status?: SourceStatus
  }
  if (appointment) {
    const told = { ...toAppointmentV3(appointment), deleted: appointment.deleted }
    // NexHealth tells new appointments as a list.
    return name === 'appointment_created' ? { appointments: [told], ...rest } : { appointment: told, ...rest }
  }
  if (patient)
    return { patient: frame.version === 'v3' ? toPatientV3(patient) : toPatientV2(patient), ...rest }
  if (status) return showSyncStatus(frame.institution.id, status, frame.locations, frame.connectors)
  return rest
}
