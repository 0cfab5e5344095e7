/** Patients as the record system holds them: upserted by foreign id, adopted by our marker, followed when merged there. */
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { matchKey, nameKey, phoneKeys } from '../model/people.ts'
import type { PatientRecord } from '../model/records.ts'
import type { Instant, LocalDate } from '../model/time.ts'
import { notePatients } from './changes.ts'
import { findNamed, linkPatients, linksOf, mapPatients } from './patient-links.ts'
import { foldPatient, linkSurvivors, type Merge } from './patient-merges.ts'
import type { KnownRow } from './patients.ts'
import { keptForeign } from './stored-ids.ts'

export interface SavedPatients {
  /** Merged away by the practice since we last looked, or no longer. */
  merges: Merge[]
  updated: number[]
}

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
): Promise<SavedPatients> {
  if (records.length === 0) return { merges: [], updated: [] }
  // In one order, so that two merges never wait for each other in a ring.
  const latest = [...new Map(records.map((record) => [record.foreignId, record])).values()].sort((a, b) =>
    a.foreignId < b.foreignId ? -1 : 1,
  )
  const released = await releaseReused(tx, source.id, latest, seenAt)
  const bearers = await chooseBearers(tx, source.id, latest)
  await adoptPlaceholders(
    tx,
    source.id,
    latest.filter((record) => bearers.has(record.foreignId)),
  )
  const kept = await keptForeign(
    tx,
    source.id,
    'patient',
    latest.map(({ foreignId }) => foreignId),
  )
  const named = await findNamed(tx, source.id, latest)
  const rows = latest.map((record) => ({
    ...record,
    ...linksOf(record, named),
    keptId: kept(record.foreignId),
    hash: hashOf(record),
    marker: bearers.has(record.foreignId) ? record.marker : null,
    name_key: nameKey(record.firstName, record.middleName, record.lastName),
    phone_keys: phoneKeys(record.cellPhone, record.homePhone, record.workPhone),
    match_key: matchKey({ ...record, phone: record.cellPhone ?? record.homePhone ?? record.workPhone }),
  }))
  const { rows: saved } = await sql<{ id: number; fresh: boolean }>`
    insert into patients as p (institution_id, data_source_id, location_id, foreign_id, marker, first_name, middle_name,
      last_name, birth_date, gender, email, cell_phone, home_phone, work_phone, address_line_1, address_line_2, city, state,
      zip_code, language, chart_id, billing_type, inactive, name_key, phone_keys, match_key, version, mirror_hash,
      mirror_seen_at, last_sync_time, merged_foreign_id, provider_id, id, guarantor_id,
      created_at, updated_at)
    select ${tx.institutionId}::bigint, ${source.id}::bigint, ${source.locationId}::bigint, r."foreignId", r.marker, r."firstName", r."middleName",
      r."lastName", r."birthDate", r.gender, r.email, r."cellPhone", r."homePhone", r."workPhone", r."addressLine1",
      r."addressLine2", r.city, r.state, r."zipCode", r.language, r."chartId", r."billingType", r.inactive, r.name_key,
      array(select jsonb_array_elements_text(r.phone_keys)), r.match_key, r.version, r.hash, ${seenAt}::timestamptz, (select app_now()), r."mergedInto",
      r.provider_id, r.id, case when r.is_own then r.id else r.guarantor_id end, (select app_now()), (select app_now())
    from (select coalesce(given."keptId", nextval('patient_ids')) as id, given.* from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given("keptId" bigint, "foreignId" text, marker text, "firstName" text,
      "middleName" text, "lastName" text, "birthDate" date, gender text, email text, "cellPhone" text, "homePhone" text,
      "workPhone" text, "addressLine1" text, "addressLine2" text, city text, state text, "zipCode" text, language text,
      "chartId" text, "billingType" text, inactive boolean, name_key text, phone_keys jsonb, match_key text, version text,
      hash text, "mergedInto" text, provider_id bigint, guarantor_id bigint, is_own boolean)) as r
    on conflict (institution_id, data_source_id, foreign_id) do update set marker = coalesce(excluded.marker, p.marker),
      first_name = excluded.first_name, middle_name = excluded.middle_name, last_name = excluded.last_name,
      birth_date = excluded.birth_date, gender = excluded.gender, email = excluded.email, cell_phone = excluded.cell_phone,
      home_phone = excluded.home_phone, work_phone = excluded.work_phone, address_line_1 = excluded.address_line_1,
      address_line_2 = excluded.address_line_2, city = excluded.city, state = excluded.state, zip_code = excluded.zip_code,
      language = excluded.language, chart_id = excluded.chart_id, billing_type = excluded.billing_type,
      inactive = excluded.inactive, name_key = excluded.name_key, phone_keys = excluded.phone_keys,
      match_key = excluded.match_key, version = excluded.version, mirror_hash = excluded.mirror_hash,
      mirror_seen_at = excluded.mirror_seen_at, last_sync_time = excluded.last_sync_time, updated_at = excluded.updated_at,
      merged_foreign_id = excluded.merged_foreign_id
    where (p.mirror_hash is distinct from excluded.mirror_hash
        or p.merged_foreign_id is distinct from excluded.merged_foreign_id)
      and (p.mirror_seen_at is null or p.mirror_seen_at <= excluded.mirror_seen_at)
    returning p.id, p.xmax = 0 as fresh`.execute(tx.db)
  await linkPatients(tx, source.id, latest, named)
  const ids = (fresh: boolean) => saved.filter((row) => row.fresh === fresh).map((row) => row.id)
  const updated = [...released, ...ids(false)]
  notePatients(tx, 'patient_created', ids(true))
  notePatients(tx, 'patient_updated', updated)
  const foreignIds = latest.map((record) => record.foreignId)
  return { merges: await linkSurvivors(tx, source.id, foreignIds), updated }
}

/**
 * After a backup was restored, a foreign id may be given out a second time. Where name and birth date both differ, and either
 * the row was last seen before the restoration or its version did not grow, it is another person: ours loses the foreign id,
 * and is again one whom the record system does not hold. Answers our ids of these.
 */
async function releaseReused(
  tx: Tenant,
  dataSourceId: number,
  records: PatientRecord[],
  seenAt: Instant,
): Promise<number[]> {
  const { rows } = await sql<HeldRow>`
    select p.id, p.foreign_id, p.name_key, p.birth_date, p.version,
      coalesce(p.mirror_seen_at < d.restored_at, false) as before_restoration
    from patients p join data_sources d on d.institution_id = p.institution_id and d.id = p.data_source_id
    where p.institution_id = ${tx.institutionId} and p.data_source_id = ${dataSourceId}
      and p.foreign_id = any(${records.map((record) => record.foreignId)}::text[])
      and p.mirror_hash is not null and p.mirror_seen_at <= ${seenAt}`.execute(tx.db)
  const byForeignId = new Map(rows.map((row) => [row.foreign_id, row]))
  const reused = records.flatMap((record) => {
    const held = byForeignId.get(record.foreignId)
    return held && isAnotherPerson(held, record) ? [held.id] : []
  })
  if (reused.length > 0)
    await sql`update patients set foreign_id = null, mirror_hash = null, mirror_seen_at = null, version = null,
      merged_foreign_id = null, updated_at = app_now()
      where institution_id = ${tx.institutionId} and id = any(${reused}::bigint[])`.execute(tx.db)
  return reused
}

interface HeldRow {
  id: number
  foreign_id: string
  name_key: string
  birth_date: LocalDate | null
  version: string | null
  before_restoration: boolean
}

function isAnotherPerson(held: HeldRow, record: PatientRecord): boolean {
  const name = nameKey(record.firstName, record.middleName, record.lastName)
  const sameDate = held.birth_date !== null && held.birth_date === record.birthDate
  if (name === held.name_key || sameDate) return false
  return held.before_restoration || !hasGrown(held.version, record.version)
}

/** Versions that are no numbers, or not told, say nothing: they are taken to have grown. */
function hasGrown(before: string | null, now: string | null): boolean {
  const number = /^\d{1,15}$/
  if (before === null || now === null || !number.test(before) || !number.test(now)) return true
  return Number(now) > Number(before)
}

/**
 * The foreign ids whose record bears its marker here: one for each marker. What the practice keeps twice under one marker
 * stays two; the second bears none.
 */
async function chooseBearers(
  tx: Tenant,
  dataSourceId: number,
  records: PatientRecord[],
): Promise<Set<string>> {
  const markers = records.flatMap((record) => record.marker ?? [])
  if (markers.length === 0) return new Set()
  const { rows } = await sql<{ marker: string; foreign_id: string | null }>`
    select marker, foreign_id from patients where institution_id = ${tx.institutionId}
      and data_source_id = ${dataSourceId} and marker = any(${markers}::text[])`.execute(tx.db)
  const { rows: known } = await sql<{ foreign_id: string }>`
    select foreign_id from patients where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
      and foreign_id = any(${records.map((record) => record.foreignId)}::text[])`.execute(tx.db)
  const holders = new Map(rows.map((row) => [row.marker, row.foreign_id]))
  const mirrored = new Set(known.map((row) => row.foreign_id))
  const bearers = new Set<string>()
  for (const { marker, foreignId } of records) {
    if (marker === null) continue
    const holder = holders.get(marker)
    // Held by another row; or by a placeholder, while this one is mirrored apart from it already.
    if (holder === null ? mirrored.has(foreignId) : holder !== undefined && holder !== foreignId) continue
    bearers.add(foreignId)
    holders.set(marker, foreignId)
  }
  return bearers
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
  /** The one that is written. */
  phone: string | null
  /** All of them, in the form they are compared by. */
  phone_keys: string[]
  guarantor_id: number | null
  /** A person said that the record system holds nobody who is this one. */
  surely_new: boolean
}

/**
 * Locks the patient of an appointment, and another one. Whoever changes both a patient and an appointment locks the patient
 * first, as the merge of a page does; two that went the other way would wait for each other.
 */
export async function lockPatientOf(tx: Tenant, appointmentId: number, also?: number): Promise<void> {
  await lockPatients(tx, [await findPatientOf(tx, appointmentId), also ?? null])
}

/**
 * A patient for a write, locked, so that two insertions of one new patient settle one after the other; the survivor where
 * this one was merged away.
 */
export async function lockPatientToWrite(tx: Tenant, id: number): Promise<PatientToWrite> {
  const { rows } = await sql<PatientToWrite>`
    select id, foreign_id, marker, first_name, middle_name, last_name, birth_date, gender, email,
      coalesce(cell_phone, home_phone, work_phone) as phone, phone_keys, guarantor_id, surely_new
    from patients where institution_id = ${tx.institutionId} and id = survivor_of(${id}::bigint) for no key update`.execute(
    tx.db,
  )
  const patient = rows[0]
  if (!patient) throw new Error(`patient ${id} is not there`)
  return patient
}

/** The patient of an appointment as shown. */
export async function findPatientOf(tx: Tenant, appointmentId: number): Promise<number | null> {
  const { rows } = await sql<{ patient_id: number | null }>`select patient_id from appointments
    where institution_id = ${tx.institutionId} and id = ${appointmentId}`.execute(tx.db)
  return rows[0]?.patient_id ?? null
}

/** Locks patients, in the order of their ids. */
export async function lockPatients(tx: Tenant, ids: (number | null)[]): Promise<void> {
  await sql`select id from patients where institution_id = ${tx.institutionId} and id = any(${ids}::bigint[])
    order by id for no key update`.execute(tx.db)
}

/** Notes that a person said of a placeholder: nobody whom the record system holds is this one. */
export async function markSurelyNew(tx: Tenant, id: number): Promise<void> {
  await sql`update patients set surely_new = true where institution_id = ${tx.institutionId} and id = ${id}`.execute(
    tx.db,
  )
}

/** Records under which marker a patient will be written, before anything is sent. */
export async function setPatientMarker(tx: Tenant, id: number, marker: string): Promise<void> {
  await sql`update patients set marker = ${marker} where institution_id = ${tx.institutionId} and id = ${id}`.execute(
    tx.db,
  )
}

/**
 * Ties a placeholder to a patient that the record system holds. Where we already mirror that patient under another id,
 * the placeholder becomes its alias.
 */
export async function tiePatient(
  tx: Tenant,
  dataSourceId: number,
  id: number,
  foreignId: string,
): Promise<void> {
  const known = (await mapPatients(tx, dataSourceId, [foreignId])).get(foreignId)
  if (known === id) return
  if (known !== undefined) return await foldPatient(tx, id, known)
  await sql`update patients set foreign_id = ${foreignId}, updated_at = app_now()
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
  notePatients(tx, 'patient_updated', [id])
}

/** One whom the record system holds and who may be the person that is looked for. */
export interface MirroredPerson extends KnownRow {
  /** Of the survivor, where this row is an alias. */
  foreign_id: string
  alias: boolean
  marker: string | null
}

/** A page of people who share a phone is no family any more; birth dates come first. */
const ALIKE_MAX = 2_000

/**
 * Everyone whom the record system holds, as far as we know, with this birth date or one of these phones. What is known of
 * an alias is known of the survivor.
 */
export async function listAlike(
  tx: Tenant,
  dataSourceId: number,
  birthDate: LocalDate | null,
  phoneKeys: string[],
): Promise<MirroredPerson[]> {
  const { rows } = await sql<MirroredPerson>`
    select s.foreign_id, s.id <> p.id as alias, p.marker, p.first_name, p.middle_name, p.last_name, p.birth_date, p.phone_keys, p.guarantor_id
    from patients p join patients s on s.institution_id = p.institution_id
      and s.id = case when p.merged_into is null then p.id else survivor_of(p.id) end and s.foreign_id is not null
    where p.institution_id = ${tx.institutionId} and p.data_source_id = ${dataSourceId}
      and (p.birth_date = ${birthDate}::date or p.phone_keys && ${phoneKeys}::text[])
    order by (p.birth_date = ${birthDate}::date) is true desc, p.id limit ${ALIKE_MAX}`.execute(tx.db)
  return rows
}
