/** What a check-up asks of the database: how it is set, who we are in it, and what got stuck. */
import { sql } from 'kysely'
import type { Global, Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

export interface ServerFacts {
  /** As a number, such as 180004. */
  version: number
  version_text: string
  fsync: string
  synchronous_commit: string
  full_page_writes: string
  login: string
  /** Roles of ours that the login may take on. */
  roles: string[]
  /** Of the database's clock, without the test offset; epoch ms. */
  clock_ms: number
  test_offset_ms: number
}

export async function readServerFacts({ db }: Global): Promise<ServerFacts> {
  const { rows } = await sql<ServerFacts>`
    select current_setting('server_version_num')::int as version, current_setting('server_version') as version_text,
      current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit,
      current_setting('full_page_writes') as full_page_writes, session_user::text as login,
      array(select rolname::text from pg_roles where rolname like 'slotbridge\\_%'
        and pg_has_role(session_user, oid, 'member') order by 1) as roles,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as clock_ms,
      (select offset_ms from test_clock) as test_offset_ms`.execute(db)
  if (!rows[0]) throw new Error('the database did not say how it is set')
  return rows[0]
}

/** A statement with a parameter, and thus a name where statements are prepared. */
export async function tryNamedStatement({ db }: Global): Promise<void> {
  await sql`select ${1}::int as doctor`.execute(db)
}

export interface DeadEndpoint {
  id: number
  failing_since: Instant | null
  paused_at: Instant | null
}

/** Endpoints that we paused, or that have failed for longer than an hour. Their addresses stay here: they may hold a secret. */
export async function listDeadEndpoints({ db }: Global): Promise<DeadEndpoint[]> {
  const { rows } = await sql<DeadEndpoint>`
    select id, failing_since, paused_at from webhook_endpoints
    where paused_at is not null or (active and failing_since < app_now() - interval '1 hour')
    order by id limit 1000`.execute(db)
  return rows
}

/** Open writes of a data source that are older than `seconds`, and those that wait for a person. */
export async function countStuckWrites(
  tx: Tenant,
  dataSourceId: number,
  seconds: number,
): Promise<{ stuck: number; undecided: number }> {
  const { rows } = await sql<{ stuck: number; undecided: number }>`
    select count(*) filter (where state <> 'needs_decision'
        and created_at < app_now() - ${seconds} * interval '1 second') as stuck,
      count(*) filter (where state = 'needs_decision') as undecided
    from writes where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
      and ended_at is null`.execute(tx.db)
  return rows[0] ?? { stuck: 0, undecided: 0 }
}

/** Why rows of a data source are set aside, most frequent first. */
export async function countAsideByReason(
  tx: Tenant,
  dataSourceId: number,
): Promise<{ noun: string; reason: string; count: number }[]> {
  const { rows } = await sql<{ noun: string; reason: string; count: number }>`
    select noun, reason, count(*) as count from set_aside
    where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
    group by noun, reason order by count(*) desc, noun, reason limit 10`.execute(tx.db)
  return rows
}
