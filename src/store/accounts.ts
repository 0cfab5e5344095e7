/** Accounts and their API keys. A key is random, shown once, and kept as its SHA-256 only. */
import { createHash, randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Global } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import type { Limits } from '../model/rate-limits.ts'
import type { Instant } from '../model/time.ts'
import { isScope, type Scope } from '../model/wire-scopes.ts'

const KEY_BYTES = 32

export interface ApiKey {
  id: number
  account_id: number
  name: string
  scopes: Scope[]
  /** Null: every institution of the account. */
  institution_ids: number[] | null
  /** Null: none. */
  limits: Limits | null
  created_at: Instant
  revoked_at: Instant | null
}

export interface NewKey {
  accountId: number
  name: string
  scopes: readonly string[]
  institutionIds: number[] | null
  /** None unless given. */
  limits?: Limits | null
}

/** Makes an account and answers its id. */
export async function createAccount(tx: Global, name: string): Promise<number> {
  const { rows } = await sql<{
    id: number
  }>`insert into accounts (name) values (${name}) returning id`.execute(tx.db)
  return only(rows).id
}

export async function listAccounts(tx: Global): Promise<{ id: number; name: string }[]> {
  const { rows } = await sql<{ id: number; name: string }>`select id, name from accounts order by id`.execute(
    tx.db,
  )
  return rows
}

/** What is kept of a key. */
export function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/**
 * Makes a key and answers it, this once.
 * Throws `invalid_request` for an unknown scope, and for an institution that the account may not see.
 */
export async function createKey(tx: Global, wanted: NewKey): Promise<{ id: number; key: string }> {
  const unknown = wanted.scopes.filter((scope) => !isScope(scope))
  if (unknown.length > 0)
    throw new Failure(
      'invalid_request',
      unknown.map((scope) => `Unknown scope ${scope}`),
    )
  if (wanted.scopes.length === 0) throw new Failure('invalid_request', 'A key needs at least one scope')
  await refuseForeign(tx, wanted.accountId, wanted.institutionIds ?? [])
  const key = `sb_${randomBytes(KEY_BYTES).toString('base64url')}`
  const { rows } = await sql<{ id: number }>`
    insert into api_keys (account_id, name, hash, scopes, institution_ids, limits)
    values (${wanted.accountId}, ${wanted.name}, ${hashOf(key)}, ${[...new Set(wanted.scopes)]},
      ${wanted.institutionIds}::bigint[], ${limitsJson(wanted.limits)}::jsonb) returning id`.execute(tx.db)
  return { id: only(rows).id, key }
}

async function refuseForeign(tx: Global, accountId: number, institutionIds: number[]): Promise<void> {
  const { rows } = await sql<{ id: number }>`
    select wanted as id from unnest(${institutionIds}::bigint[]) as wanted
    where not exists (select from account_institutions a where a.account_id = ${accountId} and a.institution_id = wanted)`.execute(
    tx.db,
  )
  if (rows.length > 0)
    throw new Failure(
      'invalid_request',
      rows.map(({ id }) => `Institution ${id} is not one of the account's`),
    )
}

const columns = sql`k.id, k.account_id, k.name, k.scopes, to_json(k.institution_ids) as institution_ids, k.limits,
  k.created_at, k.revoked_at`

/** Keys, revoked ones included, oldest first; of one account, or (null) of all. At most `limit`. */
export async function listKeys(tx: Global, accountId: number | null, limit = 1000): Promise<ApiKey[]> {
  const { rows } = await sql<ApiKey>`select ${columns} from api_keys k
    where ${accountId}::bigint is null or k.account_id = ${accountId} order by k.id limit ${limit}`.execute(
    tx.db,
  )
  return rows
}

export async function findKey(tx: Global, id: number): Promise<ApiKey | null> {
  const { rows } = await sql<ApiKey>`select ${columns} from api_keys k where k.id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** Sets what a key may send; null: no limits. Answers false where there is no such key. */
export async function limitKey(tx: Global, id: number, limits: Limits | null): Promise<boolean> {
  const { rows } =
    await sql`update api_keys set limits = ${limitsJson(limits)}::jsonb where id = ${id} returning id`.execute(
      tx.db,
    )
  return rows.length > 0
}

function limitsJson(limits: Limits | null | undefined): string | null {
  return limits ? JSON.stringify(limits) : null
}

/** Revokes a key, which ends its tokens with the next request (decision 16). Answers false where there is none. */
export async function revokeKey(tx: Global, id: number): Promise<boolean> {
  const { rows } = await sql`update api_keys set revoked_at = coalesce(revoked_at, app_now())
    where id = ${id} returning id`.execute(tx.db)
  return rows.length > 0
}

function only<Row>(rows: Row[]): Row {
  const row = rows[0]
  if (row === undefined) throw new Error('a statement that returns one row returned none')
  return row
}
