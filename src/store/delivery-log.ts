/** The log of deliveries: what was told, how it went, and asking for it once more. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

export interface ShownDelivery {
  id: number
  institution_id: number
  webhook_endpoint_id: number
  webhook_subscription_id: number
  event_id: number
  /** Null where the event was retired. */
  event_name: string | null
  state: 'pending' | 'delivered' | 'dead' | 'withdrawn' | 'expired'
  attempts: number
  response_status: number | null
  error: string | null
  duration_ms: number | null
  last_attempt_at: Instant | null
  /** Of what is pending; what waits behind another of its lane is attempted after that. */
  next_attempt_at: Instant | null
  ended_at: Instant | null
  created_at: Instant
}

export interface ShownAttempt {
  number: number
  started_at: Instant
  duration_ms: number
  response_status: number | null
  error: string | null
  /** The first kilobyte at most. */
  answer: string | null
}

export interface DeliveryFilter {
  accountId: number | null
  id?: number | undefined
  endpointId?: number | undefined
  state?: string | undefined
  appointmentId?: number | undefined
  start?: Instant | undefined
  end?: Instant | undefined
}

/** Endpoints of the account, or (null) all of them. */
function endpointsOf(accountId: number | null) {
  return sql`(${accountId}::bigint is null or exists (select from webhook_endpoints p
    where p.id = d.endpoint_id and p.account_id = ${accountId}))`
}

/** Deliveries, the newest first. `before` is the id to go on from. */
export async function listDeliveries(
  tx: Tenant,
  f: DeliveryFilter,
  page: { limit: number; before?: number | undefined },
): Promise<ShownDelivery[]> {
  const lane = f.appointmentId === undefined ? null : `Appointment/${f.appointmentId}`
  const { rows } = await sql<ShownDelivery>`
    select d.id, d.institution_id, d.endpoint_id as webhook_endpoint_id, d.subscription_id as webhook_subscription_id,
      d.event_id, e.name as event_name, d.state, d.attempts, d.response_status, d.error, d.duration_ms,
      d.last_attempt_at, case when d.state = 'pending' then l.next_attempt_at end as next_attempt_at, d.ended_at,
      d.created_at
    from deliveries d
    left join events e on e.institution_id = d.institution_id and e.id = d.event_id
    left join delivery_lanes l on l.institution_id = d.institution_id and l.endpoint_id = d.endpoint_id
      and l.lane = d.lane
    where d.institution_id = ${tx.institutionId} and ${endpointsOf(f.accountId)}
      and d.id < ${page.before ?? Number.MAX_SAFE_INTEGER}
      and (${f.id ?? null}::bigint is null or d.id = ${f.id ?? null})
      and (${f.endpointId ?? null}::bigint is null or d.endpoint_id = ${f.endpointId ?? null})
      and (${f.state ?? null}::text is null or d.state = ${f.state ?? null})
      and (${lane}::text is null or d.lane = ${lane})
      and (${f.start ?? null}::timestamptz is null or d.created_at >= ${f.start ?? null})
      and (${f.end ?? null}::timestamptz is null or d.created_at <= ${f.end ?? null})
    order by d.id desc limit ${page.limit}`.execute(tx.db)
  return rows
}

/** Every attempt of a delivery in order, at most 200. */
export async function listAttempts(tx: Tenant, deliveryId: number): Promise<ShownAttempt[]> {
  const { rows } = await sql<Omit<ShownAttempt, 'answer'> & { answer_sealed: Buffer | null }>`
    select number, started_at, duration_ms, response_status, error, answer_sealed from delivery_attempts
    where institution_id = ${tx.institutionId} and delivery_id = ${deliveryId} order by id limit 200`.execute(
    tx.db,
  )
  return rows.map(({ answer_sealed: sealed, ...attempt }) => ({
    ...attempt,
    answer: sealed && String(tx.open(sealed)),
  }))
}

export interface Replay {
  accountId: number | null
  ids?: number[] | undefined
  endpointId?: number | undefined
  /** Deliveries made in this time. */
  start?: Instant | undefined
  end?: Instant | undefined
  /** Which of them: those that did not get through, or the delivered ones too. */
  states: ShownDelivery['state'][]
}

/**
 * Owes deliveries once more, under their old ids and in their old order, with every retry anew; what is pending is left as it
 * is. At most `limit`, the oldest first.
 * @returns the ids, and the endpoints to wake
 */
export async function replayDeliveries(
  tx: Tenant,
  replay: Replay,
  limit: number,
): Promise<{ ids: number[]; endpointIds: number[] }> {
  const { rows } = await sql<{ id: number; endpoint_id: number }>`
    with chosen as (
      select d.id from deliveries d where d.institution_id = ${tx.institutionId} and ${endpointsOf(replay.accountId)}
        and d.state = any(${replay.states}::text[]) and d.state <> 'pending'
        and (${replay.ids ?? null}::bigint[] is null or d.id = any(${replay.ids ?? null}::bigint[]))
        and (${replay.endpointId ?? null}::bigint is null or d.endpoint_id = ${replay.endpointId ?? null})
        and (${replay.start ?? null}::timestamptz is null or d.created_at >= ${replay.start ?? null})
        and (${replay.end ?? null}::timestamptz is null or d.created_at <= ${replay.end ?? null})
        and exists (select from webhook_endpoints p where p.id = d.endpoint_id)
      order by d.id limit ${limit}),
    again as (
      update deliveries d set state = 'pending', tries = 0, first_attempt_at = null, ended_at = null
      from chosen c where d.institution_id = ${tx.institutionId} and d.id = c.id
      returning d.id, d.endpoint_id, d.lane),
    lanes as (
      insert into delivery_lanes (institution_id, endpoint_id, lane)
      select distinct ${tx.institutionId}::bigint, endpoint_id, lane from again order by endpoint_id, lane
      on conflict (institution_id, endpoint_id, lane) do update set next_attempt_at = app_now()),
    woken as (
      insert into wakes (work_id) select w.id from work w
      where w.kind = 'deliver' and w.institution_id is null and w.subject_id in (select endpoint_id from again))
    select id, endpoint_id from again order by id`.execute(tx.db)
  return {
    ids: rows.map((row) => row.id),
    endpointIds: [...new Set(rows.map((row) => row.endpoint_id))],
  }
}

/** The institution of a delivery, for a path that names its id alone; null where there is none. */
export async function institutionOfDelivery(
  tx: { db: Tenant['db'] },
  deliveryId: number,
): Promise<number | null> {
  const { rows } = await sql<{
    id: number | null
  }>`select institution_of_delivery(${deliveryId}) as id`.execute(tx.db)
  return rows[0]?.id ?? null
}
