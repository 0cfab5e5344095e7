/** Who is asking: bearer tokens from `POST /authenticates`, or the raw key, which is accepted with a warning (decision 16). */
import { type Database, inGlobalReading } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { admit, type Caller, type Target } from '../store/access.ts'
import { hashOf } from '../store/accounts.ts'
import type { Tokens } from './tokens.ts'

const RAW_KEY_WARNING =
  'The API key itself was sent: exchange it at POST /authenticates and send the token as Authorization: Bearer <token>.'

export interface Admission {
  caller: Caller
  warnings: string[]
}

/**
 * Finds the caller of a data route and the institution asked for, in one statement, so that a revoked key is out at once.
 * Throws `unauthenticated` saying what to do.
 */
export async function authenticate(
  database: Database,
  tokens: Tokens,
  authorization: string | undefined,
  target: Target,
): Promise<Admission> {
  if (!authorization?.trim())
    throw new Failure(
      'unauthenticated',
      'Missing Authorization: send Bearer and the token from POST /authenticates',
    )
  const credential = authorization.trim().replace(/^bearer\s+/i, '')
  const keyId = credential.split('.').length === 3 ? await tokens.read(credential) : null
  const key = keyId === null ? { hash: hashOf(credential) } : { id: keyId }
  const caller = await inGlobalReading(database, (tx) => admit(tx, key, target))
  if (!caller)
    throw new Failure('unauthenticated', [
      'Invalid Credentials',
      'Get a token from POST /authenticates with the API key in Authorization',
    ])
  return { caller, warnings: keyId === null ? [RAW_KEY_WARNING] : [] }
}

/** Exchanges a raw key for a token; says whose it is. Throws `unauthenticated` saying what to send. */
export async function exchangeKey(
  database: Database,
  tokens: Tokens,
  authorization: string | undefined,
): Promise<{ token: string; keyId: number }> {
  const key = authorization?.trim() ?? ''
  if (key === '' || /^bearer\b/i.test(key))
    throw new Failure('unauthenticated', [
      'Invalid Credentials',
      'POST /authenticates takes the API key itself in Authorization, without Bearer',
    ])
  const caller = await inGlobalReading(database, (tx) => admit(tx, { hash: hashOf(key) }, {}))
  if (!caller) throw new Failure('unauthenticated', 'Invalid Credentials')
  return { token: await tokens.issue(caller.keyId), keyId: caller.keyId }
}
