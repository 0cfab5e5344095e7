/** Overrides: who let a write stand over what is there, when, and why. Written once, never changed. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'
import type { Span } from '../scheduling/conflicts.ts'

export interface Override {
  api_key_id: number
  /** May tell of a patient: sealed where it is kept. */
  reason: string
  /** What was in the way when it was accepted. */
  appointment_ids: number[]
  hold_ids: number[]
}

export interface ShownOverride extends Override {
  start_time: Instant
  end_time: Instant
  operatory_id: number | null
  created_at: Instant
}

/** Records an override of a write, for the time that it was asked for and no other. */
export async function insertOverride(
  tx: Tenant,
  writeId: number,
  span: Span,
  override: Override,
): Promise<void> {
  await sql`
    insert into overrides (institution_id, write_id, api_key_id, reason_sealed, location_id, operatory_id, provider_id,
      starts_at, ends_at, appointment_ids, hold_ids)
    values (${tx.institutionId}, ${writeId}, ${override.api_key_id}, ${tx.seal(override.reason)}, ${span.location_id},
      ${span.operatory_id}, ${span.provider_id}, ${span.start_time}, ${span.end_time}, ${override.appointment_ids},
      ${override.hold_ids})`.execute(tx.db)
}

/** Whether a key let a write stand over what is there, at just this time and place. */
export async function isOverridden(tx: Tenant, writeId: number, span: Span): Promise<boolean> {
  const { rows } =
    await sql`select 1 from overrides where institution_id = ${tx.institutionId} and write_id = ${writeId}
    and location_id = ${span.location_id} and operatory_id is not distinct from ${span.operatory_id}
    and provider_id is not distinct from ${span.provider_id}
    and starts_at = ${span.start_time} and ends_at = ${span.end_time}`.execute(tx.db)
  return rows.length > 0
}

type Row = Omit<ShownOverride, 'reason'> & { write_id: number; reason_sealed: Buffer }

/** The overrides of an appointment's writes, oldest first, by write. */
export async function listOverrides(
  tx: Tenant,
  appointmentId: number,
): Promise<Map<number, ShownOverride[]>> {
  const { rows } = await sql<Row>`
    select o.write_id, o.api_key_id, o.reason_sealed, o.starts_at as start_time, o.ends_at as end_time, o.operatory_id,
      to_json(o.appointment_ids) as appointment_ids, to_json(o.hold_ids) as hold_ids, o.created_at
    from overrides o join writes w on w.institution_id = o.institution_id and w.id = o.write_id
    where o.institution_id = ${tx.institutionId} and w.appointment_id = ${appointmentId} order by o.id`.execute(
    tx.db,
  )
  const shown = rows.map(({ write_id, reason_sealed, ...row }) => ({
    writeId: write_id,
    override: { ...row, reason: String(tx.open(reason_sealed)) },
  }))
  const byWrite = Map.groupBy(shown, ({ writeId }) => writeId)
  return new Map([...byWrite].map(([id, own]) => [id, own.map(({ override }) => override)]))
}
