/** What was last asked of the record system for an appointment. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Asked, WriteKind } from '../model/writes.ts'

/** What the last write of a kind asks for, where it is owed or was written as asked; else null. */
export async function findLastAsked(
  tx: Tenant,
  appointmentId: number,
  kind: WriteKind,
): Promise<Asked | null> {
  const { rows } = await sql<{ state: string; asked_sealed: Buffer | null }>`
    select state, asked_sealed from writes where institution_id = ${tx.institutionId}
      and appointment_id = ${appointmentId} and kind = ${kind} order by id desc limit 1`.execute(tx.db)
  const [last] = rows
  if (!last?.asked_sealed || !['pending', 'sending', 'unknown', 'complete'].includes(last.state)) return null
  return (tx.open(last.asked_sealed) as { asked: Asked }).asked
}
