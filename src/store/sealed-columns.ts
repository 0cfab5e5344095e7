/**
 * What is sealed, as the catalogue tells it (columns of bytes named `…_sealed`), and sealing it anew under the key that seals
 * now. A table that is made later is found by itself.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Global, Tenant } from '../db/database.ts'

export interface SealedColumn {
  table: string
  column: string
  /** The primary key, without the institution: names and types. */
  key: { name: string; type: string }[]
}

/** The sealed columns of tenants' tables in a tenant's transaction, of the global ones in a global one. */
export async function listSealedColumns(tx: Tenant | Global): Promise<SealedColumn[]> {
  const isTenant = 'institutionId' in tx
  const { rows } = await sql<SealedColumn>`
    select c.relname as "table", a.attname as "column", (
      select coalesce(json_agg(json_build_object('name', p.attname, 'type', format_type(p.atttypid, p.atttypmod)) order by k.at), '[]')
      from pg_index i cross join unnest(i.indkey::int2[]) with ordinality as k(attnum, at)
      join pg_attribute p on p.attrelid = i.indrelid and p.attnum = k.attnum
      where i.indrelid = c.oid and i.indisprimary and p.attname <> 'institution_id') as key
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and a.attname like '%\\_sealed' and a.atttypid = 'bytea'::regtype and not a.attisdropped
      and exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'institution_id') = ${isTenant}
    order by 1, 2`.execute(tx.db)
  return rows
}

/** Where a walk through a column stands: the key of the last row; null at its beginning. */
export type At = unknown[] | null

/**
 * Seals the next values of a column anew that are not under the key that seals now. One that is changed meanwhile is left: it
 * was sealed under that key.
 * @returns where the walk stands, and how many it was; null when the column is through
 */
export async function resealBatch(
  tx: Tenant | Global,
  column: SealedColumn,
  after: At,
  limit: number,
): Promise<{ at: unknown[]; count: number } | null> {
  const value = sql.ref(column.column)
  const names = column.key.map(({ name }) => sql.ref(name))
  const { rows } = await sql<Record<string, unknown> & { sealed: Buffer }>`
    select ${sql.join(names)}, ${value} as sealed from ${sql.table(column.table)}
    where ${whereNotUnder(tx, column)} and ${whereAfter(column, after)} order by ${sql.join(names)} limit ${limit}`.execute(
    tx.db,
  )
  const last = rows.at(-1)
  if (!last) return null
  const arrays = [
    ...column.key.map(({ name, type }) =>
      arrayOf(
        rows.map((row) => row[name]),
        type,
      ),
    ),
    arrayOf(
      rows.map(({ sealed }) => sealed),
      'bytea',
    ),
    arrayOf(
      rows.map(({ sealed }) => tx.seal(tx.open(sealed))),
      'bytea',
    ),
  ]
  const same = column.key.map(({ name }) => sql`t.${sql.ref(name)} = r.${sql.ref(name)}`)
  await sql`update ${sql.table(column.table)} as t set ${value} = r.after
    from unnest(${sql.join(arrays)}) as r(${sql.join([...names, sql.ref('before'), sql.ref('after')])})
    where ${whereTenant(tx)} and ${sql.join(same, sql` and `)} and t.${value} = r.before`.execute(tx.db)
  return { at: column.key.map(({ name }) => last[name]), count: rows.length }
}

/** How many values of a column are not under the key that seals now. */
export async function countNotUnder(tx: Tenant | Global, column: SealedColumn): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(column.table)} as t
    where ${whereNotUnder(tx, column)}`.execute(tx.db)
  return rows[0]?.n ?? 0
}

/**
 * What sealed values begin with that are under none of these keys, of all that the master key seals or wraps. What was sealed
 * before values bore their key's mark is not told apart, and left out.
 * @param marks what values begin with that are under a known key
 */
export async function listForeignMarks(tx: Global, marks: Buffer[]): Promise<Buffer[]> {
  const found: Buffer[] = []
  const columns = await listSealedColumns(tx)
  const parts = columns.map(
    ({ table, column }) =>
      sql`select substring(${sql.ref(column)} from 1 for 5) as mark from ${sql.table(table)}`,
  )
  const { rows } = await sql<{ mark: Buffer | null }>`
    select distinct mark from (${sql.join([...parts, sql`select wrapped_marks()`], sql` union all `)}) as every_one`.execute(
    tx.db,
  )
  for (const { mark } of rows)
    if (mark && mark[0] === marks[0]?.[0] && !marks.some((known) => known.equals(mark))) found.push(mark)
  return found
}

function whereTenant(tx: Tenant | Global): RawBuilder<unknown> {
  return 'institutionId' in tx ? sql`institution_id = ${tx.institutionId}` : sql`true`
}

function whereNotUnder(tx: Tenant | Global, { column }: SealedColumn): RawBuilder<unknown> {
  return sql`${whereTenant(tx)} and substring(${sql.ref(column)} from 1 for 5) <> ${tx.mark}`
}

function whereAfter({ key }: SealedColumn, after: At): RawBuilder<unknown> {
  if (!after) return sql`true`
  const values = key.map(({ type }, at) => sql`${after[at]}::${sql.raw(type)}`)
  return sql`row(${sql.join(key.map(({ name }) => sql.ref(name)))}) > row(${sql.join(values)})`
}

function arrayOf(values: unknown[], type: string): RawBuilder<unknown> {
  return sql`${values}::${sql.raw(type)}[]`
}
