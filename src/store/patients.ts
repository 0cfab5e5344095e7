/** Patients, read and searched; and the placeholder that a new patient is until the record system holds it. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { MATCH_VERSION, matchKey, nameKey, personKey, phoneKey, phoneKeys } from '../model/people.ts'
import { comparePeople, type Identity } from '../model/same-person.ts'
import type { Instant, LocalDate } from '../model/time.ts'
import type { ShownPatient } from '../model/wire-people.ts'
import { notePatients } from './changes.ts'
import { countRows, type Page, type Placed, selectPage } from './page.ts'

/** Below this trigram similarity a name is another name (decision 22). */
const NAME_FLOOR = 0.4

export interface PatientFilter {
  locationId?: number | undefined
  /** Only patients of that very location; else all that its record system holds. */
  locationStrict?: boolean | undefined
  name?: string | undefined
  firstName?: string | undefined
  lastName?: string | undefined
  email?: string | undefined
  phone?: string | undefined
  birthDate?: LocalDate | undefined
  inactive?: boolean | undefined
  foreignId?: string | undefined
  updatedSince?: Instant | undefined
  /** Not in the record system yet. */
  newPatient?: boolean | undefined
  appointmentFrom?: Instant | undefined
  appointmentTo?: Instant | undefined
  guarantorId?: number | undefined
}

export type PatientSort = 'id' | 'updated_at' | '-updated_at' | 'rank'

const columns = sql`p.id, p.institution_id, p.location_id, p.foreign_id,
  case when p.foreign_id is null then 'Nex-DataSource-0' else d.foreign_id_type end as foreign_id_type,
  p.first_name, p.middle_name, p.last_name, p.birth_date, p.gender, p.email, p.cell_phone, p.home_phone, p.work_phone,
  p.address_line_1, p.address_line_2, p.city, p.state, p.zip_code, p.language, p.chart_id, p.billing_type, p.guarantor_id,
  p.provider_id, p.inactive, p.last_sync_time, p.created_at, p.updated_at,
  (select coalesce(json_agg(l.id order by l.id), '[]') from locations l where l.institution_id = p.institution_id
    and case when p.location_id is null then l.data_source_id = p.data_source_id else l.id = p.location_id end) as location_ids`
const from = sql`from patients p join data_sources d on d.institution_id = p.institution_id and d.id = p.data_source_id`

/** `%` and `_` cannot come: a name key holds letters, digits and spaces only. */
function named(f: PatientFilter) {
  const name = f.name === undefined ? null : queriedName(f.name)
  const first = f.firstName === undefined ? null : nameKey(f.firstName)
  const last = f.lastName === undefined ? null : nameKey(f.lastName)
  return sql`and (${name}::text is null or (${name} <> '' and (p.name_key = ${name}
      or similarity(p.name_key, ${name}) >= ${NAME_FLOOR}::real or ' ' || p.name_key || ' ' like '% ' || ${name}::text || ' %')))
    and (${first}::text is null or (${first} <> '' and p.name_key like ${first}::text || ' %'))
    and (${last}::text is null or (${last} <> '' and p.name_key like '% ' || ${last}::text))`
}

/** "Okafor, Imani" is "Imani Okafor". */
function queriedName(name: string): string {
  const [last, first] = name.split(',')
  return first === undefined ? nameKey(name) : nameKey(first, last)
}

/** E-mail and phone together find who has either (reference, 6.5). */
function reached(f: PatientFilter) {
  const email = f.email?.trim().toLowerCase() ?? null
  const phone = f.phone === undefined ? null : (phoneKey(f.phone) ?? '')
  if (email === null && phone === null) return sql``
  return sql`and ((${email}::text is not null and lower(p.email) = ${email})
    or (${phone}::text is not null and p.phone_keys @> array[${phone}::text]))`
}

function filtered(tx: Tenant, f: PatientFilter) {
  const location = f.locationId ?? null
  return sql`where p.institution_id = ${tx.institutionId} and p.merged_into is null
    and (${location}::bigint is null or case when ${f.locationStrict ?? false} then p.location_id = ${location}
      else p.data_source_id = (select l.data_source_id from locations l
        where l.institution_id = p.institution_id and l.id = ${location}) end)
    ${named(f)} ${reached(f)}
    and (${f.birthDate ?? null}::date is null or p.birth_date = ${f.birthDate ?? null})
    and (${f.inactive ?? null}::boolean is null or p.inactive = ${f.inactive ?? null})
    and (${f.foreignId ?? null}::text is null or p.foreign_id = ${f.foreignId ?? null})
    and (${f.updatedSince ?? null}::timestamptz is null or p.updated_at >= ${f.updatedSince ?? null})
    and (${f.newPatient ?? null}::boolean is null or (p.foreign_id is null) = ${f.newPatient ?? null})
    and (${f.guarantorId ?? null}::bigint is null or (p.guarantor_id = ${f.guarantorId ?? null} and p.id <> p.guarantor_id))
    and ((${f.appointmentFrom ?? null}::timestamptz is null and ${f.appointmentTo ?? null}::timestamptz is null)
      or exists (select from appointments a where a.institution_id = p.institution_id and a.patient_id = p.id
        and not a.deleted and a.starts_at >= coalesce(${f.appointmentFrom ?? null}::timestamptz, '-infinity')
        and a.starts_at <= coalesce(${f.appointmentTo ?? null}::timestamptz, 'infinity')))`
}

/** A page of patients. `rank`: exact names first, then the more alike (by offset only). */
export async function listPatients(
  tx: Tenant,
  filter: PatientFilter,
  sort: PatientSort,
  page: Page,
): Promise<Placed<ShownPatient>[]> {
  const name = queriedName(filter.name ?? '')
  const keys = {
    id: { key: sql`p.id`, keyType: 'bigint' as const },
    updated_at: { key: sql`p.updated_at`, keyType: 'timestamptz' as const },
    '-updated_at': { key: sql`p.updated_at`, keyType: 'timestamptz' as const, descending: true },
    rank: {
      key: sql`case when p.name_key = ${name} then 0 else 1 end + 1 - similarity(p.name_key, ${name})`,
      keyType: 'text' as const,
    },
  }
  return await selectPage<ShownPatient>(
    tx,
    { columns, from, where: filtered(tx, filter), id: sql`p.id`, ...keys[sort] },
    page,
  )
}

export async function countPatients(tx: Tenant, filter: PatientFilter): Promise<number> {
  return await countRows(tx, { from, where: filtered(tx, filter) })
}

/** Patients as shown, in the order of their ids; one merged away is shown under its own id no longer. */
export async function showPatients(tx: Tenant, ids: number[]): Promise<ShownPatient[]> {
  const { rows } = await sql<ShownPatient>`select ${columns} ${from}
    where p.institution_id = ${tx.institutionId} and p.id = any(${ids}::bigint[]) order by p.id`.execute(
    tx.db,
  )
  return rows
}

/** One patient; the id of one merged away answers the survivor. */
export async function findPatient(tx: Tenant, id: number): Promise<ShownPatient | null> {
  const { rows } = await sql<{ id: number }>`select survivor_of(id) as id from patients
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
  const survivor = rows[0]?.id
  if (survivor === undefined) return null
  const [row] = await showPatients(tx, [survivor])
  return row ?? null
}

export interface NewPatient {
  dataSourceId: number
  locationId: number
  providerId: number | null
  firstName: string
  middleName: string | null
  lastName: string
  birthDate: LocalDate
  gender: 'Male' | 'Female' | 'Other' | null
  email: string | null
  /** As given. */
  cellPhone: string | null
  homePhone: string | null
  workPhone: string | null
  addressLine1: string | null
  addressLine2: string | null
  city: string | null
  state: string | null
  zipCode: string | null
  guarantorId: number | null
}

/** Waits until nobody else in the institution is creating a person of this name and birth date; held until the transaction ends. */
export async function lockPerson(
  tx: Tenant,
  person: Pick<Identity, 'firstName' | 'lastName' | 'birthDate'>,
): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${personKey(person)}, ${tx.institutionId}))`.execute(
    tx.db,
  )
}

/**
 * The patients of a data source that are this person: name, birth date and a phone agree. Those in the record system come
 * first, then the oldest; who was merged away answers the survivor. Rows whose key is of an older version of the rule are
 * found by their birth date, and compared by the rule as it is now.
 */
export async function findMatches(
  tx: Tenant,
  dataSourceId: number,
  person: Identity,
): Promise<{ id: number; foreign_id: string | null }[]> {
  const { rows } = await sql<KnownRow & { survivor: number; survivor_foreign_id: string | null }>`
    select p.first_name, p.middle_name, p.last_name, p.birth_date, p.phone_keys, p.guarantor_id, s.id as survivor,
      s.foreign_id as survivor_foreign_id
    from patients p join patients s on s.institution_id = p.institution_id
      and s.id = case when p.merged_into is null then p.id else survivor_of(p.id) end
    where p.institution_id = ${tx.institutionId} and p.data_source_id = ${dataSourceId} and p.birth_date = ${person.birthDate}
      and (starts_with(p.match_key, ${`${personKey(person)}|`}) or not starts_with(p.match_key, ${`${MATCH_VERSION}|`}))
    order by s.foreign_id is null, s.id`.execute(tx.db)
  const same = rows.filter((row) => comparePeople(person, identityOf(row)).likeness === 'same')
  const found = same.map((row) => ({ id: row.survivor, foreign_id: row.survivor_foreign_id }))
  return [...new Map(found.map((one) => [one.id, one])).values()]
}

/** What of a row identifies the person. */
export interface KnownRow {
  first_name: string
  middle_name: string | null
  last_name: string
  birth_date: LocalDate | null
  phone_keys: string[]
  guarantor_id: number | null
}

export function identityOf(row: KnownRow): Identity {
  const { first_name, middle_name, last_name, birth_date, phone_keys, guarantor_id } = row
  return {
    firstName: first_name,
    middleName: middle_name,
    lastName: last_name,
    birthDate: birth_date,
    phones: phone_keys,
    guarantorId: guarantor_id,
  }
}

/** Inserts a placeholder: a patient that goes to the record system with its first appointment. Answers its id. */
export async function insertPatient(tx: Tenant, p: NewPatient): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    insert into patients (institution_id, data_source_id, location_id, provider_id, first_name, middle_name, last_name,
      birth_date, gender, email, cell_phone, home_phone, work_phone, address_line_1, address_line_2, city, state, zip_code,
      guarantor_id, name_key, phone_keys, match_key)
    values (${tx.institutionId}, ${p.dataSourceId}, ${p.locationId}, ${p.providerId}, ${p.firstName}, ${p.middleName},
      ${p.lastName}, ${p.birthDate}, ${p.gender}, ${p.email}, ${p.cellPhone}, ${p.homePhone}, ${p.workPhone},
      ${p.addressLine1}, ${p.addressLine2}, ${p.city}, ${p.state}, ${p.zipCode}, ${p.guarantorId},
      ${nameKey(p.firstName, p.lastName)}, ${phoneKeys(p.cellPhone, p.homePhone, p.workPhone)},
      ${matchKey({ firstName: p.firstName, lastName: p.lastName, birthDate: p.birthDate, phone: p.cellPhone })})
    returning id`.execute(tx.db)
  const id = rows[0]?.id
  if (id === undefined) throw new Error('a patient was not inserted')
  notePatients(tx, 'patient_created', [id])
  return id
}
