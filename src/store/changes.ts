/**
 * What a transaction changed of what is told: noted by the statements that change it, never by their callers, and turned
 * into events before the commit (`tell-changes.ts`). So no change is without its event, whoever made it.
 */
import type { Tenant } from '../db/database.ts'
import type { AppointmentChange, EndedWrite } from '../model/appointment-events.ts'
import type { AppointmentState } from '../model/appointment-state.ts'

type PatientEvent = 'patient_created' | 'patient_updated' | 'patient_merged'

export interface Changes {
  appointments: Map<number, AppointmentChange>
  patients: Map<number, PatientEvent>
  /** Appointments of ours that a row of the front desk now overlaps. */
  conflicts: { id: number; conflictsWith: number }[]
  /** Data sources that turned green or red. */
  turned: { id: number; direction: 'read' | 'write' }[]
  loaded: { id: number; appointments: number; patients: number }[]
}

const noted = new WeakMap<Tenant, Changes>()
const quiet = new WeakSet<Tenant>()

/** The first load of a data source tells one event with counts when it is done, and none for each row. */
export function noteQuietly(tx: Tenant): void {
  quiet.add(tx)
}

/** Takes what was noted since the last time. */
export function takeChanges(tx: Tenant): Changes | null {
  const changes = noted.get(tx) ?? null
  noted.delete(tx)
  return changes
}

/** An appointment was saved. `was` is null for a new one. */
export function noteSaved(tx: Tenant, id: number, was: AppointmentState | null, now: AppointmentState): void {
  if (quiet.has(tx)) return
  const change = changeOf(tx, id)
  if (!change.now) change.was = was
  change.now = { draft: now.draft, mirror: now.mirror, overlay: now.overlay }
}

export function noteEnded(tx: Tenant, appointmentId: number, ended: EndedWrite): void {
  changeOf(tx, appointmentId).ended.push(ended)
}

export function noteDelayed(tx: Tenant, appointmentId: number): void {
  changeOf(tx, appointmentId).isDelayed = true
}

/** An insertion waits for a person to say who its patient is. */
export function noteDecisionNeeded(tx: Tenant, appointmentId: number): void {
  changeOf(tx, appointmentId).isUndecided = true
}

/** What is said of an insertion changed, though it did not end by this. `insertion` is what was said before. */
export function noteInsertion(
  tx: Tenant,
  appointmentId: number,
  insertion: Record<string, unknown> | null,
): void {
  changeOf(tx, appointmentId).insertion = insertion
}

/** A patient was changed; of several changes in one transaction the one that says most is told. */
export function notePatients(tx: Tenant, name: PatientEvent, ids: number[]): void {
  if (quiet.has(tx)) return
  const { patients } = changesOf(tx)
  for (const id of ids) if (name !== 'patient_updated' || !patients.has(id)) patients.set(id, name)
}

export function noteConflict(tx: Tenant, id: number, conflictsWith: number): void {
  if (!quiet.has(tx)) changesOf(tx).conflicts.push({ id, conflictsWith })
}

export function noteTurned(tx: Tenant, id: number, direction: 'read' | 'write'): void {
  changesOf(tx).turned.push({ id, direction })
}

export function noteLoaded(tx: Tenant, loaded: Changes['loaded'][number]): void {
  changesOf(tx).loaded.push(loaded)
}

function changeOf(tx: Tenant, id: number): AppointmentChange {
  const { appointments } = changesOf(tx)
  const change = appointments.get(id) ?? { was: null, now: null, ended: [] }
  appointments.set(id, change)
  return change
}

function changesOf(tx: Tenant): Changes {
  const known = noted.get(tx)
  if (known) return known
  const fresh = { appointments: new Map(), patients: new Map(), conflicts: [], turned: [], loaded: [] }
  noted.set(tx, fresh)
  return fresh
}
