/** Ids that a client holds from elsewhere: kept until the thing that each means first comes in, and then its own. */
import { type RawBuilder, sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { StoredId, StoredNoun } from '../model/stored-ids.ts'

/** What a thing of ours is about to be known by. */
interface Wanted {
  locationId: number | null
  knownAs: string
}

const TABLES: Record<StoredNoun, string> = {
  location: 'locations',
  provider: 'providers',
  operatory: 'operatories',
  descriptor: 'descriptors',
  patient: 'patients',
  appointment: 'appointments',
  procedure: 'procedures',
  appointment_type: 'appointment_types',
  working_hour: 'working_hours',
  working_hour_label: 'working_hour_labels',
}

const keyOf = ({ locationId, knownAs }: Wanted) => `${locationId ?? ''}:${knownAs}`

/** The ids that are kept for things which come in now, and that nothing has taken yet. */
async function listKept(
  tx: Tenant,
  noun: StoredNoun,
  type: RawBuilder<unknown>,
  wanted: Wanted[],
): Promise<Map<string, number>> {
  if (wanted.length === 0) return new Map()
  const { rows } = await sql<{ location_id: number | null; known_as: string; id: number }>`
    select k.location_id, k.known_as, k.id from reserved_ids k
    where k.institution_id = ${tx.institutionId} and k.noun = ${noun} and k.foreign_id_type is not distinct from ${type}
      and k.known_as = any(${wanted.map(({ knownAs }) => knownAs)}::text[])
      and not exists (select from ${sql.table(TABLES[noun])} t where t.institution_id = k.institution_id and t.id = k.id)`.execute(
    tx.db,
  )
  return new Map(rows.map((row) => [keyOf({ locationId: row.location_id, knownAs: row.known_as }), row.id]))
}

/** The kept id of each of the things of a data source that has one, by foreign id; `locationId` for descriptors only. */
export async function keptForeign(
  tx: Tenant,
  dataSourceId: number,
  noun: StoredNoun,
  wanted: (string | Wanted)[],
): Promise<(one: string | Wanted) => number | null> {
  const full = (one: string | Wanted) => (typeof one === 'string' ? { locationId: null, knownAs: one } : one)
  const type = sql`(select d.foreign_id_type from data_sources d
    where d.institution_id = ${tx.institutionId} and d.id = ${dataSourceId})`
  const kept = await listKept(tx, noun, type, wanted.map(full))
  return (one) => kept.get(keyOf(full(one))) ?? null
}

/** The same for what is known by its name. */
export async function keptNamed(
  tx: Tenant,
  noun: StoredNoun,
  wanted: Wanted[],
): Promise<(one: Wanted) => number | null> {
  const kept = await listKept(tx, noun, sql`null`, wanted)
  return (one) => kept.get(keyOf(one)) ?? null
}

/** An id that cannot be kept: what is in the way. */
export interface Hindrance {
  noun: StoredNoun
  id: number
  why: 'here_as' | 'holds' | 'kept_as' | 'kept_for' | 'elsewhere'
  /** The id under which the thing is here already, or what the id stands for. */
  other: string
}

/** Everything that this institution holds of a noun, as an import tells things. Appointment types keep their location. */
function held(tx: Tenant, noun: StoredNoun): RawBuilder<unknown> {
  const table = sql.table(TABLES[noun])
  const mine = sql`t.institution_id = ${tx.institutionId}`
  const source = sql`join data_sources d on d.institution_id = t.institution_id and d.id = t.data_source_id`
  const foreign = (location: RawBuilder<unknown>) => sql`select t.id, d.foreign_id_type as type,
    ${location} as location_id, t.foreign_id as known_as from ${table} t ${source} where ${mine} and t.foreign_id is not null`
  const nowhere = sql`null::bigint`
  if (noun === 'descriptor') return foreign(sql`t.location_id`)
  if (noun === 'appointment_type' || noun === 'working_hour_label')
    return sql`select t.id, null::text as type, t.location_id, t.name as known_as from ${table} t where ${mine}`
  if (noun === 'location')
    return sql`${foreign(nowhere)} union all
      select t.id, null, null, t.name from locations t where ${mine}`
  if (noun === 'working_hour')
    return sql`${foreign(nowhere)} union all select t.id, null, t.location_id, t.provider_id || ' ' ||
      coalesce(t.operatory_id::text, '-') || ' ' || coalesce((t.custom_recurrence ->> 'num') || '-' ||
      (t.custom_recurrence ->> 'unit') || 's-' || (t.custom_recurrence ->> 'ref'), t.specific_date::text,
      (select string_agg(w.day, ',' order by w.at) from unnest(string_to_array(
        'Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday', ',')) with ordinality as w(day, at)
        where w.day = any(t.days))) || ' ' || t.begin_time || '-' || t.end_time
      from working_hours t where ${mine}`
  return foreign(nowhere)
}

const given = (ids: StoredId[]) => sql`unnest(${ids.map(({ id }) => id)}::bigint[],
  ${ids.map(({ foreignIdType }) => foreignIdType)}::text[], ${ids.map(({ locationId }) => locationId)}::bigint[],
  ${ids.map(({ knownAs }) => knownAs)}::text[]) as g(id, type, location_id, known_as)`

const sameThing = (table: string) => sql`${sql.ref(`${table}.known_as`)} = g.known_as
  and ${sql.ref(`${table}.location_id`)} is not distinct from g.location_id`

/** What stands in the way of keeping these ids of one noun; what weighs more comes first. */
export async function listHindrances(tx: Tenant, noun: StoredNoun, ids: StoredId[]): Promise<Hindrance[]> {
  if (ids.length === 0) return []
  const { rows } = await sql<Omit<Hindrance, 'noun'> & { weight: number }>`
    with g as materialized (select * from ${given(ids)}), h as materialized (${held(tx, noun)}),
    k as materialized (select id, foreign_id_type as type, location_id, known_as from reserved_ids
      where institution_id = ${tx.institutionId} and noun = ${noun})
    select g.id, 4 as weight, 'here_as' as why, h.id::text as other from g join h on ${sameThing('h')}
      and h.type is not distinct from g.type and h.id <> g.id
    union all select g.id, 2, 'holds', min(h.known_as) from g join h on h.id = g.id
      group by g.id, g.type, g.location_id, g.known_as
      having not bool_or(h.type is not distinct from g.type and ${sameThing('h')})
    union all select g.id, 5, 'kept_as', k.id::text from g join k on ${sameThing('k')}
      and k.type is not distinct from g.type and k.id <> g.id
    union all select g.id, 3, 'kept_for', k.known_as from g join k on k.id = g.id
      and not (${sameThing('k')} and k.type is not distinct from g.type)
    union all select e.id, 1, 'elsewhere', '' from ids_elsewhere(${noun}, ${ids.map(({ id }) => id)}::bigint[]) as e(id)
    order by 1, 2, 4`.execute(tx.db)
  return rows.map(({ id, why, other }) => ({ noun, id, why, other }))
}

/** Keeps ids until what they mean comes in. Those that are kept already stay. Answers how many are new. */
export async function keepIds(tx: Tenant, noun: StoredNoun, ids: StoredId[]): Promise<number> {
  const { rows } = await sql`
    insert into reserved_ids (institution_id, noun, id, foreign_id_type, location_id, known_as)
    select ${tx.institutionId}::bigint, ${noun}, g.id, g.type, g.location_id, g.known_as from ${given(ids)}
    on conflict (institution_id, noun, id) do nothing returning id`.execute(tx.db)
  return rows.length
}

/** A second import waits for nobody: it is told. Held until the transaction ends. */
export async function isOnlyImport(tx: Tenant): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_xact_lock(hashtext('slotbridge import-ids')) as held`.execute(tx.db)
  return rows[0]?.held ?? false
}

/** The transactions of other processes of ours that are open: they may have drawn ids that no row shows yet. */
export async function listOpenTransactions(tx: Tenant): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select l.virtualtransaction as name from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'virtualxid' and l.mode = 'ExclusiveLock' and l.pid <> pg_backend_pid()
      and a.datname = current_database() and a.usename = session_user`.execute(tx.db)
  return rows.map(({ name }) => name)
}

/** How many of these transactions are open still. */
export async function countOpen(tx: Tenant, names: string[]): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from pg_locks
    where locktype = 'virtualxid' and mode = 'ExclusiveLock' and virtualtransaction = any(${names}::text[])`.execute(
    tx.db,
  )
  return rows[0]?.n ?? 0
}

/** A data source as far as an import of ids goes. */
export interface TypedSource {
  id: number
  foreign_id_type: string
  /** Nothing was read from it yet. */
  isNew: boolean
}

export async function listTypedSources(tx: Tenant): Promise<TypedSource[]> {
  const { rows } = await sql<TypedSource>`
    select d.id, d.foreign_id_type, d.directory_read_at is null and d.loaded_at is null and d.cursor is null
      and not exists (select from providers p where p.institution_id = d.institution_id and p.data_source_id = d.id)
      as "isNew" from data_sources d where d.institution_id = ${tx.institutionId} order by d.id`.execute(
    tx.db,
  )
  return rows
}

/** The types of kept ids that no data source bears. */
export async function listUnclaimedTypes(tx: Tenant): Promise<string[]> {
  const { rows } = await sql<{ type: string }>`
    select distinct k.foreign_id_type as type from reserved_ids k
    where k.institution_id = ${tx.institutionId} and k.foreign_id_type is not null
      and not exists (select from data_sources d where d.institution_id = k.institution_id
        and d.foreign_id_type = k.foreign_id_type)
    order by 1`.execute(tx.db)
  return rows.map(({ type }) => type)
}

/** A data source that nothing was read from takes the type under which its ids are held. */
export async function takeType(tx: Tenant, dataSourceId: number, type: string): Promise<void> {
  await sql`update data_sources set foreign_id_type = ${type}, updated_at = app_now()
    where institution_id = ${tx.institutionId} and id = ${dataSourceId}`.execute(tx.db)
}

/** Gives a location, which is entered before its data source is read, the id that is held of it. False: things refer to it already. */
export async function renumberLocation(tx: Tenant, from: number, to: number): Promise<boolean> {
  const { rows } = await sql<{ used: boolean }>`
    select exists (select from patients where institution_id = ${tx.institutionId} and location_id = ${from})
      or exists (select from provider_locations where institution_id = ${tx.institutionId} and location_id = ${from})
      or exists (select from operatories where institution_id = ${tx.institutionId} and location_id = ${from})
      or exists (select from descriptors where institution_id = ${tx.institutionId} and location_id = ${from})
      or exists (select from appointment_types where institution_id = ${tx.institutionId} and location_id = ${from})
      or exists (select from working_hours where institution_id = ${tx.institutionId} and location_id = ${from})
      or exists (select from working_hour_labels where institution_id = ${tx.institutionId} and location_id = ${from})
      or exists (select from slot_holds where institution_id = ${tx.institutionId} and location_id = ${from})
      or exists (select from appointments where institution_id = ${tx.institutionId} and location_id = ${from}) as used`.execute(
    tx.db,
  )
  if (rows[0]?.used ?? true) return false
  await sql`update locations set id = ${to}, updated_at = app_now()
    where institution_id = ${tx.institutionId} and id = ${from}`.execute(tx.db)
  return true
}

/** Ids of locations that are here or are kept for one to come. */
export async function listLocationIds(tx: Tenant): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from locations where institution_id = ${tx.institutionId}
    union select id from reserved_ids where institution_id = ${tx.institutionId} and noun = 'location'`.execute(
    tx.db,
  )
  return rows.map(({ id }) => id)
}
