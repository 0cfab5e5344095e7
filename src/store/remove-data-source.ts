/** Taking away a data source that nothing was read from yet. */
import { sql } from 'kysely'
import type { Tenant, WorkTransaction } from '../db/database.ts'

/** How much of the mirror came from a data source. */
export async function countMirrored(
  tx: Tenant,
  id: number,
): Promise<{ patients: number; appointments: number; providers: number }> {
  const of = (table: string) =>
    sql`(select count(*) from ${sql.table(table)} where institution_id = ${tx.institutionId} and data_source_id = ${id})`
  const { rows } = await sql<{ patients: number; appointments: number; providers: number }>`
    select ${of('patients')} as patients, ${of('appointments')} as appointments, ${of('providers')} as providers`.execute(
    tx.db,
  )
  return rows[0] ?? { patients: 0, appointments: 0, providers: 0 }
}

/** Deletes a data source that has mirrored nothing; its locations stay, without one. */
export async function deleteDataSource(tx: Tenant, id: number): Promise<void> {
  await sql`update locations set data_source_id = null, foreign_id = null, updated_at = app_now()
    where institution_id = ${tx.institutionId} and data_source_id = ${id}`.execute(tx.db)
  await sql`delete from set_aside where institution_id = ${tx.institutionId} and data_source_id = ${id}`.execute(
    tx.db,
  )
  await sql`delete from data_sources where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
}

/** Takes away its units of work; whoever holds one commits nothing more under it. */
export async function deleteUnits({ db }: WorkTransaction, institutionId: number, id: number): Promise<void> {
  await sql`delete from work where institution_id = ${institutionId} and subject_id = ${id}
    and kind in ('pull', 'push')`.execute(db)
}
