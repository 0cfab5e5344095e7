/** Subscriptions: which events of which institution an endpoint is told, and in which version's shape. */
import { sql } from 'kysely'
import type { Global } from '../db/database.ts'
import type { EventName } from '../model/events.ts'
import type { Instant } from '../model/time.ts'

export interface SubscriptionRow {
  id: number
  webhook_endpoint_id: number
  institution_id: number | null
  resource_type: string
  event: string
  active: boolean
  created_at: Instant
  updated_at: Instant
}

export interface NewSubscription {
  endpointId: number
  /** Null for onboardings. */
  institutionId: number | null
  resourceType: string
  event: string
  names: EventName[]
  version: 'v2' | 'v3'
  active: boolean
}

const columns = sql`s.id, s.endpoint_id as webhook_endpoint_id, s.institution_id, s.resource_type, s.event, s.active,
  s.created_at, s.updated_at`

/** Makes a subscription; null where the endpoint has the same one already. */
export async function createSubscription(
  tx: Global,
  wanted: NewSubscription,
): Promise<SubscriptionRow | null> {
  const { rows } = await sql<SubscriptionRow>`
    insert into webhook_subscriptions as s (endpoint_id, institution_id, resource_type, event, names, version, active)
    values (${wanted.endpointId}, ${wanted.institutionId}, ${wanted.resourceType}, ${wanted.event}, ${wanted.names},
      ${wanted.version}, ${wanted.active})
    on conflict on constraint webhook_subscription_taken do nothing returning ${columns}`.execute(tx.db)
  return rows[0] ?? null
}

export interface SubscriptionFilter {
  endpointId: number
  /** Only of this institution; undefined: also those of none. */
  institutionId?: number | undefined
  /** Only of these institutions, and of none; null: no narrowing. */
  within: number[] | null
}

/** The subscriptions of an endpoint in the order of their ids. */
export async function listSubscriptions(tx: Global, f: SubscriptionFilter): Promise<SubscriptionRow[]> {
  const { rows } = await sql<SubscriptionRow>`select ${columns} from webhook_subscriptions s
    where s.endpoint_id = ${f.endpointId}
      and (${f.institutionId ?? null}::bigint is null or s.institution_id = ${f.institutionId ?? null})
      and (${f.within}::bigint[] is null or s.institution_id is null or s.institution_id = any(${f.within}::bigint[]))
    order by s.id limit 10000`.execute(tx.db)
  return rows
}

export async function findSubscription(
  tx: { db: Global['db'] },
  endpointId: number,
  id: number,
): Promise<SubscriptionRow | null> {
  const { rows } = await sql<SubscriptionRow>`select ${columns} from webhook_subscriptions s
    where s.id = ${id} and s.endpoint_id = ${endpointId}`.execute(tx.db)
  return rows[0] ?? null
}

/** Changes what is given; answers null where the other endpoint has the same subscription already. */
export async function updateSubscription(
  tx: { db: Global['db'] },
  id: number,
  change: { active?: boolean | undefined; endpointId?: number | undefined },
): Promise<SubscriptionRow | null> {
  const { rows } = await sql<SubscriptionRow>`
    update webhook_subscriptions s set active = coalesce(${change.active ?? null}, s.active), updated_at = app_now(),
      endpoint_id = coalesce(${change.endpointId ?? null}, s.endpoint_id)
    where s.id = ${id} and not exists (select from webhook_subscriptions o where o.id <> s.id
      and o.endpoint_id = ${change.endpointId ?? null} and o.institution_id is not distinct from s.institution_id
      and o.resource_type = s.resource_type and o.event = s.event)
    returning ${columns}`.execute(tx.db)
  return rows[0] ?? null
}

export async function deleteSubscription(tx: Global, id: number): Promise<void> {
  await sql`delete from webhook_subscriptions where id = ${id}`.execute(tx.db)
}
