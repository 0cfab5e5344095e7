/** Ids in a condition. */
import { type RawBuilder, sql } from 'kysely'

/**
 * The column is one of these ids. One alone is compared as such: PostgreSQL keeps the plan of that, and makes another for each
 * list that it meets, which takes it longer than to find one row.
 */
export function among(column: RawBuilder<unknown>, ids: number[]): RawBuilder<boolean> {
  const [id, ...others] = ids
  if (id !== undefined && others.length === 0) return sql`${column} = ${id}`
  return sql`${column} = any(${ids}::bigint[])`
}
