/** Many instants in one value: PostgreSQL's own bytes of an array, which neither side needs to write or read as text. */
import { type RawBuilder, sql } from 'kysely'

/** Ahead of the elements: dimensions, whether any is null, type, length, lower bound; each of four bytes. */
const HEADER = 20
/** An element: its length in four bytes, then microseconds since 2000-01-01T00:00Z in eight. */
const ELEMENT = 12
const EPOCH_2000 = Date.UTC(2000, 0, 1)
const HALF = 2 ** 32

/** All instants of the group in one value, in whatever order. For columns that are never null, and at least one row. */
export function gatherInstants(column: RawBuilder<unknown>): RawBuilder<Buffer> {
  return sql`array_send(array_agg(${column}))`
}

/** What `gatherInstants` gave, as epoch milliseconds, rounded (`array_send`, `timestamptz_send` of PostgreSQL's source). */
export function readInstants(bytes: Buffer): number[] {
  const instants: number[] = []
  for (let at = HEADER; at < bytes.length; at += ELEMENT) {
    const microseconds = bytes.readInt32BE(at + 4) * HALF + bytes.readUInt32BE(at + 8)
    instants.push(EPOCH_2000 + Math.round(microseconds / 1000))
  }
  return instants
}
