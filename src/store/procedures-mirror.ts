/** Procedures as the record system holds them. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { ProcedureRecord } from '../model/records.ts'
import { keptForeign } from './stored-ids.ts'

/** Upserts procedures that differ from what we hold; what they name is tied where we know it. */
export async function saveProcedures(
  tx: Tenant,
  dataSourceId: number,
  records: ProcedureRecord[],
): Promise<void> {
  if (records.length === 0) return
  const latest = new Map(records.map((record) => [record.foreignId, record]))
  const kept = await keptForeign(tx, dataSourceId, 'procedure', [...latest.keys()])
  const rows = [...latest.values()].map((record) => ({ ...record, id: kept(record.foreignId) }))
  // Joined rather than looked up row by row: a plan made while the tables were empty stays good when they have filled.
  await sql`
    insert into procedures as p (institution_id, id, data_source_id, foreign_id, location_id, patient_id, provider_id,
      appointment_id, code, name, status, start_date, end_date)
    select ${tx.institutionId}::bigint, coalesce(r.id, nextval('procedure_ids')), ${dataSourceId}::bigint, r."foreignId", l.id, survivor_of(t.id), v.id, a.id,
      r.code, r.name, r.status, r."startDate", r."endDate"
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(id bigint, "foreignId" text, location text, patient text,
      provider text, appointment text, code text, name text, status text, "startDate" date, "endDate" date)
    left join locations l on l.institution_id = ${tx.institutionId} and l.data_source_id = ${dataSourceId} and l.foreign_id = r.location
    left join patients t on t.institution_id = ${tx.institutionId} and t.data_source_id = ${dataSourceId} and t.foreign_id = r.patient
    left join providers v on v.institution_id = ${tx.institutionId} and v.data_source_id = ${dataSourceId} and v.foreign_id = r.provider
    left join appointments a on a.institution_id = ${tx.institutionId} and a.data_source_id = ${dataSourceId} and a.foreign_id = r.appointment
    on conflict (institution_id, data_source_id, foreign_id) do update set location_id = excluded.location_id,
      patient_id = excluded.patient_id, provider_id = excluded.provider_id, appointment_id = excluded.appointment_id,
      code = excluded.code, name = excluded.name, status = excluded.status, start_date = excluded.start_date,
      end_date = excluded.end_date, updated_at = app_now()
    where (p.location_id, p.patient_id, p.provider_id, p.appointment_id, p.code, p.name, p.status, p.start_date, p.end_date)
      is distinct from (excluded.location_id, excluded.patient_id, excluded.provider_id, excluded.appointment_id,
        excluded.code, excluded.name, excluded.status, excluded.start_date, excluded.end_date)`.execute(tx.db)
}
