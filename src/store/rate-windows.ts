/** Tokens of rate limits: processes take many at once, so that a request costs no write. Never more than the limit in all. */
import { sql } from 'kysely'
import type { Global } from '../db/database.ts'

export interface Lease {
  /** Tokens that are the caller's until the window ends. */
  granted: number
  /** What nobody has taken yet. */
  left: number
  /** Until the window ends, by the database's clock, in milliseconds. */
  endsInMs: number
}

export interface LeaseRequest {
  keyId: number
  limitName: string
  limit: number
  windowMs: number
  /** Tokens wanted; fewer are granted where fewer are left. */
  wanted: number
}

/** Takes tokens of the window that runs now. */
export async function leaseTokens(tx: Global, asked: LeaseRequest): Promise<Lease> {
  const { keyId, limitName, limit, windowMs, wanted } = asked
  // Of two statements at a window's end the later window stands, whichever comes to the row last.
  const { rows } = await sql<{ granted: number; taken: number; ends_in_ms: number }>`
    with w as (select to_timestamp(floor(extract(epoch from app_now()) * 1000 / ${windowMs}::int) * ${windowMs}::int / 1000) as at)
    insert into rate_windows as r (api_key_id, limit_name, begins_at, taken, granted)
    select ${keyId}::bigint, ${limitName}, w.at, least(${limit}::int, ${wanted}::int), least(${limit}::int, ${wanted}::int) from w
    on conflict (api_key_id, limit_name) do update set
      begins_at = greatest(r.begins_at, excluded.begins_at),
      taken = case when r.begins_at < excluded.begins_at then excluded.taken
        else greatest(r.taken, least(${limit}::int, r.taken + ${wanted}::int)) end,
      granted = case when r.begins_at < excluded.begins_at then excluded.taken
        else greatest(0, least(${limit}::int, r.taken + ${wanted}::int) - r.taken) end
    returning granted, taken,
      (extract(epoch from begins_at - app_now()) * 1000)::float8 + ${windowMs}::int as ends_in_ms`.execute(
    tx.db,
  )
  const [row] = rows
  if (!row) throw new Error('a lease of tokens was not written')
  return {
    granted: row.granted,
    left: Math.max(0, limit - row.taken),
    endsInMs: Math.max(0, row.ends_in_ms),
  }
}
