/** Erasing an institution: its key and everyone's way to it first, then its rows in batches, its name last. */
import { randomBytes } from 'node:crypto'
import { sql, type Transaction } from 'kysely'
import type { Global, WorkTransaction } from '../db/database.ts'
import type { DB } from '../db/tables.ts'

/** An institution that is there, or that is being erased. */
export interface Erasable {
  id: number
  subdomain: string
  /** Of the key that was its last. */
  generation: number
  is_begun: boolean
}

export async function findErasable(tx: Global, named: string): Promise<Erasable | null> {
  const { rows } = await sql<Erasable>`
    select id, subdomain, key_generation as generation, deleted_at is not null as is_begun from institutions
    where (subdomain = ${named} or id::text = ${named}) and not (deleted_at is not null and name = '')`.execute(
    tx.db,
  )
  return rows[0] ?? null
}

/** Nobody works for it any more: whoever holds a unit of it commits nothing more, and no delivery of it is attempted. */
export async function stopWork({ db }: WorkTransaction, institutionId: number): Promise<void> {
  // The unit first, as every holder takes them.
  await sql`delete from wakes where work_id in (select id from work where institution_id = ${institutionId})`.execute(
    db,
  )
  await sql`delete from work where institution_id = ${institutionId}`.execute(db)
  await sql`delete from delivery_lanes where institution_id = ${institutionId}`.execute(db)
}

/** Nobody sees it any more, nothing is told of it, and no transaction of it begins: its key is gone. */
export async function destroyKey(db: Transaction<DB>, institutionId: number): Promise<void> {
  await sql`update institutions set deleted_at = coalesce(deleted_at, app_now()) where id = ${institutionId}`.execute(
    db,
  )
  await sql`delete from institution_keys where institution_id = ${institutionId}`.execute(db)
  await sql`delete from account_institutions where institution_id = ${institutionId}`.execute(db)
  await sql`delete from webhook_subscriptions where institution_id = ${institutionId}`.execute(db)
  await sql`delete from event_order where institution_id = ${institutionId} and position is null`.execute(db)
  await sql`delete from event_progress where institution_id = ${institutionId}`.execute(db)
}

/** The tenants' tables that are erased, each before those it refers to. Audit stays: it holds ids, and says who erased. */
export async function listErasedTables({ db }: Global): Promise<string[]> {
  const { rows } = await sql<{ name: string; refers_to: string[] }>`
    select c.relname as name, array(
      select distinct f.relname::text from pg_constraint k join pg_class f on f.oid = k.confrelid
      where k.conrelid = c.oid and k.contype = 'f' and f.oid <> c.oid) as refers_to
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'institution_id'
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and c.relrowsecurity and c.relname !~ '^audit(_|$)' order by 1`.execute(db)
  const left = new Map(rows.map(({ name, refers_to }) => [name, refers_to]))
  const sorted: string[] = []
  while (left.size > 0) {
    const referred = new Set([...left.values()].flat())
    const free = [...left.keys()].filter((name) => !referred.has(name))
    if (free.length === 0) throw new Error('tenant tables refer to each other in a circle')
    sorted.push(...free)
    for (const name of free) left.delete(name)
  }
  return sorted
}

/** Deletes at most `limit` of its rows. Answers how many. */
export async function eraseBatch(
  db: Transaction<DB>,
  institutionId: number,
  table: string,
  limit: number,
): Promise<number> {
  // In another partition the same place is another row, also of this institution: it goes a little sooner.
  const result =
    await sql`delete from ${sql.table(table)} where institution_id = ${institutionId} and ctid = any(array(
    select ctid from ${sql.table(table)} where institution_id = ${institutionId} limit ${limit}))`.execute(db)
  return Number(result.numAffectedRows ?? 0)
}

/** What stays: the id, and when it was erased. The subdomain is free again. */
export async function forgetName(tx: Global, institutionId: number): Promise<void> {
  const subdomain = `erased-${institutionId}-${randomBytes(4).toString('hex')}`
  await sql`update institutions set subdomain = ${subdomain}, name = '', phone_number = null, country_code = 'US',
    updated_at = app_now() where id = ${institutionId}`.execute(tx.db)
}
