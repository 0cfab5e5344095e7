/** Who is asking, and for which institution: one statement for each request, so that revoking a key acts at once. */
import { sql } from 'kysely'
import type { Global } from '../db/database.ts'
import type { Limits } from '../model/rate-limits.ts'
import type { Scope } from '../model/wire-scopes.ts'

/** Things whose id tells their institution (decision 30). */
export const LOCATED_NOUNS = [
  'institution',
  'location',
  'provider',
  'operatory',
  'patient',
  'appointment',
  'appointment_type',
  'working_hour',
  'slot_hold',
  'procedure',
] as const
export type LocatedNoun = (typeof LOCATED_NOUNS)[number]

/** How a request says which institution it is about. */
export interface Target {
  subdomain?: string | undefined
  noun?: LocatedNoun | undefined
  id?: number | undefined
}

export interface Caller {
  keyId: number
  accountId: number
  scopes: Scope[]
  /** Null: every institution of the account. */
  institutionIds: number[] | null
  /** Null: none. */
  limits: Limits | null
  /** The one that the request is about; null where it is unknown, or not this key's. */
  institution: { id: number; subdomain: string; countryCode: string } | null
}

interface Row {
  key_id: number
  account_id: number
  scopes: Scope[]
  institution_ids: number[] | null
  limits: Limits | null
  institution_id: number | null
  subdomain: string | null
  country_code: string | null
}

/**
 * Finds the key by its hash or, for a token, by its id, and the institution asked for.
 * @returns null where there is no such key or it was revoked
 */
export async function admit(
  tx: Global,
  key: { hash: Buffer } | { id: number },
  target: Target,
): Promise<Caller | null> {
  const which = 'hash' in key ? sql`k.hash = ${key.hash}` : sql`k.id = ${key.id}`
  const { rows } = await sql<Row>`
    select k.id as key_id, k.account_id, k.scopes, to_json(k.institution_ids) as institution_ids, k.limits,
      i.id as institution_id, i.subdomain, i.country_code
    from api_keys k
    left join lateral (
      select i.id, i.subdomain, i.country_code from institutions i
      join account_institutions a on a.institution_id = i.id and a.account_id = k.account_id
      where ${institutionWanted(target)} and (k.institution_ids is null or i.id = any(k.institution_ids))) i on true
    where ${which} and k.revoked_at is null`.execute(tx.db)
  const row = rows[0]
  if (!row) return null
  const { institution_id: id, subdomain, country_code: countryCode } = row
  return {
    keyId: row.key_id,
    accountId: row.account_id,
    scopes: row.scopes,
    institutionIds: row.institution_ids,
    limits: row.limits,
    institution:
      id !== null && subdomain !== null && countryCode !== null ? { id, subdomain, countryCode } : null,
  }
}

function institutionWanted({ subdomain, noun, id }: Target) {
  if (subdomain !== undefined) return sql`i.subdomain = ${subdomain}`
  if (noun === undefined || id === undefined) return sql`false`
  if (noun === 'institution') return sql`i.id = ${id}`
  return sql`i.id = institution_of(${noun}, ${id})`
}
