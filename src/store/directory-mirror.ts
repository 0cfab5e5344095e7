/** The directory of a record system as we keep it, and the maps between its ids and ours. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type {
  DescriptorRecord,
  OperatoryRecord,
  ProviderRecord,
  WorkingHourRecord,
} from '../model/records.ts'
import { nameOfHour } from '../model/stored-ids.ts'
import { keptForeign, keptNamed } from './stored-ids.ts'

const foreignIdsOf = (records: { foreignId: string }[]) => records.map(({ foreignId }) => foreignId)

/** Foreign ids → our ids, for one data source. */
export interface DirectoryMaps {
  locations: Map<string, number>
  /** The data source's only location, where it has one only. */
  soleLocation: number | null
  /** Our location ids of this data source, with their zones. */
  zones: Map<number, string>
  providers: Map<string, number>
  operatories: Map<string, { id: number; locationId: number }>
  /** Key: `<our location id>:<foreign id>`. */
  descriptors: Map<string, number>
}

export async function loadDirectory(tx: Tenant, dataSourceId: number): Promise<DirectoryMaps> {
  const { rows } = await sql<{
    noun: string
    id: number
    foreign_id: string | null
    location_id: number
    tz: string
  }>`
    select 'location' as noun, id, foreign_id, id as location_id, tz from locations
      where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
    union all select 'provider', id, foreign_id, 0, '' from providers
      where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
    union all select 'operatory', id, foreign_id, location_id, '' from operatories
      where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
    union all select 'descriptor', id, foreign_id, location_id, '' from descriptors
      where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}`.execute(tx.db)
  const of = (noun: string) => rows.filter((row) => row.noun === noun)
  const locations = of('location')
  return {
    locations: new Map(
      locations.flatMap((row) => (row.foreign_id === null ? [] : [[row.foreign_id, row.id]])),
    ),
    soleLocation: locations.length === 1 ? (locations[0]?.id ?? null) : null,
    zones: new Map(locations.map((row) => [row.id, row.tz])),
    providers: new Map(of('provider').map((row) => [row.foreign_id ?? '', row.id])),
    operatories: new Map(
      of('operatory').map((row) => [row.foreign_id ?? '', { id: row.id, locationId: row.location_id }]),
    ),
    descriptors: new Map(of('descriptor').map((row) => [`${row.location_id}:${row.foreign_id}`, row.id])),
  }
}

/** A location that was set up without a foreign id takes that of the record system's only location. */
export async function adoptSoleLocation(tx: Tenant, dataSourceId: number, foreignId: string): Promise<void> {
  await sql`update locations set foreign_id = ${foreignId}, last_sync_time = app_now()
    where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId} and foreign_id is null
      and (select count(*) from locations l where l.institution_id = ${tx.institutionId}
        and l.data_source_id = ${dataSourceId}) = 1`.execute(tx.db)
}

/** Upserts providers and where they work; those that the directory leaves out become inactive. */
export async function saveProviders(
  tx: Tenant,
  dataSourceId: number,
  providers: ProviderRecord[],
  maps: Pick<DirectoryMaps, 'locations' | 'zones'>,
): Promise<void> {
  const kept = await keptForeign(tx, dataSourceId, 'provider', foreignIdsOf(providers))
  const rows = JSON.stringify(providers.map((one) => ({ ...one, id: kept(one.foreignId) })))
  await sql`
    insert into providers as p (institution_id, id, data_source_id, foreign_id, first_name, last_name, display_name, npi,
      inactive, last_sync_time)
    select ${tx.institutionId}::bigint, coalesce(r.id, nextval('provider_ids')), ${dataSourceId}::bigint, r."foreignId", r."firstName", r."lastName", r."displayName", r.npi,
      r.inactive, app_now()
    from jsonb_to_recordset(${rows}::jsonb) as r(id bigint, "foreignId" text, "firstName" text, "lastName" text, "displayName" text,
      npi text, inactive boolean)
    on conflict (institution_id, data_source_id, foreign_id) do update set first_name = excluded.first_name,
      last_name = excluded.last_name, display_name = excluded.display_name, npi = excluded.npi,
      inactive = excluded.inactive, last_sync_time = app_now(),
      updated_at = case when (p.first_name, p.last_name, p.display_name, p.npi, p.inactive) is distinct from
        (excluded.first_name, excluded.last_name, excluded.display_name, excluded.npi, excluded.inactive)
        then app_now() else p.updated_at end`.execute(tx.db)
  await sql`update providers set inactive = true, updated_at = app_now() where institution_id = ${tx.institutionId}
    and data_source_id = ${dataSourceId} and not inactive
    and foreign_id <> all(${providers.map((p) => p.foreignId)}::text[])`.execute(tx.db)
  const all = [...maps.zones.keys()]
  const pairs = providers.flatMap((provider) => {
    const named = provider.locations.flatMap((id) => maps.locations.get(id) ?? [])
    return (provider.locations.length === 0 ? all : named).map((location) => ({
      foreign_id: provider.foreignId,
      location,
    }))
  })
  await sql`delete from provider_locations x using providers p where x.institution_id = ${tx.institutionId}
    and p.institution_id = x.institution_id and p.id = x.provider_id and p.data_source_id = ${dataSourceId}`.execute(
    tx.db,
  )
  await sql`insert into provider_locations (institution_id, provider_id, location_id)
    select distinct ${tx.institutionId}::bigint, p.id, r.location
    from jsonb_to_recordset(${JSON.stringify(pairs)}::jsonb) as r(foreign_id text, location bigint)
    join providers p on p.institution_id = ${tx.institutionId} and p.data_source_id = ${dataSourceId}
      and p.foreign_id = r.foreign_id`.execute(tx.db)
}

/** Upserts operatories; those that the directory leaves out become inactive. */
export async function saveOperatories(
  tx: Tenant,
  dataSourceId: number,
  operatories: OperatoryRecord[],
  maps: Pick<DirectoryMaps, 'locations' | 'soleLocation'>,
): Promise<void> {
  const rows = operatories.flatMap((operatory) => {
    const location = operatory.location === null ? maps.soleLocation : maps.locations.get(operatory.location)
    return location ? [{ ...operatory, location }] : []
  })
  const kept = await keptForeign(tx, dataSourceId, 'operatory', foreignIdsOf(rows))
  const named = rows.map((row) => ({ ...row, id: kept(row.foreignId) }))
  await sql`
    insert into operatories as o (institution_id, id, data_source_id, location_id, foreign_id, name, active, last_sync_time)
    select ${tx.institutionId}::bigint, coalesce(r.id, nextval('operatory_ids')), ${dataSourceId}::bigint, r.location, r."foreignId", r.name, r.active, app_now()
    from jsonb_to_recordset(${JSON.stringify(named)}::jsonb) as r(id bigint, location bigint, "foreignId" text, name text, active boolean)
    on conflict (institution_id, data_source_id, foreign_id) do update set location_id = excluded.location_id,
      name = excluded.name, active = excluded.active, last_sync_time = app_now(),
      updated_at = case when (o.location_id, o.name, o.active) is distinct from
        (excluded.location_id, excluded.name, excluded.active) then app_now() else o.updated_at end`.execute(
    tx.db,
  )
  await sql`update operatories set active = false, updated_at = app_now() where institution_id = ${tx.institutionId}
    and data_source_id = ${dataSourceId} and active
    and foreign_id <> all(${rows.map((row) => row.foreignId)}::text[])`.execute(tx.db)
}

/** Upserts descriptors, one row for each location that can use them; those left out become inactive. */
export async function saveDescriptors(
  tx: Tenant,
  dataSourceId: number,
  descriptors: DescriptorRecord[],
  maps: Pick<DirectoryMaps, 'locations' | 'zones'>,
): Promise<void> {
  const rows = descriptors.flatMap((descriptor) => {
    const named =
      descriptor.location === null ? [...maps.zones.keys()] : [maps.locations.get(descriptor.location)]
    return named.flatMap((location) => (location === undefined ? [] : [{ ...descriptor, location }]))
  })
  const wanted = (row: (typeof rows)[number]) => ({ locationId: row.location, knownAs: row.foreignId })
  const kept = await keptForeign(tx, dataSourceId, 'descriptor', rows.map(wanted))
  const named = rows.map((row) => ({ ...row, id: kept(wanted(row)) }))
  await sql`
    insert into descriptors as d (institution_id, id, data_source_id, location_id, foreign_id, descriptor_type, name, code,
      active, last_sync_time)
    select ${tx.institutionId}::bigint, coalesce(r.id, nextval('descriptor_ids')), ${dataSourceId}::bigint, r.location, r."foreignId", r."descriptorType", r.name, r.code, r.active,
      app_now()
    from jsonb_to_recordset(${JSON.stringify(named)}::jsonb) as r(id bigint, location bigint, "foreignId" text, "descriptorType" text,
      name text, code text, active boolean)
    on conflict (institution_id, data_source_id, location_id, foreign_id) do update set
      descriptor_type = excluded.descriptor_type, name = excluded.name, code = excluded.code, active = excluded.active,
      last_sync_time = app_now(), updated_at = case when (d.name, d.code, d.active) is distinct from
        (excluded.name, excluded.code, excluded.active) then app_now() else d.updated_at end`.execute(tx.db)
  await sql`update descriptors set active = false, updated_at = app_now() where institution_id = ${tx.institutionId}
    and data_source_id = ${dataSourceId} and active
    and foreign_id <> all(${rows.map((row) => row.foreignId)}::text[])`.execute(tx.db)
}

/** Replaces the synced working hours of a data source and their labels, ids kept where the foreign id (the name) stays. */
export async function saveWorkingHours(
  tx: Tenant,
  dataSourceId: number,
  hours: WorkingHourRecord[],
  maps: DirectoryMaps,
): Promise<void> {
  const rows = hours.flatMap((hour) => {
    const provider = maps.providers.get(hour.provider)
    const operatory = hour.operatory === null ? null : maps.operatories.get(hour.operatory)
    const location =
      hour.location === null
        ? (operatory?.locationId ?? maps.soleLocation)
        : maps.locations.get(hour.location)
    if (provider === undefined || !location || operatory === undefined) return []
    return [{ ...hour, provider, operatory: operatory?.id ?? null, location, label: hour.label ?? null }]
  })
  await saveLabels(tx, dataSourceId, rows)
  const kept = await keptHours(tx, dataSourceId, rows)
  await sql`
    insert into working_hours as h (institution_id, id, data_source_id, location_id, provider_id, operatory_id, source, foreign_id,
      begin_time, end_time, days, specific_date, label_id)
    select ${tx.institutionId}::bigint, coalesce(r.id, nextval('working_hour_ids')), ${dataSourceId}::bigint, r.location, r.provider, r.operatory, 'synced', r."foreignId", r."beginTime",
      r."endTime", array(select jsonb_array_elements_text(r.days)), r."specificDate",
      (select b.id from working_hour_labels b where b.institution_id = ${tx.institutionId}
        and b.data_source_id = ${dataSourceId} and b.location_id = r.location and b.name = r.label)
    from jsonb_to_recordset(${JSON.stringify(rows.map((row) => ({ ...row, id: kept(row) })))}::jsonb) as r(id bigint, location bigint, provider bigint, operatory bigint,
      "foreignId" text, "beginTime" text, "endTime" text, days jsonb, "specificDate" date,
      label text)
    on conflict (institution_id, data_source_id, foreign_id) do update set location_id = excluded.location_id,
      provider_id = excluded.provider_id, operatory_id = excluded.operatory_id, begin_time = excluded.begin_time,
      end_time = excluded.end_time, days = excluded.days, specific_date = excluded.specific_date,
      label_id = excluded.label_id, active = true, updated_at = app_now()
    where (h.location_id, h.provider_id, h.operatory_id, h.begin_time, h.end_time, h.days, h.specific_date, h.label_id,
        h.active)
      is distinct from (excluded.location_id, excluded.provider_id, excluded.operatory_id, excluded.begin_time,
        excluded.end_time, excluded.days, excluded.specific_date, excluded.label_id, true)`.execute(tx.db)
  await sql`delete from working_hours where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
    and source = 'synced' and foreign_id <> all(${rows.map((row) => row.foreignId)}::text[])`.execute(tx.db)
}

interface PlacedHour extends Pick<WorkingHourRecord, 'beginTime' | 'endTime' | 'days' | 'specificDate'> {
  foreignId: string
  location: number
  provider: number
  operatory: number | null
}

/** Ids that clients hold: of the hour by its foreign id, or by what it says, since other bridges number hours on their own. */
async function keptHours(
  tx: Tenant,
  dataSourceId: number,
  rows: PlacedHour[],
): Promise<(row: PlacedHour) => number | null> {
  const named = (row: PlacedHour) => ({
    locationId: row.location,
    knownAs: nameOfHour({
      provider_id: row.provider,
      operatory_id: row.operatory,
      begin_time: row.beginTime,
      end_time: row.endTime,
      days: row.days,
      specific_date: row.specificDate,
    }),
  })
  const foreign = await keptForeign(tx, dataSourceId, 'working_hour', foreignIdsOf(rows))
  const byName = await keptNamed(tx, 'working_hour', rows.map(named))
  const taken = new Set<number>()
  return (row) => {
    const id = foreign(row.foreignId) ?? byName(named(row))
    if (id === null || taken.has(id)) return null
    taken.add(id)
    return id
  }
}

/** Labels are known by their names. One that no hour bears any longer is inactive, its id kept for when it comes back. */
async function saveLabels(
  tx: Tenant,
  dataSourceId: number,
  hours: { location: number; label: string | null }[],
): Promise<void> {
  const borne = hours.filter(({ label }) => label !== null)
  const [locations, names] = [borne.map(({ location }) => location), borne.map(({ label }) => label)]
  const wanted = borne.map(({ location, label }) => ({ locationId: location, knownAs: label ?? '' }))
  const kept = await keptNamed(tx, 'working_hour_label', wanted)
  const ids = wanted.map(kept)
  await sql`
    with borne as (select distinct * from unnest(${locations}::bigint[], ${names}::text[], ${ids}::bigint[]) as r(location_id, name, id)),
    left_out as (
      update working_hour_labels b set active = false, updated_at = app_now()
      where b.institution_id = ${tx.institutionId} and b.data_source_id = ${dataSourceId} and b.active
        and not exists (select from borne r where r.location_id = b.location_id and r.name = b.name))
    insert into working_hour_labels as b (institution_id, id, data_source_id, location_id, name)
    select ${tx.institutionId}::bigint, coalesce(id, nextval('working_hour_label_ids')), ${dataSourceId}::bigint, location_id, name from borne order by location_id, name
    on conflict (institution_id, data_source_id, location_id, name) do update set active = true, updated_at = app_now()
    where not b.active`.execute(tx.db)
}

/** Foreign ids of ours, for a write. Null where a thing has none. */
export interface ForeignNames {
  provider: string | null
  operatory: string | null
  location: string | null
  descriptors: string[]
}

export async function findForeignNames(
  tx: Tenant,
  ids: {
    provider_id: number | null
    operatory_id: number | null
    location_id: number
    descriptor_ids: number[]
  },
): Promise<ForeignNames> {
  const { rows } = await sql<ForeignNames>`select
    (select foreign_id from providers where institution_id = ${tx.institutionId} and id = ${ids.provider_id}) as provider,
    (select foreign_id from operatories where institution_id = ${tx.institutionId} and id = ${ids.operatory_id}) as operatory,
    (select foreign_id from locations where institution_id = ${tx.institutionId} and id = ${ids.location_id}) as location,
    array(select foreign_id from descriptors where institution_id = ${tx.institutionId}
      and id = any(${ids.descriptor_ids}::bigint[]) order by foreign_id) as descriptors`.execute(tx.db)
  const names = rows[0]
  if (!names) throw new Error('foreign names were not found')
  return names
}
