/** Procedures as the record system holds them. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { ProcedureRecord } from '../model/records.ts'

/** Upserts procedures; what they name is tied where we know it. */
export async function saveProcedures(
  tx: Tenant,
  dataSourceId: number,
  records: ProcedureRecord[],
): Promise<void> {
  if (records.length === 0) return
  await sql`
    insert into procedures as p (institution_id, data_source_id, foreign_id, location_id, patient_id, provider_id,
      appointment_id, code, name, status, start_date, end_date)
    select ${tx.institutionId}::bigint, ${dataSourceId}::bigint, r."foreignId",
      (select id from locations x where x.institution_id = ${tx.institutionId} and x.data_source_id = ${dataSourceId} and x.foreign_id = r.location),
      (select survivor_of(x.id) from patients x where x.institution_id = ${tx.institutionId} and x.data_source_id = ${dataSourceId} and x.foreign_id = r.patient),
      (select id from providers x where x.institution_id = ${tx.institutionId} and x.data_source_id = ${dataSourceId} and x.foreign_id = r.provider),
      (select id from appointments x where x.institution_id = ${tx.institutionId} and x.data_source_id = ${dataSourceId} and x.foreign_id = r.appointment),
      r.code, r.name, r.status, r."startDate", r."endDate"
    from jsonb_to_recordset(${JSON.stringify(records)}::jsonb) as r("foreignId" text, location text, patient text,
      provider text, appointment text, code text, name text, status text, "startDate" date, "endDate" date)
    on conflict (institution_id, data_source_id, foreign_id) do update set location_id = excluded.location_id,
      patient_id = excluded.patient_id, provider_id = excluded.provider_id, appointment_id = excluded.appointment_id,
      code = excluded.code, name = excluded.name, status = excluded.status, start_date = excluded.start_date,
      end_date = excluded.end_date, updated_at = app_now()`.execute(tx.db)
}
