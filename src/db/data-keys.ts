/** The data keys of institutions, wrapped by the master key: made, read, exchanged and destroyed. */
import { type Kysely, sql, type Transaction } from 'kysely'
import { markOf, newKey, newKeyBeside, openBytes, sealBytes } from './seal.ts'
import type { DB } from './tables.ts'

/** SQLSTATE of a transaction that began with a key that is not the institution's (any more). */
export const OTHER_KEY = 'SBKEY'

/** The first seals, each opens: while a rotation runs there are two. */
export type MasterKeys = readonly [Buffer, ...Buffer[]]

/** What opens an institution's sealed values. */
export interface DataKeys {
  generation: number
  /** Seals. */
  current: Buffer
  /** Open: the current one and, while a rotation runs, the one before. */
  all: Buffer[]
}

/** Thrown where an institution has no key: there is no such institution, or it was deleted. */
export class NoDataKey extends Error {
  constructor(institutionId: number) {
    super(`institution ${institutionId} has no data key`)
    this.name = 'NoDataKey'
  }
}

/** Has the transaction hold the institution's key of this generation. @throws an error of `OTHER_KEY` where it has another */
export function holdKey(institutionId: number, generation: number): string {
  return `select hold_key(${institutionId}, ${generation})`
}

/**
 * Reads the keys and holds them, in a transaction of the institution.
 * @throws NoDataKey where there are none
 */
export async function readDataKeys(
  db: Transaction<DB>,
  masters: MasterKeys,
  institutionId: number,
): Promise<DataKeys> {
  const { rows } = await sql<{ generation: number; wrapped_key: Buffer; previous_key: Buffer | null }>`
    select i.key_generation as generation, k.wrapped_key, k.previous_key
    from institution_keys k join institutions i on i.id = k.institution_id
    where k.institution_id = ${institutionId} and i.deleted_at is null`.execute(db)
  const [row] = rows
  if (!row) throw new NoDataKey(institutionId)
  await sql.raw(holdKey(institutionId, row.generation)).execute(db)
  const current = openBytes(masters, row.wrapped_key)
  const all = row.previous_key ? [current, openBytes(masters, row.previous_key)] : [current]
  return { generation: row.generation, current, all }
}

/** Makes an institution's first key, in a transaction that has its setting. */
export async function insertKey(db: Transaction<DB>, master: Buffer, institutionId: number): Promise<void> {
  await db
    .insertInto('institution_keys')
    .values({ institution_id: institutionId, wrapped_key: sealBytes(master, newKey()) })
    .onConflict((conflict) => conflict.column('institution_id').doNothing())
    .execute()
}

/**
 * Gives the institution a new key and keeps the one before beside it; where a rotation was begun already, that one goes on.
 * @returns the generation before the newest
 */
export async function exchangeKey(
  db: Transaction<DB>,
  masters: MasterKeys,
  institutionId: number,
): Promise<number> {
  const { rows: locked } = await sql<{ wrapped_key: Buffer; is_begun: boolean }>`
    select wrapped_key, previous_key is not null as is_begun from institution_keys
    where institution_id = ${institutionId} for update`.execute(db)
  if (!locked[0]) throw new NoDataKey(institutionId)
  if (!locked[0].is_begun) {
    const key = newKeyBeside(openBytes(masters, locked[0].wrapped_key))
    await sql`update institution_keys set previous_key = wrapped_key, wrapped_key = ${sealBytes(masters[0], key)}
      where institution_id = ${institutionId}`.execute(db)
    await sql`update institutions set key_generation = key_generation + 1 where id = ${institutionId}`.execute(
      db,
    )
  }
  const { rows } = await sql<{ generation: number }>`
    select key_generation - 1 as generation from institutions where id = ${institutionId}`.execute(db)
  return rows[0]?.generation ?? 0
}

/** Forgets the key before the current one: nothing is sealed under it any more. */
export async function dropPreviousKey(db: Transaction<DB>, institutionId: number): Promise<void> {
  await sql`update institution_keys set previous_key = null where institution_id = ${institutionId}`.execute(
    db,
  )
}

/** Wraps the institution's keys by the first of the master keys. Answers whether they were not before. */
export async function rewrapKeys(
  db: Transaction<DB>,
  masters: MasterKeys,
  institutionId: number,
): Promise<boolean> {
  const { rows } = await sql<{ wrapped_key: Buffer; previous_key: Buffer | null }>`
    select wrapped_key, previous_key from institution_keys
    where institution_id = ${institutionId} for update`.execute(db)
  const [row] = rows
  const mark = markOf(masters[0])
  const isUnder = (wrapped: Buffer | null) => !wrapped || wrapped.subarray(0, mark.length).equals(mark)
  if (!row || (isUnder(row.wrapped_key) && isUnder(row.previous_key))) return false
  const again = (wrapped: Buffer) => sealBytes(masters[0], openBytes(masters, wrapped))
  await sql`update institution_keys set wrapped_key = ${again(row.wrapped_key)},
    previous_key = ${row.previous_key && again(row.previous_key)}
    where institution_id = ${institutionId}`.execute(db)
  return true
}

/** Whether nobody holds the institution's key of this generation any more: whoever does not yet cannot begin to. */
export async function isLetGo(db: Kysely<DB>, institutionId: number, generation: number): Promise<boolean> {
  const { rows } = await sql<{ free: boolean }>`
    select pg_try_advisory_xact_lock(${institutionId}::integer, ${generation}::integer) as free`.execute(db)
  return rows[0]?.free ?? false
}
