/** What takes time, kept beside the appointments it is derived from and read by everyone who asks for free time. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { addMs, type Instant } from '../model/time.ts'
import { SPAN_MAX_MS, type Span } from '../scheduling/conflicts.ts'
import { among } from './among.ts'
import { rowsOf } from './row-arrays.ts'

export interface BusyRow extends Span {
  appointment_id: number
}

/** As it is saved: with whether the appointment was booked through us. */
export interface NewBusyRow extends BusyRow {
  booked_by_us: boolean
}

const COLUMNS = {
  appointment_id: 'bigint',
  part: 'integer',
  location_id: 'bigint',
  operatory_id: 'bigint',
  provider_id: 'bigint',
  unavailable: 'boolean',
  starts_at: 'timestamptz',
  ends_at: 'timestamptz',
  booked_by_us: 'boolean',
} as const
const columnNames = sql.raw(Object.keys(COLUMNS).join(', '))

/** Replaces what these appointments occupy. Called by `saveAppointments` only. */
export async function replaceBusy(tx: Tenant, appointmentIds: number[], spans: NewBusyRow[]): Promise<void> {
  const deleted =
    sql`delete from busy where institution_id = ${tx.institutionId} and ${among(sql`appointment_id`, appointmentIds)}`.execute(
      tx.db,
    )
  await Promise.all([deleted, spans.length === 0 ? null : insertBusy(tx, spans)])
}

async function insertBusy(tx: Tenant, spans: NewBusyRow[]): Promise<void> {
  const parts = new Map<number, number>()
  const rows = spans.map((span) => {
    const part = (parts.get(span.appointment_id) ?? 0) + 1
    parts.set(span.appointment_id, part)
    return { ...span, part, starts_at: span.start_time, ends_at: span.end_time }
  })
  await sql`
    insert into busy (institution_id, ${columnNames})
    select ${tx.institutionId}::bigint, ${columnNames} from ${rowsOf(COLUMNS, rows)} as r`.execute(tx.db)
}

const LOOKED_FOR = {
  at: 'integer',
  appointment_id: 'bigint',
  location_id: 'bigint',
  start_time: 'timestamptz',
  end_time: 'timestamptz',
} as const

/** Those of these appointments' spans that fall on a time of another appointment at their location that was booked through us. */
export async function listOnOurs(tx: Tenant, spans: BusyRow[]): Promise<BusyRow[]> {
  if (spans.length === 0) return []
  const rows = spans.map(({ appointment_id, location_id, start_time, end_time }, at) => ({
    at,
    appointment_id,
    location_id,
    start_time,
    end_time,
  }))
  // A lateral with a limit is looked up span by span, by its index, whatever the planner believes of the tables. It goes back
  // as far as a span is long at most (SPAN_MAX_MS).
  const { rows: found } = await sql<{ at: number }>`
    select r.at from ${rowsOf(LOOKED_FOR, rows)} as r
    cross join lateral (select from busy b where b.institution_id = ${tx.institutionId} and b.booked_by_us
      and b.location_id = r.location_id and b.starts_at >= r.start_time - interval '24 hours' and b.starts_at < r.end_time
      and b.ends_at > r.start_time and b.appointment_id <> r.appointment_id limit 1) ours`.execute(tx.db)
  return found.flatMap(({ at }) => spans[at] ?? [])
}

/**
 * Everything of a location that overlaps `[from, to)`: one bounded scan, since no span is longer than 24 hours.
 * Whether a span is in the way is for `inTheWayOf` (src/scheduling) to say.
 */
export async function listBusy(
  tx: Tenant,
  locationId: number,
  from: Instant,
  to: Instant,
): Promise<BusyRow[]> {
  const { rows } = await sql<BusyRow>`
    select appointment_id, location_id, operatory_id, provider_id, unavailable, starts_at as start_time, ends_at as end_time
    from busy
    where institution_id = ${tx.institutionId} and location_id = ${locationId}
      and starts_at > ${addMs(from, -SPAN_MAX_MS - 1)} and starts_at < ${to} and ends_at > ${from}
    order by starts_at`.execute(tx.db)
  return rows
}
