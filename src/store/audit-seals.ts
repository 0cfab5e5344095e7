/** Seals: the links of the audit's hash chains, one chain for each institution. */
import { sql } from 'kysely'
import type { AuditChain, WorkTransaction } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

export interface Seal {
  id: number
  /** 1, 2, 3… in each chain. */
  number: number
  sealed_at: Instant
  row_count: number
  /** Ascending. A row that committed late is in a later seal than its neighbours. */
  audit_ids: number[]
  /** 32 bytes for each row, in the same order. */
  row_hashes: Buffer
  previous_hash: Buffer
  hash: Buffer
}

/** The newest seal of a chain. */
export interface Head {
  institution_id: number
  number: number
  hash: Buffer
  sealed_at: Instant
}

/**
 * The sealer's one statement: takes rows that are not sealed and adds a seal to the chain of each institution among them. The
 * work role sees their hashes and nothing of what they say. What a seal's hash is made of stands in docs/operations/audit.md.
 * @returns how many rows were sealed
 */
export async function sealAudit({ db }: WorkTransaction, limit: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    with taken as (
      delete from audit_unsealed u using (select institution_id, audit_id from audit_unsealed limit ${limit}) c
      where u.institution_id = c.institution_id and u.audit_id = c.audit_id
      returning u.institution_id, u.audit_id, u.hash),
    links as (
      select t.institution_id, coalesce(h.number, 0) + 1 as number, app_now()::timestamptz(3) as sealed_at,
        count(*)::int as row_count, array_agg(t.audit_id order by t.audit_id) as audit_ids,
        string_agg(t.hash, '' order by t.audit_id) as row_hashes,
        coalesce(h.hash, decode(repeat('00', 32), 'hex')) as previous_hash
      from taken t left join audit_heads h on h.institution_id = t.institution_id
      group by t.institution_id, h.number, h.hash),
    seals as (
      select *, sha256(convert_to(concat_ws(E'\n', institution_id, number,
        to_char(sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), row_count,
        array_to_string(audit_ids, ','), encode(row_hashes, 'hex'), encode(previous_hash, 'hex')), 'UTF8')) as hash
      from links),
    added as (
      insert into audit_seals (institution_id, number, sealed_at, last_audit_id, row_count, audit_ids, row_hashes,
        previous_hash, hash)
      select institution_id, number, sealed_at, audit_ids[row_count], row_count, audit_ids, row_hashes, previous_hash, hash
      from seals),
    headed as (
      insert into audit_heads (institution_id, number, hash, sealed_at)
      select institution_id, number, hash, sealed_at from seals
      on conflict (institution_id) do update
        set number = excluded.number, hash = excluded.hash, sealed_at = excluded.sealed_at)
    select coalesce(sum(row_count), 0)::bigint as n from seals`.execute(db)
  return rows[0]?.n ?? 0
}

/** Seals of a chain after a seal's id, in order. */
export async function listSeals(
  { db, institutionId }: AuditChain,
  after: number,
  limit: number,
): Promise<Seal[]> {
  const { rows } = await sql<Seal>`
    select id, number, sealed_at, row_count, audit_ids, row_hashes, previous_hash, hash from audit_seals
    where institution_id = ${institutionId} and id > ${after} order by id limit ${limit}`.execute(db)
  return rows
}

/** The heads of all chains, in the order of their institutions; as the work role, which sees no more of the audit. */
export async function listHeads({ db }: WorkTransaction): Promise<Head[]> {
  const { rows } = await sql<Head>`
    select institution_id, number, hash, sealed_at from audit_heads order by institution_id`.execute(db)
  return rows
}

export async function findHead({ db, institutionId }: AuditChain): Promise<Head | null> {
  const { rows } = await sql<Head>`select institution_id, number, hash, sealed_at from audit_heads
    where institution_id = ${institutionId}`.execute(db)
  return rows[0] ?? null
}

/** Rows that no seal holds and none is going to: they were added past the log, or their seal was taken away. */
export async function listStrays({ db, institutionId }: AuditChain, limit: number): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from audit where institution_id = ${institutionId}
    except select unnest(audit_ids) from audit_seals where institution_id = ${institutionId}
    except select audit_id from audit_unsealed where institution_id = ${institutionId}
    order by id limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}

/** From which ids on rows and seals are kept; what is below them was retired. */
export async function keptFrom({ db }: AuditChain): Promise<{ rows: number; seals: number }> {
  const { rows } = await sql<{ rows: number; seals: number }>`
    select coalesce(min(first_id) filter (where ids = 'audit_ids'), 0) as rows,
      coalesce(min(first_id) filter (where ids = 'audit_seal_ids'), 0) as seals
    from log_partitions where ids like 'audit%'`.execute(db)
  return rows[0] ?? { rows: 0, seals: 0 }
}
