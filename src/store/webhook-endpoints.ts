/** Webhook endpoints: where an account is told. Secrets are sealed under the master key and leave once. */
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Global, Tenant, WorkTransaction } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

const SECRET_BYTES = 32

export interface EndpointRow {
  id: number
  account_id: number
  target_url: string
  active: boolean
  failing_since: Instant | null
  paused_at: Instant | null
  /** Deliveries retired before they succeeded, since the owner was last told. */
  fell_out: number
  created_at: Instant
  updated_at: Instant
}

/** What a delivery needs of its endpoint. */
export interface OpenEndpoint {
  id: number
  account_id: number
  target_url: string
  active: boolean
  failing_since: Instant | null
  resumed_at: Instant
  /** When this was read, by `app_now()`. */
  now: Instant
  secret: string
  /** Still signs beside it; null where none does. */
  previous_secret: string | null
}

const columns = sql`p.id, p.account_id, p.target_url, p.active, p.failing_since, p.paused_at, p.fell_out, p.created_at,
  p.updated_at`

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex')
}

/** Makes an endpoint and its unit of work; answers the secret, this once. */
export async function createEndpoint(
  tx: Global,
  wanted: { accountId: number; targetUrl: string; active: boolean },
): Promise<{ id: number; secret: string }> {
  const secret = newSecret()
  const { rows } = await sql<{ id: number }>`
    with made as (
      insert into webhook_endpoints (account_id, target_url, active, secret_sealed)
      values (${wanted.accountId}, ${wanted.targetUrl}, ${wanted.active}, ${tx.seal(secret)}) returning id),
    unit as (insert into work (kind, subject_id, run_at) select 'deliver', id, 'infinity' from made)
    select id from made`.execute(tx.db)
  const [row] = rows
  if (!row) throw new Error('the endpoint was not made')
  return { id: row.id, secret }
}

/** Endpoints of an account, or (null) of all, in the order of their ids; at most `limit`. */
export async function listEndpoints(
  tx: Global,
  filter: { accountId: number | null; active?: boolean | undefined },
  limit = 1000,
): Promise<EndpointRow[]> {
  const { rows } = await sql<EndpointRow>`select ${columns} from webhook_endpoints p
    where (${filter.accountId}::bigint is null or p.account_id = ${filter.accountId})
      and (${filter.active ?? null}::boolean is null or p.active = ${filter.active ?? null})
    order by p.id limit ${limit}`.execute(tx.db)
  return rows
}

/** The account's endpoint; null where it has none of this id. */
export async function findEndpoint(
  tx: { db: Global['db'] },
  accountId: number,
  id: number,
): Promise<EndpointRow | null> {
  const { rows } = await sql<EndpointRow>`select ${columns} from webhook_endpoints p
    where p.id = ${id} and p.account_id = ${accountId}`.execute(tx.db)
  return rows[0] ?? null
}

/** Whether anything at this endpoint is subscribed for an institution outside of `institutionIds`. */
export async function servesOthers(tx: Global, id: number, institutionIds: number[]): Promise<boolean> {
  const { rows } = await sql`select from webhook_subscriptions s where s.endpoint_id = ${id}
    and s.institution_id is not null and s.institution_id <> all(${institutionIds}::bigint[]) limit 1`.execute(
    tx.db,
  )
  return rows.length > 0
}

export interface EndpointChange {
  targetUrl?: string | undefined
  active?: boolean | undefined
}

/**
 * Changes what is given. One that was not active and becomes so begins every retry anew, and forgets what fell out: whoever
 * calls has read and told that.
 * @returns whether it was resumed by this
 */
export async function updateEndpoint(tx: Global, id: number, change: EndpointChange): Promise<boolean> {
  const { rows } = await sql<{ resumed: boolean }>`
    with old as (select id, active from webhook_endpoints where id = ${id} for update)
    update webhook_endpoints p set target_url = coalesce(${change.targetUrl ?? null}, p.target_url),
      active = coalesce(${change.active ?? null}, p.active), updated_at = app_now(),
      failing_since = case when (${change.active ?? null}::boolean and not old.active)
        or p.target_url <> ${change.targetUrl ?? null} then null else p.failing_since end,
      paused_at = case when ${change.active ?? null}::boolean then null else p.paused_at end,
      resumed_at = case when ${change.active ?? null}::boolean and not old.active then app_now() else p.resumed_at end,
      fell_out = case when ${change.active ?? null}::boolean and not old.active then 0 else p.fell_out end
    from old where p.id = old.id
    returning p.active and not old.active as resumed`.execute(tx.db)
  return rows[0]?.resumed ?? false
}

/**
 * Gives a new secret and answers it, this once. The old one signs beside it for a day, unless `atOnce`.
 */
export async function rotateSecret(tx: Global, id: number, atOnce: boolean): Promise<string> {
  const secret = newSecret()
  await sql`
    update webhook_endpoints set secret_sealed = ${tx.seal(secret)}, updated_at = app_now(),
      previous_secret_sealed = case when ${atOnce} then null else secret_sealed end,
      previous_until = case when ${atOnce} then null else app_now() + interval '1 day' end
    where id = ${id}`.execute(tx.db)
  return secret
}

/** Takes an endpoint away, with its subscriptions. */
export async function deleteEndpoint(tx: Global, id: number): Promise<void> {
  await sql`delete from webhook_endpoints where id = ${id}`.execute(tx.db)
}

/** Takes away its unit of work and what it was owed when; whoever holds the unit commits nothing more under it. */
export async function deleteEndpointUnit({ db }: WorkTransaction, id: number): Promise<void> {
  // The unit first, as every holder takes them: it locks the unit, then lanes.
  await sql`delete from work where kind = 'deliver' and subject_id = ${id}`.execute(db)
  await sql`delete from delivery_lanes where endpoint_id = ${id}`.execute(db)
}

/** Everything the endpoint is owed is due now: it was made active again, or asked for once more. */
export async function hurryLanes({ db }: WorkTransaction, endpointId: number): Promise<void> {
  await sql`
    with mine as (select institution_id, lane from delivery_lanes where endpoint_id = ${endpointId}
      order by institution_id, lane for update)
    update delivery_lanes l set next_attempt_at = app_now() from mine m
    where l.endpoint_id = ${endpointId} and l.institution_id = m.institution_id and l.lane = m.lane`.execute(
    db,
  )
  await sql`insert into wakes (work_id) select id from work where kind = 'deliver' and subject_id = ${endpointId}`.execute(
    db,
  )
}

/**
 * An endpoint with its secrets; null where it is gone.
 * @param open decrypts under the master key, whatever the transaction's own key is
 */
export async function openEndpoint(
  tx: { db: Global['db'] },
  id: number,
  open: (sealed: Buffer) => string,
): Promise<OpenEndpoint | null> {
  const { rows } = await sql<
    Omit<OpenEndpoint, 'secret' | 'previous_secret'> & {
      secret_sealed: Buffer
      previous_sealed: Buffer | null
    }
  >`
    select p.id, p.account_id, p.target_url, p.active, p.failing_since, p.resumed_at, app_now() as now, p.secret_sealed,
      case when p.previous_until > app_now() then p.previous_secret_sealed end as previous_sealed
    from webhook_endpoints p where p.id = ${id}`.execute(tx.db)
  const [row] = rows
  if (!row) return null
  const { secret_sealed: current, previous_sealed: previous, ...rest } = row
  return {
    ...rest,
    secret: open(current),
    previous_secret: previous && open(previous),
  }
}

/** Counts deliveries whose event was retired before they got through; its owner is told when it is made active. */
export async function noteExpired(tx: Tenant, id: number, count: number): Promise<void> {
  await sql`update webhook_endpoints set fell_out = fell_out + ${count} where id = ${id}`.execute(tx.db)
}

/**
 * Writes down how a batch of attempts went, in the transaction that settles them: any success ends a failing time, a failure
 * begins one, and one that has lasted for `pauseMs` pauses the endpoint.
 * @param failed when the first attempt of the batch began, where none succeeded; null where any did
 */
export async function noteHealth(
  tx: Tenant,
  id: number,
  { failed, pauseMs }: { failed: Instant | null; pauseMs: number },
): Promise<void> {
  if (failed === null) {
    await sql`update webhook_endpoints set failing_since = null
      where id = ${id} and failing_since is not null`.execute(tx.db)
    return
  }
  const isOver = sql`coalesce(failing_since <= app_now() - ${pauseMs} * interval '1 millisecond', false)`
  await sql`
    update webhook_endpoints set failing_since = coalesce(failing_since, ${failed}), active = not ${isOver},
      paused_at = case when ${isOver} then app_now() end
    where id = ${id} and active and (failing_since is null or ${isOver})`.execute(tx.db)
}
