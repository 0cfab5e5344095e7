/** Locations and what each is set to. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import type { Instant } from '../model/time.ts'
import { isZone } from '../model/wire-time.ts'
import { readAgain } from './data-sources.ts'
import type { PolicyColumns } from './policies.ts'
import { keptForeign, keptNamed } from './stored-ids.ts'

/** Everything a location may be set to; `docs/operations/settings.md` lists the defaults. */
export interface LocationChange {
  name?: string | undefined
  /** IANA zone. */
  tz?: string | undefined
  data_source_id?: number | undefined
  /** The location's id in its record system; unique within the data source. */
  foreign_id?: string | undefined
  street_address?: string | undefined
  street_address_2?: string | undefined
  city?: string | undefined
  state?: string | undefined
  zip_code?: string | undefined
  country_code?: string | undefined
  latitude?: number | undefined
  longitude?: number | undefined
  phone_number?: string | undefined
  email?: string | undefined
  specialty?: string | undefined
  inactive?: boolean | undefined
  insert_appt_client?: boolean | undefined
  map_by_operatory?: boolean | undefined
  set_availability_by_operatory?: boolean | undefined
  /** Minutes of a booking that names no length; null refuses such bookings (decision 6). */
  default_minutes?: number | null | undefined
  outside_hours?: 'allow' | 'refuse' | undefined
  promise_minutes_soon?: number | undefined
  promise_minutes?: number | undefined
  /** What is offered starts at least this long from now. */
  min_notice_minutes?: number | undefined
  /** What is offered keeps this distance from whatever takes time. */
  buffer_minutes?: number | undefined
  /** How many may share a time (docs/overbooking.md). */
  overbooking?: PolicyColumns['overbooking'] | undefined
  /** At most so many at one instant, under `limit`. */
  operatory_limit?: number | undefined
  provider_limit?: number | undefined
}

export interface LocationRow extends PolicyColumns {
  id: number
  institution_id: number
  data_source_id: number | null
  foreign_id: string | null
  foreign_id_type: string | null
  name: string
  tz: string
  street_address: string | null
  street_address_2: string | null
  city: string | null
  state: string | null
  zip_code: string | null
  country_code: string
  latitude: number | null
  longitude: number | null
  phone_number: string | null
  email: string | null
  specialty: string
  inactive: boolean
  insert_appt_client: boolean
  map_by_operatory: boolean
  set_availability_by_operatory: boolean
  default_minutes: number | null
  outside_hours: string
  promise_minutes_soon: number
  promise_minutes: number
  min_notice_minutes: number
  buffer_minutes: number
  last_sync_time: Instant | null
  created_at: Instant
  updated_at: Instant
}

const columns = sql`l.id, l.institution_id, l.data_source_id, l.foreign_id, d.foreign_id_type, l.name, l.tz,
  l.street_address, l.street_address_2, l.city, l.state, l.zip_code, l.country_code, l.latitude, l.longitude,
  l.phone_number, l.email, l.specialty, l.inactive, l.insert_appt_client, l.map_by_operatory,
  l.set_availability_by_operatory, l.default_minutes, l.outside_hours, l.promise_minutes_soon, l.promise_minutes,
  l.min_notice_minutes, l.buffer_minutes, l.overbooking, l.operatory_limit, l.provider_limit,
  l.last_sync_time, l.created_at, l.updated_at`
const from = sql`from locations l left join data_sources d on d.institution_id = l.institution_id and d.id = l.data_source_id`

/** A data source has one location for each of its sites; a foreign id twice is refused here rather than by the index. */
const LOCATIONS_MAX = 1000

/** Makes a location and answers its id. Throws `invalid_request` naming what is wrong. */
export async function createLocation(
  tx: Tenant,
  wanted: LocationChange & { name: string; tz: string },
): Promise<number> {
  await refuseBad(tx, null, wanted)
  const kept = await keptLocation(tx, wanted)
  const row = await tx.db
    .insertInto('locations')
    .values({ ...wanted, ...(kept === null ? {} : { id: kept }), institution_id: tx.institutionId })
    .returning('id')
    .executeTakeFirstOrThrow()
  if (wanted.data_source_id) await readAgain(tx, wanted.data_source_id)
  return row.id
}

/** The id that clients hold of it, by its foreign id or else its name. */
async function keptLocation(tx: Tenant, wanted: LocationChange & { name: string }): Promise<number | null> {
  const { data_source_id: source, foreign_id: foreignId } = wanted
  if (source !== undefined && foreignId !== undefined) {
    const kept = (await keptForeign(tx, source, 'location', [foreignId]))(foreignId)
    if (kept !== null) return kept
  }
  const known = { locationId: null, knownAs: wanted.name }
  return (await keptNamed(tx, 'location', [known]))(known)
}

/** Changes what is given. Throws `not_found` where there is no such location, `invalid_request` naming what is wrong. */
export async function updateLocation(tx: Tenant, id: number, change: LocationChange): Promise<void> {
  await refuseBad(tx, id, change)
  const row = await tx.db
    .updateTable('locations')
    .set({ ...change, updated_at: sql<string>`app_now()` })
    .where('institution_id', '=', tx.institutionId)
    .where('id', '=', id)
    .returning(['id', 'data_source_id'])
    .executeTakeFirst()
  if (!row) throw new Failure('not_found', 'Location not found')
  const moved = change.data_source_id !== undefined || change.foreign_id !== undefined
  if (moved && row.data_source_id !== null) await readAgain(tx, row.data_source_id)
}

async function refuseBad(tx: Tenant, id: number | null, change: LocationChange): Promise<void> {
  const wrong: string[] = []
  if (change.tz !== undefined && !isZone(change.tz))
    wrong.push('Parameter tz is not an IANA zone, such as America/New_York')
  const length = change.default_minutes
  if (typeof length === 'number' && !(Number.isInteger(length) && length >= 5 && length <= 1440))
    wrong.push('Parameter default_minutes must be a whole number from 5 to 1440')
  for (const name of ['promise_minutes', 'promise_minutes_soon'] as const) {
    const value = change[name]
    if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= 43_200))
      wrong.push(`Parameter ${name} must be a whole number from 1 to 43200`)
  }
  for (const [name, least, most] of [
    ['min_notice_minutes', 0, 525_600],
    ['buffer_minutes', 0, 1440],
    ['operatory_limit', 1, 100],
    ['provider_limit', 1, 100],
  ] as const) {
    const value = change[name]
    if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most))
      wrong.push(`Parameter ${name} must be a whole number from ${least} to ${most}`)
  }
  if (change.data_source_id !== undefined && !(await hasDataSource(tx, change.data_source_id)))
    wrong.push('Parameter data_source_id names no data source of this institution')
  if (change.foreign_id !== undefined && (await isForeignIdTaken(tx, id, change)))
    wrong.push('Parameter foreign_id is taken by another location of the data source')
  if (wrong.length > 0) throw new Failure('invalid_request', wrong)
}

async function hasDataSource(tx: Tenant, id: number): Promise<boolean> {
  const { rows } = await sql`select 1 from data_sources
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
  return rows.length > 0
}

async function isForeignIdTaken(tx: Tenant, id: number | null, change: LocationChange): Promise<boolean> {
  const { rows } = await sql`select 1 from locations l
    where l.institution_id = ${tx.institutionId} and l.foreign_id = ${change.foreign_id ?? null} and l.id is distinct from ${id}
      and l.data_source_id = coalesce(${change.data_source_id ?? null}, (select data_source_id from locations mine
        where mine.institution_id = ${tx.institutionId} and mine.id = ${id}))`.execute(tx.db)
  return rows.length > 0
}

export async function findLocation(tx: Tenant, id: number): Promise<LocationRow | null> {
  const { rows } = await sql<LocationRow>`select ${columns} ${from}
    where l.institution_id = ${tx.institutionId} and l.id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** Throws `not_found` where the institution has no such location. */
export async function getLocation(tx: Tenant, id: number): Promise<LocationRow> {
  const row = await findLocation(tx, id)
  if (!row) throw new Failure('not_found', 'Location not found')
  return row
}

/** The institution's locations in the order of their ids, at most a thousand. */
export async function listLocations(
  tx: Tenant,
  filter: {
    inactive?: boolean | undefined
    foreignId?: string | undefined
    dataSourceId?: number | undefined
  } = {},
): Promise<LocationRow[]> {
  const { rows } =
    await sql<LocationRow>`select ${columns} ${from} where l.institution_id = ${tx.institutionId}
    and (${filter.inactive ?? null}::boolean is null or l.inactive = ${filter.inactive ?? null})
    and (${filter.foreignId ?? null}::text is null or l.foreign_id = ${filter.foreignId ?? null})
    and (${filter.dataSourceId ?? null}::bigint is null or l.data_source_id = ${filter.dataSourceId ?? null})
    order by l.id limit ${LOCATIONS_MAX}`.execute(tx.db)
  return rows
}
