/** Patients as the record system holds them: upserted by foreign id, adopted by our marker, followed when merged there. */
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { matchKey, nameKey, phoneKeys } from '../model/people.ts'
import type { PatientRecord } from '../model/records.ts'
import type { Instant } from '../model/time.ts'
import { notePatients } from './changes.ts'

/** What is compared to see whether a patient changed. */
function hashOf(record: PatientRecord): string {
  return createHash('sha1').update(JSON.stringify(record)).digest('base64')
}

/**
 * Upserts patients whose record differs from what we hold. A placeholder that bears the record's marker takes its foreign
 * id and keeps its own id. Rows read before the mirror was last seen are left alone.
 * @param seenAt when the read that gave them began
 */
export async function savePatients(
  tx: Tenant,
  source: { id: number; locationId: number | null },
  records: PatientRecord[],
  seenAt: Instant,
): Promise<void> {
  if (records.length === 0) return
  // In one order, so that two merges never wait for each other in a ring.
  const latest = [...new Map(records.map((record) => [record.foreignId, record])).values()].sort((a, b) =>
    a.foreignId < b.foreignId ? -1 : 1,
  )
  await adoptPlaceholders(tx, source.id, latest)
  const rows = latest.map((record) => ({
    ...record,
    hash: hashOf(record),
    name_key: nameKey(record.firstName, record.middleName, record.lastName),
    phone_keys: phoneKeys(record.cellPhone, record.homePhone, record.workPhone),
    match_key: matchKey({ ...record, phone: record.cellPhone ?? record.homePhone ?? record.workPhone }),
  }))
  const { rows: saved } = await sql<{ id: number; fresh: boolean }>`
    insert into patients as p (institution_id, data_source_id, location_id, foreign_id, marker, first_name, middle_name,
      last_name, birth_date, gender, email, cell_phone, home_phone, work_phone, address_line_1, address_line_2, city, state,
      zip_code, language, chart_id, billing_type, inactive, name_key, phone_keys, match_key, version, mirror_hash,
      mirror_seen_at, last_sync_time)
    select ${tx.institutionId}::bigint, ${source.id}::bigint, ${source.locationId}::bigint, r."foreignId", r.marker, r."firstName", r."middleName",
      r."lastName", r."birthDate", r.gender, r.email, r."cellPhone", r."homePhone", r."workPhone", r."addressLine1",
      r."addressLine2", r.city, r.state, r."zipCode", r.language, r."chartId", r."billingType", r.inactive, r.name_key,
      array(select jsonb_array_elements_text(r.phone_keys)), r.match_key, r.version, r.hash, ${seenAt}::timestamptz, app_now()
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r("foreignId" text, marker text, "firstName" text,
      "middleName" text, "lastName" text, "birthDate" date, gender text, email text, "cellPhone" text, "homePhone" text,
      "workPhone" text, "addressLine1" text, "addressLine2" text, city text, state text, "zipCode" text, language text,
      "chartId" text, "billingType" text, inactive boolean, name_key text, phone_keys jsonb, match_key text, version text,
      hash text)
    on conflict (institution_id, data_source_id, foreign_id) do update set marker = coalesce(excluded.marker, p.marker),
      first_name = excluded.first_name, middle_name = excluded.middle_name, last_name = excluded.last_name,
      birth_date = excluded.birth_date, gender = excluded.gender, email = excluded.email, cell_phone = excluded.cell_phone,
      home_phone = excluded.home_phone, work_phone = excluded.work_phone, address_line_1 = excluded.address_line_1,
      address_line_2 = excluded.address_line_2, city = excluded.city, state = excluded.state, zip_code = excluded.zip_code,
      language = excluded.language, chart_id = excluded.chart_id, billing_type = excluded.billing_type,
      inactive = excluded.inactive, name_key = excluded.name_key, phone_keys = excluded.phone_keys,
      match_key = excluded.match_key, version = excluded.version, mirror_hash = excluded.mirror_hash,
      mirror_seen_at = excluded.mirror_seen_at, last_sync_time = app_now(), updated_at = app_now()
    where p.mirror_hash is distinct from excluded.mirror_hash
      and (p.mirror_seen_at is null or p.mirror_seen_at <= excluded.mirror_seen_at)
    returning p.id, p.xmax = 0 as fresh`.execute(tx.db)
  const ids = (fresh: boolean) => saved.filter((row) => row.fresh === fresh).map((row) => row.id)
  notePatients(tx, 'patient_created', ids(true))
  notePatients(tx, 'patient_updated', ids(false))
  notePatients(tx, 'patient_merged', await linkPatients(tx, source.id, latest))
}

/** Gives placeholders that bear a record's marker the foreign id, so that the upsert finds them. */
async function adoptPlaceholders(tx: Tenant, dataSourceId: number, records: PatientRecord[]): Promise<void> {
  const marked = records.flatMap((record) =>
    record.marker === null ? [] : [{ marker: record.marker, foreign_id: record.foreignId }],
  )
  if (marked.length === 0) return
  await sql`update patients p set foreign_id = r.foreign_id, updated_at = app_now()
    from jsonb_to_recordset(${JSON.stringify(marked)}::jsonb) as r(marker text, foreign_id text)
    where p.institution_id = ${tx.institutionId} and p.data_source_id = ${dataSourceId} and p.marker = r.marker
      and p.foreign_id is null and not exists (select from patients o where o.institution_id = p.institution_id
        and o.data_source_id = p.data_source_id and o.foreign_id = r.foreign_id)`.execute(tx.db)
}

/**
 * Sets guarantor, provider and survivor, which are named by foreign ids that may come later in the same page.
 * Answers the ids that were merged away by this.
 */
async function linkPatients(tx: Tenant, dataSourceId: number, records: PatientRecord[]): Promise<number[]> {
  const linked = records.filter((record) => record.guarantor ?? record.provider ?? record.mergedInto)
  if (linked.length === 0) return []
  const { rows } = await sql<{ id: number; newly: boolean }>`update patients p set
      guarantor_id = coalesce((select g.id from patients g where g.institution_id = p.institution_id
        and g.data_source_id = p.data_source_id and g.foreign_id = r.guarantor), p.guarantor_id),
      provider_id = coalesce((select v.id from providers v where v.institution_id = p.institution_id
        and v.data_source_id = p.data_source_id and v.foreign_id = r.provider), p.provider_id),
      merged_into = (select s.id from patients s where s.institution_id = p.institution_id
        and s.data_source_id = p.data_source_id and s.foreign_id = r."mergedInto")
    from (select id as old_id, merged_into as old_merged from patients where institution_id = ${tx.institutionId}) o, jsonb_to_recordset(${JSON.stringify(linked)}::jsonb) as r("foreignId" text, guarantor text, provider text,
      "mergedInto" text)
    where p.institution_id = ${tx.institutionId} and p.data_source_id = ${dataSourceId}
      and p.foreign_id = r."foreignId" and o.old_id = p.id
    returning p.id, p.merged_into is not null and o.old_merged is null as newly`.execute(tx.db)
  return rows.filter((row) => row.newly).map((row) => row.id)
}

/** Our ids of patients by their foreign ids; merged ones answer their survivor. */
export async function mapPatients(
  tx: Tenant,
  dataSourceId: number,
  foreignIds: string[],
): Promise<Map<string, number>> {
  const { rows } = await sql<{ foreign_id: string; id: number }>`
    select foreign_id, coalesce(merged_into, id) as id from patients where institution_id = ${tx.institutionId}
      and data_source_id = ${dataSourceId} and foreign_id = any(${foreignIds}::text[])`.execute(tx.db)
  return new Map(rows.map((row) => [row.foreign_id, row.id]))
}

/** What a write of an insertion needs to know of its patient. */
export interface PatientToWrite {
  id: number
  foreign_id: string | null
  marker: string | null
  first_name: string
  middle_name: string | null
  last_name: string
  birth_date: string | null
  gender: 'Male' | 'Female' | 'Other' | null
  email: string | null
  phone: string | null
}

/**
 * Locks the patient of an appointment. Whoever changes both a patient and an appointment locks the patient first, as the
 * merge of a page does; two that went the other way would wait for each other.
 */
export async function lockPatientOf(tx: Tenant, appointmentId: number): Promise<void> {
  await sql`select id from patients where institution_id = ${tx.institutionId} and id = (select patient_id
    from appointments where institution_id = ${tx.institutionId} and id = ${appointmentId}) for no key update`.execute(
    tx.db,
  )
}

/** A patient for a write, locked, so that two insertions of one new patient settle one after the other. */
export async function lockPatientToWrite(tx: Tenant, id: number): Promise<PatientToWrite> {
  const { rows } = await sql<PatientToWrite>`
    select id, foreign_id, marker, first_name, middle_name, last_name, birth_date, gender, email,
      coalesce(cell_phone, home_phone, work_phone) as phone
    from patients where institution_id = ${tx.institutionId} and id = ${id} for no key update`.execute(tx.db)
  const patient = rows[0]
  if (!patient) throw new Error(`patient ${id} is not there`)
  return patient
}

/** Records under which marker a patient will be written, before anything is sent. */
export async function setPatientMarker(tx: Tenant, id: number, marker: string): Promise<void> {
  await sql`update patients set marker = ${marker} where institution_id = ${tx.institutionId} and id = ${id}`.execute(
    tx.db,
  )
}

/**
 * Ties a placeholder to a patient that the record system holds. Where we already mirror that patient under another id,
 * the appointments of the placeholder go to it and the placeholder lives on as its alias.
 * @returns the id to use from now on
 */
export async function tiePatient(
  tx: Tenant,
  dataSourceId: number,
  id: number,
  foreignId: string,
): Promise<number> {
  const known = (await mapPatients(tx, dataSourceId, [foreignId])).get(foreignId)
  if (known === id) return id
  if (known === undefined) {
    await sql`update patients set foreign_id = ${foreignId}, updated_at = app_now()
      where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
    notePatients(tx, 'patient_updated', [id])
    return id
  }
  await sql`update patients set merged_into = ${known}, updated_at = app_now()
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
  notePatients(tx, 'patient_merged', [id])
  return known
}
