/** One page of a list: by offset (v2) or from a position on (v3), in one order, always bounded. */
import { type RawBuilder, sql } from 'kysely'
import type { Tenant } from '../db/database.ts'

/** Where a row stands in its list: the value of the sort key as text, and the id that breaks ties. */
export type Position = [key: string, id: number]

export interface Page {
  limit: number
  offset: number
  /** Rows beyond this one, or before it. */
  after?: Position | undefined
  before?: Position | undefined
}

export interface PageQuery {
  columns: RawBuilder<unknown>
  /** `from …` with its joins; the listed table's id is `<alias>.id`. */
  from: RawBuilder<unknown>
  where: RawBuilder<unknown>
  id: RawBuilder<unknown>
  /** What the list is sorted by, and its SQL type. Ties are broken by the id. */
  key: RawBuilder<unknown>
  keyType: 'bigint' | 'timestamptz' | 'text'
  descending?: boolean
}

/** A row with its position in the list. */
export type Placed<Row> = Row & { id: number; sort_key: string }

/** Reads one page. A page before a position is read backwards from it and turned round. */
export async function selectPage<Row>(tx: Tenant, query: PageQuery, page: Page): Promise<Placed<Row>[]> {
  const cursor = page.after ?? page.before
  const backward = page.after === undefined && page.before !== undefined
  const ascending = (query.descending ?? false) === backward
  const type = sql.raw(query.keyType)
  const beyond = cursor
    ? sql`and (${query.key}, ${query.id}) ${sql.raw(ascending ? '>' : '<')} (${cursor[0]}::${type}, ${cursor[1]}::bigint)`
    : sql``
  const way = sql.raw(ascending ? 'asc' : 'desc')
  const { rows } = await sql<Placed<Row>>`
    select ${query.columns}, (${query.key})::text as sort_key ${query.from} ${query.where} ${beyond}
    order by ${query.key} ${way}, ${query.id} ${way} limit ${page.limit} offset ${page.offset}`.execute(tx.db)
  return backward ? rows.reverse() : rows
}

/** How many rows a filter finds. */
export async function countRows(
  tx: Tenant,
  query: { from: RawBuilder<unknown>; where: RawBuilder<unknown> },
): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n ${query.from} ${query.where}`.execute(tx.db)
  return rows[0]?.n ?? 0
}

/**
 * When appointments last changed, by id, to the microsecond: what is shown is cut to milliseconds, and a position made
 * of that would show the last row of a page again, or pass over its neighbours.
 */
export async function exactUpdates(tx: Tenant, appointmentIds: number[]): Promise<Map<number, string>> {
  const { rows } = await sql<{ id: number; at: string }>`select id, updated_at::text as at from appointments
    where institution_id = ${tx.institutionId} and id = any(${appointmentIds}::bigint[])`.execute(tx.db)
  return new Map(rows.map((row) => [row.id, row.at]))
}
