/**
 * `Idempotency-Key`: a request that is sent again under its key is answered as it was the first time, to the byte, and not
 * carried out. What is kept is kept in the request's own transaction, so that neither is ever there without the other.
 */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import {
  type Database,
  inGlobal,
  inOneTransaction,
  inPart,
  inTenant,
  inWork,
  type Tenant,
  type WorkTransaction,
} from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { claimKey, keepAnswer } from '../store/idempotency.ts'
import { withAlternativesIn } from './alternatives.ts'
import type { GivenBody } from './given-body.ts'
import type { Route } from './route.ts'
import { chooseVersion } from './versions/choose.ts'

/** Bears `true` where the answer is one that was kept. */
export const REPLAYED_HEADER = 'idempotency-replayed'

const KEY_LENGTH_MAX = 255

/** A request that is to be answered once. */
export interface Once {
  accountId: number
  key: string
  fingerprint: string
  /** The answer of a refusal that is kept. */
  refuse(failure: Failure): Rendered | Promise<Rendered>
  /** Audits the answer in the request's own transaction. */
  audit(tx: Tenant | WorkTransaction, status: number): Promise<void>
}

/** An answer as it leaves. */
export interface Rendered {
  status: number
  text: string
  /** What a replay says, where it is not the same: secrets leave once. */
  later?: string
  /** Workers are woken after the commit. */
  owes?: boolean
}

export interface Sent extends Rendered {
  replayed: boolean
}

/**
 * The key of a request to change something; null where it bears none.
 * @throws Failure where the key is malformed
 */
export function readIdempotencyKey(request: FastifyRequest): string | null {
  const given = request.headers['idempotency-key']
  if (given === undefined || (request.method !== 'POST' && request.method !== 'PATCH')) return null
  const key = String(given)
  if (key.length > KEY_LENGTH_MAX || !/^[\x21-\x7e]+$/.test(key))
    throw new Failure(
      'invalid_request',
      `Idempotency-Key must be 1 to ${KEY_LENGTH_MAX} visible ASCII characters without spaces`,
    )
  return key
}

/** What makes a request the same as another: the order of the query's names and a slash at the end do not matter. */
export function fingerprintOf(route: Route, request: FastifyRequest): string {
  const sorted = (given: unknown) => Object.entries(given as object).sort(([a], [b]) => (a < b ? -1 : 1))
  const { version } = chooseVersion(request.headers)
  const { text } = (request.body ?? { text: '' }) as GivenBody
  const parts = [route.method, route.path, sorted(request.params), sorted(request.query), version, text]
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}

/** Answers a request about an institution once; `run` works in the institution's transaction. */
export async function onceInTenant(
  database: Database,
  institutionId: number,
  once: Once,
  run: (tx: Tenant) => Promise<Rendered>,
): Promise<Sent> {
  return await inTenant(database, institutionId, async (tx) => {
    const kept = refuseOther(once, await claimKey(tx, once.accountId, once.key))
    if (kept) return kept
    const { rendered, fingerprint } = await answerOnce(once, async () => {
      // What is noted as changed is noted of the part: nothing is told of what was rolled back with it.
      const part = { ...tx }
      const answer = await withAlternativesIn(tx, () => inPart(tx.db, () => run(part)))
      await database.beforeCommit(part)
      return answer
    })
    await keepAnswer(tx, once.accountId, once.key, { ...laterOf(rendered), fingerprint })
    await once.audit(tx, rendered.status)
    return { ...rendered, replayed: false }
  })
}

/** The same for a request about the account; the transactions of `run` on the database it is given become one. */
export async function onceInAccount(
  database: Database,
  once: Once,
  run: (joined: Database) => Promise<Rendered>,
): Promise<Sent> {
  return await inOneTransaction(database, async (joined) => {
    const kept = refuseOther(once, await inGlobal(joined, (tx) => claimKey(tx, once.accountId, once.key)))
    if (kept) return kept
    const { rendered, fingerprint } = await answerOnce(once, () => run(joined))
    const answer = { ...laterOf(rendered), fingerprint }
    await inGlobal(joined, (tx) => keepAnswer(tx, once.accountId, once.key, answer))
    await inWork(joined, (tx) => once.audit(tx, rendered.status))
    return { ...rendered, replayed: false }
  })
}

type Kept = Awaited<ReturnType<typeof claimKey>>

/** Looked at before the body is: another request under this key is wrong whatever it says. */
function refuseOther({ fingerprint }: Once, kept: Kept): Sent | null {
  if (!kept) return null
  if (kept.fingerprint !== fingerprint)
    throw new Failure(
      'idempotency_mismatch',
      'This Idempotency-Key was used for another request: send each new request under a new key',
    )
  return { status: kept.status, text: kept.text, replayed: true }
}

/** A time that is taken is an answer like another; any other refusal leaves nothing behind, and may be tried again. */
async function answerOnce(once: Once, run: () => Promise<Rendered>) {
  const { fingerprint } = once
  try {
    return { rendered: await run(), fingerprint }
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'slot_taken') throw error
    return { rendered: await once.refuse(error), fingerprint }
  }
}

function laterOf({ status, text, later }: Rendered) {
  return { status, text: later ?? text }
}
