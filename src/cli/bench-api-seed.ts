/** A group with appointments in place, and the free times that `bench api` books one after the other. */
import { sql } from 'kysely'
import { type Database, inGlobal, inTenant, type Tenant } from '../db/database.ts'
import { toInstant } from '../model/time.ts'
import { createAccount, createKey } from '../store/accounts.ts'
import { addDataSource } from '../store/data-sources.ts'
import { createInstitution } from '../store/institutions.ts'
import { createLocation } from '../store/locations.ts'
import type { Varying } from './bench-pgbench.ts'

const LOCATIONS = 20
/** At each location; as many providers, one in each. */
const OPERATORIES = 5
const PLACES = LOCATIONS * OPERATORIES
const PATIENTS = 200
/** Half hours from noon that are free on every day. */
const FREE_A_DAY = 9
const TAKEN_A_DAY = 5
/** The appointments in place begin so many days back. */
const DAYS_BACK = 36
const ZONE = 'America/New_York'
export const SUBDOMAIN = 'bench'
/** A noun's ids begin here, so that none is found by chance where another stands. */
export const FIRST_IDS = {
  location_ids: 71_000_001,
  operatory_ids: 72_000_001,
  provider_ids: 73_000_001,
  patient_ids: 74_000_001,
  appointment_ids: 750_000_001,
  write_ids: 760_000_001,
}

export interface SeededApi {
  apiKey: string
  appointmentTypeId: number
  /** The first free time of all, epoch milliseconds. */
  baseMs: number
}

/** Fills an empty database; as a superuser for where the sequences begin. */
export async function seedApi(
  database: Database,
  asOwner: (text: string) => Promise<unknown>,
  appointments: number,
): Promise<SeededApi> {
  for (const [name, first] of Object.entries(FIRST_IDS))
    await asOwner(`alter sequence ${name} restart ${first}`)
  const { accountId, apiKey } = await inGlobal(database, async (tx) => {
    const accountId = await createAccount(tx, SUBDOMAIN)
    const scopes = ['appointments:read', 'appointments:write']
    const { key } = await createKey(tx, { accountId, name: SUBDOMAIN, scopes, institutionIds: null })
    return { accountId, apiKey: key }
  })
  const name = 'Bench Dental'
  const institutionId = await createInstitution(database, { accountId, subdomain: SUBDOMAIN, name })
  return await inTenant(database, institutionId, async (tx) => {
    const practice = { name: 'none', connector: 'sandbox', foreignIdPrefix: 'none', configuration: {} }
    const sourceId = await addDataSource(tx, practice)
    for (let n = 1; n <= LOCATIONS; n++)
      await createLocation(tx, {
        name: `Location ${n}`,
        tz: ZONE,
        data_source_id: sourceId,
        foreign_id: `${n}`,
      })
    const appointmentTypeId = await seedPeople(tx, sourceId)
    const { rows } = await sql<{ base: number }>`
      select (extract(epoch from app_now()::date + interval '2 days 17 hours') * 1000)::float8 as base`.execute(
      tx.db,
    )
    await seedAppointments(tx, sourceId, appointments)
    return { apiKey, appointmentTypeId, baseMs: rows[0]?.base ?? 0 }
  })
}

async function seedPeople(tx: Tenant, sourceId: number): Promise<number> {
  const institution = sql`${tx.institutionId}::bigint`
  const place = sql`generate_series(0, ${PLACES - 1}::int) n`
  await sql`insert into operatories (institution_id, location_id, data_source_id, foreign_id, name)
    select ${institution}, ${FIRST_IDS.location_ids}::bigint + n / ${OPERATORIES}::int, ${sourceId}::bigint, n, 'Operatory ' || n
    from ${place} order by n`.execute(tx.db)
  await sql`insert into providers (institution_id, data_source_id, foreign_id, first_name, last_name, display_name)
    select ${institution}, ${sourceId}::bigint, n, 'Given' || n, 'Name' || n, 'Dr. Name' || n
    from ${place} order by n`.execute(tx.db)
  await sql`insert into working_hours (institution_id, location_id, provider_id, operatory_id, source, begin_time, end_time, days)
    select ${institution}, ${FIRST_IDS.location_ids}::bigint + n / ${OPERATORIES}::int, ${FIRST_IDS.provider_ids}::bigint + n,
      ${FIRST_IDS.operatory_ids}::bigint + n, 'manual', '07:00', '20:00',
      '{Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday}' from ${place}`.execute(tx.db)
  await sql`insert into patients (institution_id, data_source_id, foreign_id, first_name, last_name, birth_date, cell_phone,
      name_key, phone_keys, match_key)
    select ${institution}, ${sourceId}::bigint, n, 'Given' || n, 'Name' || n, date '1970-01-01' + n, '2125550100', 'given' || n,
      '{2125550100}', 'v1 ' || n
    from generate_series(1, ${PATIENTS}::int) n order by n`.execute(tx.db)
  const { rows } = await sql<{ id: number }>`insert into appointment_types (institution_id, name, minutes)
    values (${tx.institutionId}, 'Visit', 30) returning id`.execute(tx.db)
  return rows[0]?.id ?? 0
}

/** Quarters of an hour in the mornings, the same number in each operatory on each day. */
async function seedAppointments(tx: Tenant, sourceId: number, count: number): Promise<void> {
  await sql`
    insert into appointments (institution_id, data_source_id, location_id, provider_id, operatory_id, patient_id, starts_at,
      ends_at, unavailable, confirmed, cancelled, checked_out, patient_missed, is_guardian, is_new_clients_patient,
      sooner_if_possible, patient_confirmed, descriptor_ids, deleted)
    select ${tx.institutionId}::bigint, ${sourceId}::bigint, ${FIRST_IDS.location_ids}::bigint + place / ${OPERATORIES}::int,
      ${FIRST_IDS.provider_ids}::bigint + place, ${FIRST_IDS.operatory_ids}::bigint + place,
      ${FIRST_IDS.patient_ids}::bigint + n % ${PATIENTS}::int, at, at + interval '15 minutes',
      false, false, false, false, false, false, false, false, false, '{}', false
    from (select n, n % ${PLACES}::int as place, app_now()::date + interval '13 hours'
        + make_interval(days => n / ${PLACES * TAKEN_A_DAY}::int - ${DAYS_BACK}::int,
          mins => 15 * (n / ${PLACES}::int % ${TAKEN_A_DAY}::int)) as at
      from generate_series(0, ${count - 1}::int) n) q`.execute(tx.db)
  await sql`insert into busy (institution_id, appointment_id, part, location_id, operatory_id, provider_id, starts_at, ends_at)
    select institution_id, id, 1, location_id, operatory_id, provider_id, starts_at, ends_at from appointments
    where institution_id = ${tx.institutionId}`.execute(tx.db)
}

export interface BookingOf {
  locationId: number
  operatoryId: number
  providerId: number
  patientId: number
  startMs: number
  /** The Idempotency-Key. */
  key: string
}

/** The booking with this number: each takes a time that no other takes. */
export function bookingOf(s: number, { baseMs }: SeededApi): BookingOf {
  const place = s % PLACES
  const half = Math.floor(s / PLACES)
  return {
    locationId: FIRST_IDS.location_ids + Math.floor(place / OPERATORIES),
    operatoryId: FIRST_IDS.operatory_ids + place,
    providerId: FIRST_IDS.provider_ids + place,
    patientId: FIRST_IDS.patient_ids + (s % PATIENTS),
    startMs: baseMs + Math.floor(half / FREE_A_DAY) * 86_400_000 + (half % FREE_A_DAY) * 1_800_000,
    key: `booking-${s}`,
  }
}

/** pgbench's variables of a booking. */
export function bookingSetting({ baseMs }: SeededApi): string[] {
  return [
    `\\set location ${FIRST_IDS.location_ids} + (:s % ${PLACES}) / ${OPERATORIES}`,
    `\\set operatory ${FIRST_IDS.operatory_ids} + :s % ${PLACES}`,
    `\\set provider ${FIRST_IDS.provider_ids} + :s % ${PLACES}`,
    `\\set patient ${FIRST_IDS.patient_ids} + :s % ${PATIENTS}`,
    `\\set half :s / ${PLACES}`,
    `\\set start ${baseMs / 1000} + (:half / ${FREE_A_DAY}) * 86400 + (:half % ${FREE_A_DAY}) * 1800`,
  ]
}

const MINUTES_30_MS = 1_800_000

/**
 * What is another in each booking, for the one with number `s`. Times are found wherever they stand: the instants that a
 * statement is given are the start, the end, or so many milliseconds before or after.
 */
export function bookingVarying(
  s: number,
  seeded: SeededApi,
  instants: number[],
  hashOf: (key: string) => Buffer,
): Varying[] {
  const booking = bookingOf(s, seeded)
  const ids = [
    ['locationId', ':location'],
    ['operatoryId', ':operatory'],
    ['providerId', ':provider'],
    ['patientId', ':patient'],
  ] as const
  const offsets = [0, MINUTES_30_MS, ...instants]
  return [
    ...ids.map(([name, variable]) => ({
      text: String(booking[name]),
      sql: variable,
      of: (other: number) => String(bookingOf(other, seeded)[name]),
    })),
    ...offsets.map((offset) => {
      const seconds = `(:start::float8 + ${offset / 1000})`
      return {
        text: toInstant(booking.startMs + offset),
        sql: `to_timestamp${seconds}`,
        // Without a colon in it, which would be a variable's.
        sqlInText: `to_char(to_timestamp${seconds}, 'YYYY-MM-DD"T"HH24') || to_char(to_timestamp${seconds}, chr(58) || 'MI' || chr(58) || 'SS.MS"Z"')`,
        of: (other: number) => toInstant(bookingOf(other, seeded).startMs + offset),
      }
    }),
    {
      text: `\\x${hashOf(booking.key).toString('hex')}`,
      sql: `sha256(('booking-' || :s::text)::bytea)`,
      of: (other) => `\\x${hashOf(bookingOf(other, seeded).key).toString('hex')}`,
    },
  ]
}
