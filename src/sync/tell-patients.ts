/** The events of patients that the sync found new or changed. */
import type { Tenant } from '../db/database.ts'
import type { EventName } from '../model/events.ts'
import { recordEvents } from '../store/events.ts'
import { showPatients } from '../store/patients.ts'
import type { SavedPatients } from '../store/patients-mirror.ts'

/** Tells which patients are new, changed, or merged away by the practice. */
export async function tellPatients(tx: Tenant, saved: SavedPatients): Promise<void> {
  const names = new Map<number, EventName>([
    ...saved.updated.map((id) => [id, 'patient_updated'] as const),
    ...saved.created.map((id) => [id, 'patient_created'] as const),
    ...saved.merged.map((id) => [id, 'patient_merged'] as const),
  ])
  const patients = await showPatients(tx, [...names.keys()])
  await recordEvents(
    tx,
    patients.map((patient) => ({
      name: names.get(patient.id) ?? 'patient_updated',
      resourceType: 'Patient',
      subjectId: patient.id,
      body: { patient },
    })),
  )
}
