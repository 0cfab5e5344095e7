/** Answers kept under a client's key. In a tenant's transaction they are the institution's, in a global one the account's. */
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Database, Global, Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'

/** How long an answer is kept, in hours. */
const KEPT_HOURS = 24
/** How long a request waits for another with its key, in milliseconds; it holds a connection meanwhile. */
const WAIT_MS = 2_000
const LOCK_NOT_AVAILABLE = '55P03'

export interface KeptAnswer {
  /** Of the request that was answered; base64url. */
  fingerprint: string
  status: number
  /** The body as it was sent. */
  text: string
}

const tooOld = sql`created_at <= app_now() - ${KEPT_HOURS}::int * interval '1 hour'`

function placeOf(tx: Tenant | Global, accountId: number, key: string) {
  const hash = createHash('sha256').update(key).digest()
  if (!('institutionId' in tx))
    return {
      table: sql`account_idempotency`,
      columns: sql`account_id, key_hash`,
      values: sql`${accountId}::bigint, ${hash}::bytea`,
      is: sql`account_id = ${accountId} and key_hash = ${hash}`,
    }
  const { institutionId } = tx
  return {
    table: sql`idempotency`,
    columns: sql`institution_id, account_id, key_hash`,
    values: sql`${institutionId}::bigint, ${accountId}::bigint, ${hash}::bytea`,
    is: sql`institution_id = ${institutionId} and account_id = ${accountId} and key_hash = ${hash}`,
  }
}

/**
 * Takes the key for the request at hand until its transaction ends, or answers what was kept under it. Waits for another
 * request that has it, as long as `WAIT_MS`. The insert is the lock: it waits for the other's commit or rollback, and locks the
 * row that it meets, so that a transaction which only says an answer again waits for the synchronous standby as well.
 * @throws Failure `idempotency_in_progress` where the other one takes longer
 */
export async function claimKey(
  tx: Tenant | Global,
  accountId: number,
  key: string,
): Promise<KeptAnswer | null> {
  const { table, columns, values, is } = placeOf(tx, accountId, key)
  // The time to wait holds for this statement alone; what was set before comes back with the row. (A case keeps the order.)
  const claimed = await sql`
    insert into ${table} as i (${columns}) select ${values}
    where case when set_config('app.lock_timeout', current_setting('lock_timeout'), true) is not null
      then set_config('lock_timeout', ${String(WAIT_MS)}, true) is not null end
    on conflict (${columns}) do update set created_at = app_now(), answer_sealed = null where i.${tooOld}
    returning set_config('lock_timeout', current_setting('app.lock_timeout'), true)`
    .execute(tx.db)
    .catch((error) => {
      throw (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE ? inProgress() : error
    })
  if (claimed.rows.length > 0) return null
  const { rows } = await sql<{ answer_sealed: Buffer | null }>`
    select answer_sealed from ${table} where ${is}`.execute(tx.db)
  const sealed = rows[0]?.answer_sealed
  // Swept between the two statements: the next try runs.
  if (!sealed) throw inProgress()
  return tx.open(sealed) as KeptAnswer
}

function inProgress(): Failure {
  return new Failure(
    'idempotency_in_progress',
    'A request with this Idempotency-Key is being carried out; ask again for its answer',
  )
}

/** Keeps the answer under the key that this transaction has claimed. */
export async function keepAnswer(
  tx: Tenant | Global,
  accountId: number,
  key: string,
  answer: KeptAnswer,
): Promise<void> {
  const { table, is } = placeOf(tx, accountId, key)
  await sql`update ${table} set answer_sealed = ${tx.seal(answer)} where ${is}`.execute(tx.db)
}

/** Deletes a batch of answers that are too old; part of the sequencer's turn. Answers how many. */
export async function sweepAnswers(tx: { db: Database['kysely'] }, most: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select sweep_idempotency(${KEPT_HOURS}::int * interval '1 hour', ${most}) as n`.execute(tx.db)
  return rows[0]?.n ?? 0
}
