/** Procedures as the record system holds them. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { ProcedureRecord } from '../model/records.ts'
import { mapAppointments } from './appointments.ts'
import type { DirectoryMaps } from './directory-mirror.ts'
import { mapPatients } from './patient-links.ts'
import { keptForeign } from './stored-ids.ts'

/**
 * Upserts procedures that differ from what we hold; what they name is tied where we know it. Ids are looked up before, each
 * kind by its own index: joined into the insert, a plan made on a guess goes through whole tables for each page.
 */
export async function saveProcedures(
  tx: Tenant,
  dataSourceId: number,
  records: ProcedureRecord[],
  places: Pick<DirectoryMaps, 'locations' | 'providers'>,
): Promise<void> {
  if (records.length === 0) return
  const latest = [...new Map(records.map((record) => [record.foreignId, record])).values()]
  const of = (name: 'patient' | 'appointment') => [...new Set(latest.flatMap((record) => record[name] ?? []))]
  const patients = await mapPatients(tx, dataSourceId, of('patient'))
  const appointments = await mapAppointments(tx, dataSourceId, of('appointment'))
  const idIn = (map: Map<string, number>, foreignId: string | null) =>
    foreignId === null ? null : (map.get(foreignId) ?? null)
  const kept = await keptForeign(
    tx,
    dataSourceId,
    'procedure',
    latest.map(({ foreignId }) => foreignId),
  )
  const rows = latest.map((record) => ({
    ...record,
    id: kept(record.foreignId),
    location_id: idIn(places.locations, record.location),
    patient_id: idIn(patients, record.patient),
    provider_id: idIn(places.providers, record.provider),
    appointment_id: idIn(appointments, record.appointment),
  }))
  await sql`
    insert into procedures as p (institution_id, id, data_source_id, foreign_id, location_id, patient_id, provider_id,
      appointment_id, code, name, status, start_date, end_date, created_at, updated_at)
    select ${tx.institutionId}::bigint, coalesce(r.id, nextval('procedure_ids')), ${dataSourceId}::bigint, r."foreignId", r.location_id, r.patient_id, r.provider_id,
      r.appointment_id, r.code, r.name, r.status, r."startDate", r."endDate",
      (select app_now()), (select app_now())
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(id bigint, "foreignId" text, location_id bigint, patient_id bigint,
      provider_id bigint, appointment_id bigint, code text, name text, status text, "startDate" date, "endDate" date)
    on conflict (institution_id, data_source_id, foreign_id) do update set location_id = excluded.location_id,
      patient_id = excluded.patient_id, provider_id = excluded.provider_id, appointment_id = excluded.appointment_id,
      code = excluded.code, name = excluded.name, status = excluded.status, start_date = excluded.start_date,
      end_date = excluded.end_date, updated_at = excluded.updated_at
    where (p.location_id, p.patient_id, p.provider_id, p.appointment_id, p.code, p.name, p.status, p.start_date, p.end_date)
      is distinct from (excluded.location_id, excluded.patient_id, excluded.provider_id, excluded.appointment_id,
        excluded.code, excluded.name, excluded.status, excluded.start_date, excluded.end_date)`.execute(tx.db)
}
