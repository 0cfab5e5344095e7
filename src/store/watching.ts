/** How the whole installation is doing, as the work role may see it: ids, states and ages, nothing of the practice. */
import { sql } from 'kysely'
import type { Global, WorkTransaction } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

/** Statements of this transaction are ended by PostgreSQL after `ms` milliseconds: who watches must not weigh on what is watched. */
export async function limitTime({ db }: WorkTransaction | Global, ms: number): Promise<void> {
  await sql`select set_config('statement_timeout', ${String(ms)}, true)`.execute(db)
}

export interface SourceHealth {
  id: number
  institution_id: number
  read_status: 'green' | 'red'
  write_status: 'green' | 'red'
  writing_stopped: boolean
  /** When the last pull that completed began; null before the first. */
  data_as_of: Instant | null
  /** Seconds since then, or since the data source was added. */
  lag_seconds: number
  poll_seconds: number
  set_aside: number
}

/** Every data source of every institution, in the order of their ids. */
export async function listSourceHealth({ db }: WorkTransaction, limit: number): Promise<SourceHealth[]> {
  const { rows } = await sql<SourceHealth>`
    select d.id, d.institution_id, d.read_status, d.write_status, d.writing_stopped_at is not null as writing_stopped,
      d.pull_started_at as data_as_of, d.poll_seconds, coalesce(a.n, 0) as set_aside,
      extract(epoch from app_now() - coalesce(d.pull_started_at, d.created_at))::float8 as lag_seconds
    from data_sources d
    left join (select institution_id, data_source_id, count(*) as n from set_aside group by 1, 2) a
      on a.institution_id = d.institution_id and a.data_source_id = d.id
    order by d.id limit ${limit}`.execute(db)
  return rows
}

export interface OpenWrites {
  state: string
  count: number
  /** Age of the oldest. */
  oldest_seconds: number
}

/** The writes that have not ended, by state; a state without any is not there. */
export async function countOpenWrites({ db }: WorkTransaction): Promise<OpenWrites[]> {
  const { rows } = await sql<OpenWrites>`
    select state, count(*) as count, extract(epoch from app_now() - min(created_at))::float8 as oldest_seconds
    from writes where ended_at is null group by state order by state`.execute(db)
  return rows
}

export interface Backlog {
  due: number
  /** How long the oldest has been due; 0 where none is. */
  oldest_seconds: number
}

/** Lanes of webhooks that are due, over all endpoints. */
export async function readWebhookBacklog({ db }: WorkTransaction): Promise<Backlog> {
  const { rows } = await sql<Backlog>`
    select count(*) as due, coalesce(extract(epoch from app_now() - min(next_attempt_at)), 0)::float8 as oldest_seconds
    from delivery_lanes where next_attempt_at <= app_now()`.execute(db)
  return rows[0] ?? { due: 0, oldest_seconds: 0 }
}

export interface LateWork {
  kind: string
  /** Due for longer than `afterSeconds` with no holder. */
  late: number
  /** Failed last time. */
  failing: number
}

/** Units of work that nobody took up in time, and those that fail, by kind; every kind that there is. */
export async function countLateWork({ db }: WorkTransaction, afterSeconds: number): Promise<LateWork[]> {
  const { rows } = await sql<LateWork>`
    select kind, count(*) filter (where run_at < app_now() - ${afterSeconds} * interval '1 second'
        and (leased_until is null or leased_until < clock_timestamp())) as late,
      count(*) filter (where failures > 0) as failing
    from work group by kind order by kind`.execute(db)
  return rows
}

/** The highest migration that the database has. */
export async function readSchemaNumber({ db }: Global): Promise<number> {
  const { rows } = await sql<{
    number: number | null
  }>`select max(number) as number from schema_migrations`.execute(db)
  return rows[0]?.number ?? 0
}
