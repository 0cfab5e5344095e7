/** Events: inserted in the transaction of the change they tell of, positioned after commit, read in order. */
import { sql } from 'kysely'
import type { Database, Tenant } from '../db/database.ts'
import type { EventName, ResourceType } from '../model/events.ts'
import type { Instant } from '../model/time.ts'
import { inPieces } from './in-pieces.ts'
import { rowsOf } from './row-arrays.ts'

export interface NewEvent {
  name: EventName
  resourceType: ResourceType
  /** The appointment or patient it is about. */
  subjectId: number | null
  /** Sealed under the institution's key. */
  body: Record<string, unknown>
}

export interface StoredEvent {
  position: number
  id: number
  name: string
  resource_type: string
  created_at: Instant
  body: Record<string, unknown>
}

const COLUMNS = {
  name: 'text',
  resource_type: 'text',
  subject_id: 'bigint',
  body_from: 'integer',
  body_size: 'integer',
} as const

/** Appends events and wakes the sequencer. */
export async function recordEvents(tx: Tenant, events: NewEvent[]): Promise<void> {
  await inPieces(events, (piece) => recordPiece(tx, piece))
}

async function recordPiece(tx: Tenant, events: NewEvent[]): Promise<void> {
  // Laid end to end, the bodies cross as the bytes that they are; a list of them would cross as text of twice the length.
  const bodies = events.map((event) => tx.seal(event.body))
  let end = 0
  const rows = events.map((event, at) => {
    const body_size = bodies[at]?.length ?? 0
    const body_from = end + 1
    end += body_size
    return {
      name: event.name,
      resource_type: event.resourceType,
      subject_id: event.subjectId,
      body_from,
      body_size,
    }
  })
  await sql`
    with made as (
      insert into events (institution_id, name, resource_type, subject_id, body_sealed, traceparent, created_at)
      select ${tx.institutionId}::bigint, r.name, r.resource_type, r.subject_id,
        substring(${Buffer.concat(bodies)}::bytea from r.body_from for r.body_size), ${tx.traceparent}::text, (select app_now())
      from ${rowsOf(COLUMNS, rows)} as r order by r.body_from returning id),
    ordered as (insert into event_order (institution_id, event_id) select ${tx.institutionId}::bigint, id from made)
    insert into wakes (work_id) select id from work where kind = 'sequence'`.execute(tx.db)
}

/** One event; the same as `recordEvents` with one. */
export async function recordEvent(tx: Tenant, event: NewEvent): Promise<void> {
  await recordEvents(tx, [event])
}

export interface EventFilter {
  names?: string[] | null
  resourceType?: ResourceType | undefined
  /** The id of the appointment or patient they are about. */
  subjectId?: number | undefined
  /** Recorded at this instant or later. */
  since?: Instant | undefined
}

/** Positioned events after a position (null: from the oldest kept), in order. */
export async function listEvents(
  tx: Tenant,
  after: number | null,
  limit: number,
  { names = null, resourceType, subjectId, since }: EventFilter = {},
): Promise<StoredEvent[]> {
  const { rows } = await sql<Omit<StoredEvent, 'body'> & { body_sealed: Buffer }>`
    select o.position, e.id, e.name, e.resource_type, e.created_at, e.body_sealed
    from event_order o join events e on e.institution_id = o.institution_id and e.id = o.event_id
    where o.institution_id = ${tx.institutionId} and o.position > ${after ?? 0}
      and (${names}::text[] is null or e.name = any(${names}::text[]))
      and (${resourceType ?? null}::text is null or e.resource_type = ${resourceType ?? null})
      and (${subjectId ?? null}::bigint is null or e.subject_id = ${subjectId ?? null})
      and (${since ?? null}::timestamptz is null or e.created_at >= ${since ?? null})
    order by o.position limit ${limit}`.execute(tx.db)
  return rows.map(({ body_sealed, ...row }) => ({
    ...row,
    body: tx.open(body_sealed) as Record<string, unknown>,
  }))
}

/**
 * The sequencer's one statement: gives the next positions to committed events that have none, in the order of their ids.
 * Runs as the work role, which sees the order of events and nothing of what they say.
 * @returns how many were positioned
 */
export async function positionEvents(tx: { db: Database['kysely'] }, limit: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    with waiting as (
      select institution_id, event_id from event_order where position is null order by event_id limit ${limit} for update),
    placed as (
      select institution_id, event_id, nextval('event_positions') as position
      from (select * from waiting order by event_id) w),
    done as (
      update event_order o set position = p.position from placed p
      where o.institution_id = p.institution_id and o.event_id = p.event_id and o.position is null
      returning o.institution_id, o.position),
    reached as (
      insert into event_progress (institution_id, positioned, fanned_out)
      select institution_id, max(position), min(position) - 1 from done group by institution_id order by institution_id
      on conflict (institution_id) do update set positioned = excluded.positioned)
    select count(*) as n from done`.execute(tx.db)
  return rows[0]?.n ?? 0
}

/** Makes the partitions that the next events will need; part of the sequencer's turn. */
export async function keepPartitions(tx: { db: Database['kysely'] }): Promise<void> {
  await sql`select keep_partitions()`.execute(tx.db)
}

/** Drops what is older than `days`, whole partitions at a time; part of the sequencer's turn. */
export async function retireLogs(tx: { db: Database['kysely'] }, days: number): Promise<void> {
  await sql`select retire_logs(${days} * interval '1 day')`.execute(tx.db)
}

/** Whether events after this position were retired: whoever reads on from there has missed some. */
export async function isRetired(tx: Tenant, after: number): Promise<boolean> {
  const { rows } = await sql`select from event_progress
    where institution_id = ${tx.institutionId} and dropped > ${after}`.execute(tx.db)
  return rows.length > 0
}
