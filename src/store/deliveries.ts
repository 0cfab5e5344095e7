/**
 * Deliveries: made from positioned events for the subscriptions that match, and settled as their attempts went. A lane is what
 * keeps its order (one subject of one endpoint); `delivery_lanes` has a row for each that is owed something.
 */
import { sql } from 'kysely'
import type { Tenant, WorkTransaction } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

/** Institutions whose positioned events have not all been fanned out. */
export async function listUnfanned({ db }: WorkTransaction): Promise<number[]> {
  const { rows } = await sql<{ institution_id: number }>`
    select institution_id from event_progress where fanned_out < positioned order by institution_id limit 1000`.execute(
    db,
  )
  return rows.map((row) => row.institution_id)
}

/** An event of a request that was traced. */
export interface TracedEvent {
  id: number
  name: string
  traceparent: string
  created_at: Instant
}

/**
 * Makes the deliveries of the next positioned events and wakes their endpoints. The progress moves in the same transaction, so
 * that each event is fanned out once whatever crashes. An inactive endpoint is owed too; an inactive subscription is not.
 * @param limit most events at once
 * @returns whether more are waiting, whether any endpoint is now owed something, and those of a trace
 */
export async function fanOut(
  tx: Tenant,
  limit: number,
): Promise<{ more: boolean; owed: boolean; traced: TracedEvent[] }> {
  const locked = await sql<{ positioned: number; fanned_out: number }>`
    select positioned, fanned_out from event_progress where institution_id = ${tx.institutionId} for update`.execute(
    tx.db,
  )
  const [progress] = locked.rows
  if (!progress || progress.fanned_out >= progress.positioned) return { more: false, owed: false, traced: [] }
  const { rows } = await sql<{ last: number | null; n: number; made: number; traced: TracedEvent[] }>`
    with told as (
      select o.event_id, o.position, e.name, e.traceparent, e.created_at, e.resource_type || '/' || coalesce(e.subject_id, 0) as lane
      from event_order o join events e on e.institution_id = o.institution_id and e.id = o.event_id
      where o.institution_id = ${tx.institutionId} and o.position > ${progress.fanned_out}
        and o.position <= ${progress.positioned}
      order by o.position limit ${limit}),
    made as (
      insert into deliveries (institution_id, endpoint_id, subscription_id, event_id, position, lane)
      select s.institution_id, s.endpoint_id, s.id, t.event_id, t.position, t.lane
      from webhook_subscriptions s join webhook_endpoints p on p.id = s.endpoint_id
      join account_institutions a on a.account_id = p.account_id and a.institution_id = s.institution_id
      join told t on t.name = any(s.names)
      where s.institution_id = ${tx.institutionId} and s.active
      order by t.position, s.id returning endpoint_id, lane),
    lanes as (
      insert into delivery_lanes (institution_id, endpoint_id, lane)
      select distinct ${tx.institutionId}::bigint, endpoint_id, lane from made order by endpoint_id, lane
      -- Locks a lane that is there: whoever settles it now sees these when its turn comes, and keeps it.
      on conflict (institution_id, endpoint_id, lane) do update set next_attempt_at = delivery_lanes.next_attempt_at),
    woken as (
      insert into wakes (work_id) select w.id from work w
      where w.kind = 'deliver' and w.institution_id is null and w.subject_id in (select endpoint_id from made))
    select (select max(position) from told) as last, (select count(*) from told) as n, (select count(*) from made) as made,
      (select coalesce(jsonb_agg(jsonb_build_object('id', event_id, 'name', name, 'traceparent', traceparent,
          'created_at', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))), '[]')
        from told where traceparent is not null) as traced`.execute(tx.db)
  const [done] = rows
  const more = (done?.n ?? 0) >= limit
  const reached = more && done?.last ? done.last : progress.positioned
  await sql`update event_progress set fanned_out = ${reached} where institution_id = ${tx.institutionId}`.execute(
    tx.db,
  )
  return { more, owed: (done?.made ?? 0) > 0, traced: done?.traced ?? [] }
}

export interface LaneKey {
  institution_id: number
  lane: string
}

/** What an endpoint's lanes owe: those that are due, and when the first of the others will be. */
export interface Due {
  lanes: LaneKey[]
  later: Instant | null
}

/** The endpoint's lanes that are due, but for those of `except`; those that waited longest first. */
export async function listDueLanes(
  { db }: WorkTransaction,
  endpointId: number,
  limit: number,
  except: LaneKey[],
): Promise<Due> {
  const { rows } = await sql<{ institution_id: number | null; lane: string | null; later: Instant | null }>`
    select l.institution_id, l.lane, n.later from (
      select min(next_attempt_at) as later from delivery_lanes
      where endpoint_id = ${endpointId} and next_attempt_at > app_now()) n
    left join lateral (
      select institution_id, lane from delivery_lanes
      where endpoint_id = ${endpointId} and next_attempt_at <= app_now() and (institution_id, lane) not in (
        select * from unnest(${except.map((key) => key.institution_id)}::bigint[], ${except.map((key) => key.lane)}::text[]))
      order by next_attempt_at limit ${limit}) l on true`.execute(db)
  const lanes = rows.flatMap(({ institution_id, lane }) =>
    institution_id === null || lane === null ? [] : [{ institution_id, lane }],
  )
  return { lanes, later: rows[0]?.later ?? null }
}

/** The oldest pending delivery of a lane, with what is to be told. */
export interface Head {
  id: number
  lane: string
  subscription_id: number
  tries: number
  first_attempt_at: Instant | null
  /** Null where the subscription is gone or inactive, or the account may no longer see the institution. */
  version: 'v2' | 'v3' | null
  subdomain: string
  /** Null where it was retired. */
  event: {
    id: number
    position: number
    name: string
    resource_type: string
    created_at: Instant
    body: Record<string, unknown>
    /** Of what it tells, where that was traced. */
    traceparent: string | null
  } | null
}

interface HeadRow extends Omit<Head, 'event'> {
  event_id: number
  position: number
  name: string | null
  resource_type: string
  created_at: Instant
  body_sealed: Buffer
  traceparent: string | null
}

/** Reads the heads of lanes; a lane that is owed nothing has none. */
export async function listHeads(tx: Tenant, endpointId: number, lanes: string[]): Promise<Head[]> {
  const { rows } = await sql<HeadRow>`
    select d.id, d.lane, d.subscription_id, d.tries, d.first_attempt_at, d.event_id, d.position, i.subdomain,
      e.name, e.resource_type, e.created_at, e.body_sealed, e.traceparent,
      (select s.version from webhook_subscriptions s join webhook_endpoints p on p.id = ${endpointId}
        join account_institutions a on a.account_id = p.account_id and a.institution_id = ${tx.institutionId}
        where s.id = d.subscription_id and s.active) as version
    from unnest(${lanes}::text[]) as asked(lane)
    cross join lateral (
      select * from deliveries h where h.institution_id = ${tx.institutionId} and h.endpoint_id = ${endpointId}
        and h.lane = asked.lane and h.state = 'pending' order by h.position, h.id limit 1) d
    join institutions i on i.id = d.institution_id
    left join events e on e.institution_id = d.institution_id and e.id = d.event_id`.execute(tx.db)
  return rows.map(
    ({ event_id: id, position, name, resource_type, created_at, body_sealed, traceparent, ...head }) => ({
      ...head,
      event:
        name === null
          ? null
          : {
              id,
              position,
              name,
              resource_type,
              created_at,
              traceparent,
              body: tx.open(body_sealed) as Record<string, unknown>,
            },
    }),
  )
}

/** How a head came out. */
export interface Settled {
  id: number
  lane: string
  state: 'pending' | 'delivered' | 'dead' | 'withdrawn' | 'expired'
  /** Null for what ended without an attempt. */
  attempt: {
    startedAt: Instant
    firstAt: Instant
    tries: number
    durationMs: number
    status: number | null
    error: string | null
    answer: string
  } | null
  /** When the lane is next attempted, where this one stays pending; null: at once. */
  nextAt: Instant | null
}

/**
 * Writes down how heads came out and moves their lanes on. Lanes without a head are in `emptied`.
 * A lane is locked before it is judged, in a statement of its own, so that a fan-out meanwhile is seen or waits.
 * @returns when the first of these lanes is next due; null where none is owed anything
 */
export async function settleHeads(
  tx: Tenant,
  endpointId: number,
  settled: Settled[],
  emptied: string[],
): Promise<Instant | null> {
  const lanes = [...settled.map((one) => one.lane), ...emptied]
  if (lanes.length === 0) return null
  await sql`select from delivery_lanes where institution_id = ${tx.institutionId} and endpoint_id = ${endpointId}
    and lane = any(${lanes}::text[]) order by lane for update`.execute(tx.db)
  await writeOutcomes(tx, settled)
  const stays = settled.filter((one) => one.state === 'pending')
  const isOwed = sql`exists (select from deliveries d where d.institution_id = l.institution_id
    and d.endpoint_id = l.endpoint_id and d.lane = l.lane and d.state = 'pending')`
  const { rows } = await sql<{ next: Instant | null }>`
    with gone as (
      delete from delivery_lanes l where l.institution_id = ${tx.institutionId} and l.endpoint_id = ${endpointId}
        and l.lane = any(${lanes}::text[]) and not ${isOwed}),
    moved as (
      update delivery_lanes l set next_attempt_at = coalesce(s.next_at, app_now())
      from unnest(${lanes}::text[]) as asked(lane)
      left join unnest(${stays.map((one) => one.lane)}::text[], ${stays.map((one) => one.nextAt)}::timestamptz[])
        as s(lane, next_at) on s.lane = asked.lane
      where l.institution_id = ${tx.institutionId} and l.endpoint_id = ${endpointId} and l.lane = asked.lane and ${isOwed}
      returning l.next_attempt_at)
    select min(next_attempt_at) as next from moved`.execute(tx.db)
  return rows[0]?.next ?? null
}

/** Attempts and states in one statement. What ended without an attempt has no row among the attempts. */
async function writeOutcomes(tx: Tenant, settled: Settled[]): Promise<void> {
  if (settled.length === 0) return
  const of = <T>(read: (one: NonNullable<Settled['attempt']>) => T) =>
    settled.map(({ attempt }) => (attempt ? read(attempt) : null))
  await sql`
    with r as (
      select * from unnest(${settled.map((one) => one.id)}::bigint[], ${settled.map((one) => one.state)}::text[],
        ${of((one) => one.startedAt)}::timestamptz[], ${of((one) => one.firstAt)}::timestamptz[],
        ${of((one) => one.tries)}::int[], ${of((one) => one.status)}::int[], ${of((one) => one.error)}::text[],
        ${of((one) => one.durationMs)}::int[], ${of((one) => (one.answer === '' ? null : tx.seal(one.answer)))}::bytea[])
        as r(id, state, started_at, first_at, tries, status, error, duration_ms, answer)),
    written as (
      update deliveries d set state = r.state,
        attempts = d.attempts + (r.started_at is not null)::int, tries = coalesce(r.tries, d.tries),
        first_attempt_at = coalesce(r.first_at, d.first_attempt_at),
        last_attempt_at = coalesce(r.started_at, d.last_attempt_at),
        response_status = case when r.started_at is null then d.response_status else r.status end,
        error = case when r.started_at is null then d.error else r.error end,
        duration_ms = coalesce(r.duration_ms, d.duration_ms),
        ended_at = case when r.state <> 'pending' then app_now() end
      from r where d.institution_id = ${tx.institutionId} and d.id = r.id and d.state = 'pending'
      returning d.id, d.attempts)
    insert into delivery_attempts
      (institution_id, delivery_id, number, started_at, duration_ms, response_status, error, answer_sealed)
    select ${tx.institutionId}::bigint, r.id, w.attempts, r.started_at, r.duration_ms, r.status, r.error, r.answer
    from r join written w on w.id = r.id where r.started_at is not null`.execute(tx.db)
}

/** What a subscription is still owed goes to the endpoint it was moved to, in order. */
export async function moveOwed(tx: Tenant, subscriptionId: number, endpointId: number): Promise<void> {
  await sql`
    with moved as (
      update deliveries set endpoint_id = ${endpointId} where institution_id = ${tx.institutionId}
        and subscription_id = ${subscriptionId} and state = 'pending' returning lane)
    insert into delivery_lanes (institution_id, endpoint_id, lane)
    select distinct ${tx.institutionId}::bigint, ${endpointId}::bigint, lane from moved order by lane
    on conflict (institution_id, endpoint_id, lane) do update set next_attempt_at = app_now()`.execute(tx.db)
}
