/** The one place where events come from: what a transaction changed, told in that transaction, before it commits. */
import type { Tenant } from '../db/database.ts'
import type { ShownAppointment } from '../model/appointment.ts'
import { eventsOf } from '../model/appointment-events.ts'
import { showAppointments } from './appointments.ts'
import { type Changes, takeChanges } from './changes.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { mapSurvivors } from './patient-merges.ts'
import { showPatients } from './patients.ts'
import { listSourceStatus } from './sync-status.ts'

/**
 * Records the events of what was changed since it was last called in this transaction: patients before the appointments
 * that name them, then overlaps, then the data source. Every tenant transaction ends with it.
 * @param acceptedId the appointment that a client's request made or changed, where it is told before the end for its answer
 * @returns the appointments among them, as shown
 */
export async function tellChanges(tx: Tenant, acceptedId?: number): Promise<ShownAppointment[]> {
  const changes = takeChanges(tx)
  if (!changes) return []
  const accepted = acceptedId === undefined ? undefined : changes.appointments.get(acceptedId)
  if (accepted) accepted.isAccepted = true
  const appointments = await appointmentsOf(tx, changes)
  await recordEvents(tx, [
    ...(await tellPatients(tx, changes)),
    ...tellAppointments(changes, appointments),
    ...(await tellSources(tx, changes)),
  ])
  return [...appointments.values()]
}

async function appointmentsOf(tx: Tenant, changes: Changes): Promise<Map<number, ShownAppointment>> {
  const ids = new Set([...changes.appointments.keys(), ...changes.conflicts.map(({ id }) => id)])
  if (ids.size === 0) return new Map()
  const shown = await showAppointments(tx, [...ids])
  return new Map(shown.map((appointment) => [appointment.id, appointment]))
}

function tellAppointments(changes: Changes, shown: Map<number, ShownAppointment>): NewEvent[] {
  const told = [...changes.appointments].flatMap(([id, change]) =>
    eventsOf(change).map(({ name, previous }) => ({
      name,
      resourceType: 'Appointment' as const,
      subjectId: id,
      body: { appointment: shown.get(id), ...(previous ? { previous_attributes: previous } : {}) },
    })),
  )
  const overlaps = changes.conflicts.map(({ id, conflictsWith }) => ({
    name: 'conflict_detected' as const,
    resourceType: 'Appointment' as const,
    subjectId: id,
    body: { appointment: shown.get(id), conflicts_with: conflictsWith },
  }))
  return [...told, ...overlaps]
}

async function tellPatients(tx: Tenant, { patients }: Changes): Promise<NewEvent[]> {
  if (patients.size === 0) return []
  const ids = [...patients.keys()]
  const merged = ids.filter((id) => patients.get(id) === 'patient_merged')
  const survivors = merged.length === 0 ? new Map<number, number>() : await mapSurvivors(tx, merged)
  return (await showPatients(tx, ids)).map((patient) => ({
    name: patients.get(patient.id) ?? 'patient_updated',
    resourceType: 'Patient',
    subjectId: patient.id,
    body: survivors.has(patient.id) ? { patient, merged_into: survivors.get(patient.id) } : { patient },
  }))
}

/** A data source that turned is told as `/sync_status` shows it; one that was loaded, by what was found in it. */
async function tellSources(tx: Tenant, { turned, loaded }: Changes): Promise<NewEvent[]> {
  const statuses = turned.length === 0 ? [] : await listSourceStatus(tx)
  return [
    ...turned.map(({ id, direction }) => ({
      name:
        direction === 'read' ? ('sync_status_read_change' as const) : ('sync_status_write_change' as const),
      resourceType: 'SyncStatus' as const,
      subjectId: id,
      body: { sync_status: statuses.find((one) => one.id === id) ?? null },
    })),
    ...loaded.map((source) => ({
      name: 'data_source_loaded' as const,
      resourceType: 'DataSource' as const,
      subjectId: source.id,
      body: { data_source: source },
    })),
  ]
}
