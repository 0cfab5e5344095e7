/** Data sources: one configured record system of one institution, and how it is doing. */
import { sql } from 'kysely'
import type { Tenant, WorkTransaction } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import type { SetAsideRecord } from '../model/records.ts'
import type { Instant } from '../model/time.ts'
import { noteTurned } from './changes.ts'
import { listTypedSources, listUnclaimedTypes } from './stored-ids.ts'

export interface DataSource {
  id: number
  name: string
  connector: string
  foreign_id_type: string
  configuration: unknown
  capabilities: SourceCapabilities | null
  poll_seconds: number
  window_days_ahead: number
  window_days_back: number
  window_seconds: number
  directory_seconds: number
  cursor: string | null
  /** A location of it was set up or changed: everything is read again. */
  read_again: boolean
  marks: Record<string, number>
  loaded_at: Instant | null
  directory_read_at: Instant | null
  window_read_at: Instant | null
  pull_started_at: Instant | null
  pull_completed_at: Instant | null
  read_status: 'green' | 'red'
  write_status: 'green' | 'red'
  writing_stopped_at: Instant | null
  /** Most requests a second, over all processes; null where no limit is known. */
  requests_per_second: number | null
}

/** What the connector said it can do, as kept for those who may not see connectors. The port defines the shape. */
export interface SourceCapabilities {
  writes: Record<string, boolean>
  reads: Record<string, boolean | string>
  effect: string
  maxInFlightMs: number
  conflictCheck: string
  limits: { grainMinutes: number; noteLength: number | null; characters: string }
}

export interface NewDataSource {
  name: string
  connector: string
  /** `<adapter>-<system>`; the id completes it. */
  foreignIdPrefix: string
  /** Already checked by the connector. Sealed here. */
  configuration: unknown
  pollSeconds?: number | undefined
  requestsPerSecond?: number | null | undefined
  /** As clients hold it from elsewhere; not given: that of the ids that are kept for it, else one of our own. */
  foreignIdType?: string | undefined
}

/**
 * Adds a data source with its two units of work.
 * @throws Failure where ids are kept for several data sources and nobody says for which this one is
 */
export async function addDataSource(tx: Tenant, source: NewDataSource): Promise<number> {
  const foreignIdType = await chooseType(tx, source.foreignIdType)
  const { rows } = await sql<{ id: number }>`
    with id as (select nextval('data_source_ids') as id),
    made as (
      insert into data_sources (institution_id, id, name, connector, foreign_id_type, configuration_sealed, poll_seconds,
        requests_per_second)
      select ${tx.institutionId}::bigint, id, ${source.name}::text, ${source.connector}::text,
        coalesce(${foreignIdType}, ${source.foreignIdPrefix}::text || '-DataSource-' || id), ${tx.seal(source.configuration)}::bytea,
        coalesce(${source.pollSeconds ?? null}::int, 30), ${source.requestsPerSecond ?? null}::float8
      from id returning id),
    units as (
      insert into work (kind, institution_id, subject_id, run_at)
      select kind, ${tx.institutionId}::bigint, made.id, app_now() from made, (values ('pull'), ('push')) as kinds(kind))
    select id from made`.execute(tx.db)
  const id = rows[0]?.id
  if (id === undefined) throw new Error('a data source was not inserted')
  return id
}

/** The type under which ids are kept for a data source to come (docs/moving-from-nexhealth.md); null where none are. */
async function chooseType(tx: Tenant, wanted: string | undefined): Promise<string | null> {
  if (wanted !== undefined) {
    if ((await listTypedSources(tx)).some(({ foreign_id_type: borne }) => borne === wanted))
      throw new Failure('invalid_request', `Another data source bears the foreign_id_type ${wanted} already.`)
    return wanted
  }
  const [only, ...others] = await listUnclaimedTypes(tx)
  if (others.length > 0)
    throw new Failure(
      'invalid_request',
      `Ids are kept for ${[only, ...others].join(' and ')}: say whose this data source is with ./slotbridge source add --foreign-id-type.`,
    )
  return only ?? null
}

const columns = sql`id, name, connector, foreign_id_type, configuration_sealed, capabilities, poll_seconds,
  window_days_ahead, window_days_back, window_seconds, directory_seconds, cursor, read_again, marks, loaded_at, directory_read_at,
  window_read_at, pull_started_at, pull_completed_at, read_status, write_status, writing_stopped_at,
  requests_per_second`

type Row = Omit<DataSource, 'configuration'> & { configuration_sealed: Buffer }

function unseal(tx: Tenant, { configuration_sealed, ...row }: Row): DataSource {
  return { ...row, configuration: tx.open(configuration_sealed) }
}

export async function findDataSource(tx: Tenant, id: number): Promise<DataSource | null> {
  const { rows } = await sql<Row>`select ${columns} from data_sources
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
  return rows[0] ? unseal(tx, rows[0]) : null
}

/** Whose data source it is; null where there is none. Asks as the work role, which sees ids of all of them and no more. */
export async function institutionOfSource({ db }: WorkTransaction, id: number): Promise<number | null> {
  const { rows } = await sql<{ institution_id: number }>`
    select institution_id from data_sources where id = ${id}`.execute(db)
  return rows[0]?.institution_id ?? null
}

export async function listDataSources(tx: Tenant): Promise<DataSource[]> {
  const { rows } = await sql<Row>`select ${columns} from data_sources
    where institution_id = ${tx.institutionId} order by id`.execute(tx.db)
  return rows.map((row) => unseal(tx, row))
}

/** Changes the name, configuration or pace of a data source and has it pulled at once. */
export async function updateDataSource(
  tx: Tenant,
  id: number,
  change: {
    name?: string | undefined
    configuration?: unknown
    pollSeconds?: number | undefined
    /** Null: no limit. */
    requestsPerSecond?: number | null | undefined
  },
): Promise<void> {
  const configuration = change.configuration === undefined ? null : tx.seal(change.configuration)
  await sql`update data_sources set name = coalesce(${change.name ?? null}, name),
    configuration_sealed = coalesce(${configuration}, configuration_sealed),
    poll_seconds = coalesce(${change.pollSeconds ?? null}::int, poll_seconds),
    requests_per_second = case when ${change.requestsPerSecond === undefined} then requests_per_second
      else ${change.requestsPerSecond ?? null}::float8 end, updated_at = app_now()
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
  await wakeUnit(tx, 'pull', id)
}

/** Has a unit of a data source run as soon as a worker is free. */
export async function wakeUnit(tx: Tenant, kind: 'pull' | 'push', dataSourceId: number): Promise<void> {
  await sql`insert into wakes (work_id) select id from work where kind = ${kind}
    and institution_id = ${tx.institutionId} and subject_id = ${dataSourceId}`.execute(tx.db)
}

/** Has everything of a data source read again from the start, by a pull that begins after this commit. */
export async function readAgain(tx: Tenant, dataSourceId: number): Promise<void> {
  await savePullProgress(tx, dataSourceId, { read_again: true })
  await wakeUnit(tx, 'pull', dataSourceId)
}

/** Now, by the database's clock and the test offset. */
export async function now(tx: Tenant): Promise<Instant> {
  const { rows } = await sql<{ now: Instant }>`select app_now() as now`.execute(tx.db)
  const at = rows[0]?.now
  if (at === undefined) throw new Error('the database did not say what time it is')
  return at
}

/** Keeps what the probe found. */
export async function saveProbe(
  tx: Tenant,
  id: number,
  probe: { capabilities: SourceCapabilities; marks: Record<string, number> },
): Promise<void> {
  await sql`update data_sources set capabilities = ${JSON.stringify(probe.capabilities)}::jsonb,
    marks = ${JSON.stringify(probe.marks)}::jsonb
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
}

/** Raises high-water marks to what a page showed; never lowers one. */
export async function raiseMarks(tx: Tenant, id: number, marks: Record<string, number>): Promise<void> {
  await sql`update data_sources set marks = marks || coalesce((select jsonb_object_agg(key, value)
      from jsonb_each(${JSON.stringify(marks)}::jsonb)
      where (value)::numeric > coalesce((marks -> key)::numeric, 0)), '{}')
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
}

/** Notes how far a pull has come; only the given columns change. */
export async function savePullProgress(
  tx: Tenant,
  id: number,
  progress: {
    cursor?: string | null
    read_again?: boolean
    pull_started_at?: Instant
    pull_completed_at?: Instant
    directory_read_at?: Instant
    window_read_at?: Instant | null
    loaded_at?: Instant
    writing_stopped_at?: Instant | null
    restored_at?: Instant
  },
): Promise<void> {
  if (Object.keys(progress).length === 0) return
  await tx.db
    .updateTable('data_sources')
    .set(progress)
    .where('institution_id', '=', tx.institutionId)
    .where('id', '=', id)
    .execute()
}

/**
 * Sets a direction's status, and notes where it turned. The instant moves with every call, so that it says when the
 * record system was last reached (green) or since when it is not (red stays at its first instant).
 */
export async function setStatus(
  tx: Tenant,
  id: number,
  direction: 'read' | 'write',
  status: 'green' | 'red',
  reason: string | null,
): Promise<void> {
  const now = direction === 'read' ? sql`read_status` : sql`write_status`
  const at = direction === 'read' ? sql`read_status_at` : sql`write_status_at`
  const why = direction === 'read' ? sql`read_reason` : sql`write_reason`
  const { rows } = await sql<{ turned: boolean }>`
    with before as (select id, ${now} as status from data_sources
      where institution_id = ${tx.institutionId} and id = ${id} for no key update)
    update data_sources d set ${now} = ${status}, ${why} = ${reason},
      ${at} = case when ${status} = 'red' and b.status = 'red' then d.${at} else app_now() end
    from before b where d.institution_id = ${tx.institutionId} and d.id = b.id
    returning b.status <> ${status} as turned`.execute(tx.db)
  if (rows[0]?.turned) noteTurned(tx, id, direction)
}

/** Where a row that is set aside does not even tell its key. */
const WITHOUT_ID = 'unknown'

/** Keeps a row that could not be read, sealed, with its reason; a later good reading of it takes it away. */
export async function setAside(
  tx: Tenant,
  dataSourceId: number,
  { noun, foreignId, reason, raw }: SetAsideRecord,
): Promise<void> {
  await sql`insert into set_aside (institution_id, data_source_id, noun, foreign_id, reason, raw_sealed)
    values (${tx.institutionId}, ${dataSourceId}, ${noun}, ${foreignId ?? WITHOUT_ID}, ${reason}, ${tx.seal(raw)})
    on conflict (institution_id, data_source_id, noun, foreign_id)
    do update set reason = excluded.reason, raw_sealed = excluded.raw_sealed`.execute(tx.db)
}

/** Foreign ids of the appointments that are set aside and have one, oldest first. */
export async function listAppointmentsAside(tx: Tenant, dataSourceId: number): Promise<string[]> {
  const { rows } = await sql<{ foreign_id: string }>`select foreign_id from set_aside
    where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId} and noun = 'appointment'
      and foreign_id <> ${WITHOUT_ID} order by id`.execute(tx.db)
  return rows.map((row) => row.foreign_id)
}

/** Takes rows back from aside that were read well since, or are gone. */
export async function clearAside(
  tx: Tenant,
  dataSourceId: number,
  noun: string,
  foreignIds: string[],
): Promise<void> {
  await sql`delete from set_aside where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
    and noun = ${noun} and foreign_id = any(${foreignIds}::text[])`.execute(tx.db)
}
