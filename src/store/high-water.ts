/** What outlives the database's own past: how many ids were handed out, and which life of the database this is. */
import { sql } from 'kysely'
import type { Global, Tenant } from '../db/database.ts'

/** One life of an installation's database. */
export interface Life {
  /** Null until the first process ran on it. */
  id: string | null
  /** Grows with each recovery. */
  epoch: number
  /** Grows while processes run. */
  beat: number
}

/** The highest id that each sequence handed out, by its name. */
export type HandedOut = Record<string, number>

export async function readLife(tx: Global): Promise<Life> {
  const { rows } = await sql<Life>`select id::text as id, epoch, beat from installation`.execute(tx.db)
  const [life] = rows
  if (!life) throw new Error('the installation has no row of its own')
  return life
}

/** One more beat; the first gives the installation its id. */
export async function beatOnce(tx: Global): Promise<Life & { id: string }> {
  const { rows } = await sql<Life & { id: string }>`
    update installation set id = coalesce(id, gen_random_uuid()), beat = beat + 1
    returning id::text as id, epoch, beat`.execute(tx.db)
  const [life] = rows
  if (!life) throw new Error('the installation has no row of its own')
  return life
}

/** Of every noun, and of the positions of events. */
export async function listHandedOut(tx: Global): Promise<HandedOut> {
  const { rows } = await sql<{ name: string; last: number }>`
    select sequencename as name, coalesce(last_value, 0) as last from pg_sequences
    where schemaname = 'public' and (sequencename like '%\\_ids' or sequencename = 'event_positions')`.execute(
    tx.db,
  )
  return Object.fromEntries(rows.map(({ name, last }) => [name, last]))
}

/** Raises sequences to what may have been handed out; none is lowered. */
export async function raiseIds(tx: Global, ids: HandedOut): Promise<void> {
  await sql`select raise_ids(${JSON.stringify(ids)}::jsonb)`.execute(tx.db)
}

/** Begins another life: later than any before it, also than one that a restored database forgot. Answers its epoch. */
export async function beginEpoch(tx: Global, above: number): Promise<number> {
  const { rows } = await sql<{ epoch: number }>`
    update installation set epoch = greatest(epoch + 1, ${above}::bigint + 1,
      extract(epoch from clock_timestamp())::bigint) returning epoch`.execute(tx.db)
  return rows[0]?.epoch ?? 0
}

/** The epoch, for cursors. */
export async function readEpoch(tx: Tenant): Promise<number> {
  const { rows } = await sql<{ epoch: number }>`select epoch from installation`.execute(tx.db)
  return rows[0]?.epoch ?? 0
}
