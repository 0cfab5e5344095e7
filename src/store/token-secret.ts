/** The secret that signs our bearer tokens: made once for the installation, sealed under the master key. */
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Global } from '../db/database.ts'

const SECRET_BYTES = 32

/** The secret; the first caller of an installation makes it, and two at once agree on one. */
export async function tokenSecret(tx: Global): Promise<Buffer> {
  const made = tx.seal(randomBytes(SECRET_BYTES).toString('base64'))
  await sql`insert into token_secrets (secret_sealed) select ${made}
    where not exists (select from token_secrets) on conflict do nothing`.execute(tx.db)
  const { rows } = await sql<{ secret_sealed: Buffer }>`select secret_sealed from token_secrets`.execute(
    tx.db,
  )
  const row = rows[0]
  if (!row) throw new Error('the token secret was not kept')
  return Buffer.from(String(tx.open(row.secret_sealed)), 'base64')
}
