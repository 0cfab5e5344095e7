/** A large group to ask for slots of: ten locations, one of them with a hundred thousand appointments. */
import { sql } from 'kysely'
import { type Database, inGlobal, inTenant, type Tenant } from '../db/database.ts'
import { createAccount, createKey } from '../store/accounts.ts'
import { addDataSource } from '../store/data-sources.ts'
import { createInstitution } from '../store/institutions.ts'
import { createLocation } from '../store/locations.ts'

export interface SeededGroup {
  institutionId: number
  subdomain: string
  apiKey: string
  /** The first is the one with the many appointments. */
  locationIds: number[]
  /** By location, ten each. */
  providerIds: number[][]
  appointments: number
}

const LOCATIONS = 10
const PROVIDERS = 10
const OPERATORIES = 5
const ZONE = 'America/New_York'
const SUBDOMAIN = 'bench'
/** Quarters of an hour that are taken of the 36 of a working day, in each operatory. */
const TAKEN_OF_DAY = 19
/** Days back and ahead with appointments: three years and one at the large location, the days asked for elsewhere. */
const LARGE = { back: 1110, ahead: 365 }
const SMALL = { back: 3, ahead: 70 }

/** Makes the group in an empty database. */
export async function seedGroup(database: Database): Promise<SeededGroup> {
  const { accountId, apiKey } = await inGlobal(database, async (tx) => {
    const accountId = await createAccount(tx, SUBDOMAIN)
    const key = { accountId, name: SUBDOMAIN, scopes: ['appointments:read' as const], institutionIds: null }
    return { accountId, apiKey: (await createKey(tx, key)).key }
  })
  const institutionId = await createInstitution(database, {
    accountId,
    subdomain: SUBDOMAIN,
    name: 'Bench Dental',
  })
  const group: SeededGroup = {
    institutionId,
    subdomain: SUBDOMAIN,
    apiKey,
    locationIds: [],
    providerIds: [],
    appointments: 0,
  }
  await inTenant(database, institutionId, async (tx) => {
    const configuration = {}
    const source = await addDataSource(tx, {
      name: 'none',
      connector: 'sandbox',
      foreignIdPrefix: 'none',
      configuration,
    })
    for (let n = 0; n < LOCATIONS; n++) {
      const locationId = await createLocation(tx, {
        name: `Location ${n}`,
        tz: ZONE,
        data_source_id: source,
        foreign_id: `${n}`,
      })
      group.locationIds.push(locationId)
      group.providerIds.push(await seedPeople(tx, locationId, source))
      const count = await seedAppointments(tx, locationId, source, n === 0 ? LARGE : SMALL)
      if (n === 0) group.appointments = count
    }
    await sql`insert into busy (institution_id, appointment_id, part, location_id, operatory_id, provider_id, starts_at, ends_at)
      select institution_id, id, 1, location_id, operatory_id, provider_id, starts_at, ends_at from appointments
      where institution_id = ${tx.institutionId}`.execute(tx.db)
  })
  return group
}

/** Two providers to an operatory: one has the mornings and the next one's afternoons. */
async function seedPeople(tx: Tenant, locationId: number, sourceId: number): Promise<number[]> {
  const { rows: operatories } = await sql<{ id: number }>`
    insert into operatories (institution_id, location_id, data_source_id, foreign_id, name)
    select ${tx.institutionId}::bigint, ${locationId}::bigint, ${sourceId}::bigint, ${locationId} || '-' || n, 'Operatory ' || n
    from generate_series(1, ${OPERATORIES}::int) n returning id`.execute(tx.db)
  const { rows: providers } = await sql<{ id: number }>`
    insert into providers (institution_id, data_source_id, foreign_id, first_name, last_name, display_name)
    select ${tx.institutionId}::bigint, ${sourceId}::bigint, ${locationId} || '-' || n, 'Given' || n, 'Name' || n, 'Dr. Name' || n
    from generate_series(1, ${PROVIDERS}::int) n returning id`.execute(tx.db)
  for (const [at, { id }] of providers.entries())
    for (const [begin, end, shift] of [
      ['08:00', '12:30', 0],
      ['12:30', '17:00', 1],
    ] as const)
      await sql`insert into working_hours (institution_id, location_id, provider_id, operatory_id, source, begin_time, end_time, days)
        values (${tx.institutionId}, ${locationId}, ${id}, ${operatories[(at + shift) % OPERATORIES]?.id ?? null}, 'manual',
          ${begin}, ${end}, '{Monday,Tuesday,Wednesday,Thursday,Friday}')`.execute(tx.db)
  return providers.map(({ id }) => id)
}

/** Quarters of an hour on working days, chosen by a hash, so that every run has the same. */
async function seedAppointments(
  tx: Tenant,
  locationId: number,
  sourceId: number,
  days: { back: number; ahead: number },
): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    insert into appointments (institution_id, data_source_id, location_id, provider_id, operatory_id, starts_at, ends_at,
      unavailable, confirmed, cancelled, checked_out, patient_missed, is_guardian, is_new_clients_patient,
      sooner_if_possible, patient_confirmed, descriptor_ids, deleted)
    select ${tx.institutionId}::bigint, ${sourceId}::bigint, ${locationId}::bigint, h.provider_id, h.operatory_id, q.starts_at,
      q.starts_at + interval '15 minutes', false, false, false, false, false, false, false, false, false, '{}', false
    from (
      select o.id as operatory_id, (d.day + make_interval(mins => 480 + 15 * n)) at time zone ${ZONE}::text as starts_at, n,
        row_number() over (partition by o.id, d.day order by md5(o.id || d.day::text || n)) as place
      from operatories o
      cross join (select app_now()::date::timestamp + make_interval(days => i) as day
        from generate_series(-${days.back}::int, ${days.ahead}::int) i) d
      cross join generate_series(0, 35) n
      where o.institution_id = ${tx.institutionId} and o.location_id = ${locationId} and extract(isodow from d.day) < 6
    ) q
    join lateral (select min(provider_id) as provider_id, q.operatory_id from working_hours w
      where w.institution_id = ${tx.institutionId} and w.operatory_id = q.operatory_id
        and w.begin_time = case when q.n < 18 then '08:00' else '12:30' end) h on true
    where q.place <= ${TAKEN_OF_DAY}
    returning id`.execute(tx.db)
  return rows.length
}
