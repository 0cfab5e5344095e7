/** A location with appointments for `bench read`: each of another patient, most of them from the record system. */
import { sql } from 'kysely'
import { type Database, inGlobal, inTenant, type Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'
import { createAccount, createKey } from '../store/accounts.ts'
import { addDataSource } from '../store/data-sources.ts'
import { createInstitution } from '../store/institutions.ts'
import { createLocation } from '../store/locations.ts'

export interface SeededRead {
  institutionId: number
  subdomain: string
  apiKey: string
  locationId: number
  /** The appointments of this window are asked for; there are more than a page holds. */
  start: Instant
  end: Instant
}

const SUBDOMAIN = 'bench'
/** Times a day, quarters of an hour, in each of the operatories; a provider to each. */
const TIMES = 20
const OPERATORIES = 5
const A_DAY = TIMES * OPERATORIES

/** Fills an empty database: half of the appointments are past, and every tenth was booked by us and written. */
export async function seedRead(database: Database, appointments: number): Promise<SeededRead> {
  const { accountId, apiKey, keyId } = await inGlobal(database, async (tx) => {
    const accountId = await createAccount(tx, SUBDOMAIN)
    const wanted = {
      accountId,
      name: SUBDOMAIN,
      scopes: ['appointments:read' as const],
      institutionIds: null,
    }
    const { key, id } = await createKey(tx, wanted)
    return { accountId, apiKey: key, keyId: id }
  })
  const name = 'Bench Dental'
  const institutionId = await createInstitution(database, { accountId, subdomain: SUBDOMAIN, name })
  return await inTenant(database, institutionId, async (tx) => {
    const practice = { name: 'none', connector: 'sandbox', foreignIdPrefix: 'none', configuration: {} }
    const sourceId = await addDataSource(tx, practice)
    const place = { name, tz: 'America/New_York', data_source_id: sourceId, foreign_id: '1' }
    const locationId = await createLocation(tx, place)
    await seedPeople(tx, locationId, sourceId, appointments / 2)
    await seedAppointments(tx, locationId, sourceId, appointments)
    await seedInsertions(tx, keyId)
    const { rows } = await sql<{ start: Instant; end: Instant }>`
      select app_now()::date::timestamptz as start, app_now()::date::timestamptz + interval '300 days' as end`.execute(
      tx.db,
    )
    const [window] = rows
    if (!window) throw new Error('the database did not say what day it is')
    return { institutionId, subdomain: SUBDOMAIN, apiKey, locationId, ...window }
  })
}

async function seedPeople(tx: Tenant, locationId: number, sourceId: number, patients: number) {
  const source = sql`${tx.institutionId}::bigint, ${sourceId}::bigint`
  await sql`insert into operatories (institution_id, data_source_id, location_id, foreign_id, name)
    select ${source}, ${locationId}::bigint, n, 'Operatory ' || n from generate_series(1, ${OPERATORIES}::int) n`.execute(
    tx.db,
  )
  await sql`insert into providers (institution_id, data_source_id, foreign_id, first_name, last_name, display_name)
    select ${source}, n, 'Given' || n, 'Name' || n, 'Dr. Name' || n from generate_series(1, ${OPERATORIES}::int) n`.execute(
    tx.db,
  )
  await sql`insert into patients (institution_id, data_source_id, foreign_id, first_name, last_name, birth_date, name_key,
      phone_keys, match_key)
    select ${source}, n, 'Given' || n, 'Name' || n, date '1970-01-01' + n % 9000, 'given' || n, '{}', 'v1 ' || n
    from generate_series(1, ${Math.ceil(patients)}::int) n`.execute(tx.db)
}

/** A patient comes once before and once after now, in the same order. */
async function seedAppointments(tx: Tenant, locationId: number, sourceId: number, count: number) {
  await sql`
    insert into appointments (institution_id, data_source_id, location_id, provider_id, operatory_id, patient_id, starts_at,
      ends_at, unavailable, confirmed, confirmed_at, cancelled, checked_out, patient_missed, note, is_guardian,
      is_new_clients_patient, sooner_if_possible, patient_confirmed, descriptor_ids, deleted, foreign_id, last_sync_time)
    select ${tx.institutionId}::bigint, ${sourceId}::bigint, ${locationId}::bigint, p.id, o.id, m.id, at,
      at + interval '15 minutes', false, n % 3 = 0, case n % 3 when 0 then at - interval '2 days' end, n % 20 = 1, false, false,
      case n % 2 when 0 then 'Asked for a reminder; bite-wings are due' end, false, false, false, false, '{}', false, n,
      app_now()
    from (select n, n % ${OPERATORIES}::int as place, app_now()::date::timestamptz + interval '13 hours'
        + make_interval(days => n / ${A_DAY}::int - ${Math.floor(count / 2 / A_DAY)}::int,
          mins => 15 * (n % ${A_DAY}::int / ${OPERATORIES}::int)) as at
      from generate_series(0, ${count - 1}::int) n) q
    join (select id, row_number() over (order by id) - 1 as place from operatories
      where institution_id = ${tx.institutionId}) o on o.place = q.place
    join (select id, row_number() over (order by id) - 1 as place from providers
      where institution_id = ${tx.institutionId}) p on p.place = q.place
    join (select id, row_number() over (order by id) - 1 as place from patients
      where institution_id = ${tx.institutionId}) m on m.place = n % ${Math.ceil(count / 2)}::int`.execute(
    tx.db,
  )
}

async function seedInsertions(tx: Tenant, keyId: number): Promise<void> {
  await sql`
    with w as (insert into writes (institution_id, data_source_id, appointment_id, kind, state, fields, attempts, deadline,
        ended_at)
      select institution_id, data_source_id, id, 'insert', 'complete', '{}', 1, starts_at, app_now() from appointments
      where institution_id = ${tx.institutionId} and id % 10 = 0 returning id, institution_id, appointment_id)
    update appointments a set booked_by_api_key_id = ${keyId}, insertion_write_id = w.id from w
    where a.institution_id = w.institution_id and a.id = w.appointment_id`.execute(tx.db)
}
