/** Verifies a chain of the audit against itself: every row against its seal, every seal against the one before. */
import { createHash } from 'node:crypto'
import type { AuditChain } from '../db/database.ts'
import { type AuditRow, findAudit } from './audit.ts'
import { findHead, keptFrom, listSeals, listStrays, type Seal } from './audit-seals.ts'

const HASH_BYTES = 32
const NOTHING_BEFORE = Buffer.alloc(HASH_BYTES)
const SEALS_AT_ONCE = 100
const STRAYS_MAX = 100

/** Something that is not as it was sealed. */
export interface Fault {
  problem:
    | 'row_changed'
    /** It is what was sealed under another id. */
    | 'row_moved'
    | 'row_missing'
    | 'row_unsealed'
    | 'seal_changed'
    | 'seal_missing'
  /** Number of the seal; null where no seal knows the row. */
  seal: number | null
  /** Id of the row; null where it is about a seal. */
  row: number | null
}

export interface Verified {
  seals: number
  /** Rows that were compared; what was retired is not there to be. */
  rows: number
  /** Number of the first seal that is kept; null where there is none. */
  first: number | null
  faults: Fault[]
  /** Those of the heads asked for that the chain holds, in hex. */
  found: string[]
}

/** What the hash of a row is made of; `audit_hash` in the database makes the same. */
export function hashRow(row: AuditRow): Buffer {
  const { institution_id, id, at, kind, method, route, status, api_key_id } = row
  const patients = row.patient_ids ? row.patient_ids.join(',') : '*'
  const lines = [institution_id, id, at, kind, method, route, status, api_key_id, row.request_id]
  return sha256([...lines, row.webhook_endpoint_id, patients])
}

function hashSeal(institutionId: number, seal: Seal): Buffer {
  return sha256([
    institutionId,
    seal.number,
    seal.sealed_at,
    seal.row_count,
    seal.audit_ids.join(','),
    seal.row_hashes.toString('hex'),
    seal.previous_hash.toString('hex'),
  ])
}

/** Over a line for each value; nothing is an empty one. */
function sha256(values: (string | number | null)[]): Buffer {
  return createHash('sha256')
    .update(values.map((value) => value ?? '').join('\n'))
    .digest()
}

/** @param heads hashes in hex that were kept elsewhere; the chain holds those that it grew from */
export async function verifyChain(chain: AuditChain, heads: ReadonlySet<string>): Promise<Verified> {
  const verified: Verified = { seals: 0, rows: 0, first: null, faults: [], found: [] }
  // Asked first: what is sealed meanwhile is newer than both.
  const kept = await keptFrom(chain)
  const head = await findHead(chain)
  let previous: Seal | null = null
  let isHeadSeen = head === null
  for (let after = 0; ; ) {
    const seals = await listSeals(chain, after, SEALS_AT_ONCE)
    for (const seal of seals) {
      compareLink(verified, chain.institutionId, seal, { previous, isCut: kept.seals > 0 })
      noteHeads(verified, seal, heads)
      await compareRows(verified, chain, seal, kept.rows)
      if (head && seal.number === head.number && seal.hash.equals(head.hash)) isHeadSeen = true
      previous = seal
      after = seal.id
    }
    if (seals.length < SEALS_AT_ONCE) break
  }
  if (head && !isHeadSeen) verified.faults.push({ problem: 'seal_missing', seal: head.number, row: null })
  for (const row of await listStrays(chain, STRAYS_MAX))
    verified.faults.push({ problem: 'row_unsealed', seal: null, row })
  return verified
}

interface Link {
  previous: Seal | null
  /** The beginnings of chains were retired. */
  isCut: boolean
}

function compareLink(verified: Verified, institutionId: number, seal: Seal, { previous, isCut }: Link): void {
  const expected = previous ? previous.number + 1 : isCut ? seal.number : 1
  for (let number = expected; number < seal.number; number++)
    verified.faults.push({ problem: 'seal_missing', seal: number, row: null })
  const before = previous?.hash ?? (seal.number === 1 ? NOTHING_BEFORE : seal.previous_hash)
  const isLinked = seal.number === expected && seal.previous_hash.equals(before)
  const isOwn = hashSeal(institutionId, seal).equals(seal.hash)
  // After one that is missing there is nothing to be linked to.
  if (!isOwn || (!isLinked && seal.number <= expected))
    verified.faults.push({ problem: 'seal_changed', seal: seal.number, row: null })
  verified.seals++
  verified.first ??= seal.number
}

/** The first kept seal also proves the one before it, which was retired. */
function noteHeads({ found, seals }: Verified, seal: Seal, heads: ReadonlySet<string>): void {
  const proven = seals === 1 ? [seal.previous_hash, seal.hash] : [seal.hash]
  found.push(...proven.map((hash) => hash.toString('hex')).filter((hash) => heads.has(hash)))
}

async function compareRows(
  verified: Verified,
  chain: AuditChain,
  seal: Seal,
  keptFromId: number,
): Promise<void> {
  const sealed = new Map<number, Buffer>()
  for (const [at, id] of seal.audit_ids.entries())
    if (id >= keptFromId) sealed.set(id, seal.row_hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES))
  const rows = new Map((await findAudit(chain, [...sealed.keys()])).map((row) => [row.id, row]))
  const fault = (problem: Fault['problem'], row: number) =>
    verified.faults.push({ problem, seal: seal.number, row })
  const changed: AuditRow[] = []
  for (const [id, hash] of sealed) {
    const row = rows.get(id)
    if (!row) fault('row_missing', id)
    else if (!hashRow(row).equals(hash)) changed.push(row)
    verified.rows++
  }
  for (const row of changed) {
    const isMoved = changed.some(
      ({ id }) => id !== row.id && sealed.get(id)?.equals(hashRow({ ...row, id })) === true,
    )
    fault(isMoved ? 'row_moved' : 'row_changed', row.id)
  }
}
