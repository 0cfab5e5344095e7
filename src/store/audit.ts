/**
 * The audit log: a row for each request and delivery, and for each command that shows or changes something of patients. Rows are added and never changed; the statement that adds a row
 * also leaves its hash for the sealer (`audit-seals.ts`), so that no row is without.
 */
import { sql } from 'kysely'
import type { AuditChain, Tenant, WorkTransaction } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

/** Stands for the institution of what concerns none: the installation has a chain of its own. */
export const INSTALLATION = 0

export interface NewAudit {
  /** `INSTALLATION` where there is none. */
  institutionId: number
  /** Of a command `request` where it changed something, `export` where it showed. */
  kind: 'request' | 'delivery' | 'export'
  method: string | null
  /** The route's pattern, never the URL; of a command its words. Null where nothing is served. */
  route: string | null
  /** Null for what has no answer, or none yet. */
  status: number | null
  apiKeyId: number | null
  /** Of a delivery its message id. */
  requestId: string
  webhookEndpointId: number | null
  /** Null: every patient of the institution. */
  patientIds: number[] | null
}

export interface AuditRow {
  id: number
  institution_id: number
  at: Instant
  kind: NewAudit['kind']
  method: string | null
  route: string | null
  status: number | null
  api_key_id: number | null
  request_id: string
  webhook_endpoint_id: number | null
  patient_ids: number[] | null
}

/** As every transaction may add rows: a tenant's of its own institution, the work loop's of any. */
type Adding = Tenant | WorkTransaction

const columns = sql`institution_id, id, at, kind, method, route, status, api_key_id, request_id, webhook_endpoint_id, patient_ids`

/** Adds rows in one statement. They count when the transaction commits, and none of them can be taken back. */
export async function appendAudit(tx: Adding, rows: NewAudit[]): Promise<void> {
  if (rows.length === 0) return
  const patients = rows.map(({ patientIds }) => patientIds && `{${patientIds.join(',')}}`)
  await sql`
    with given as (
      select r.institution_id, nextval('audit_ids') as id, app_now()::timestamptz(3) as at, r.kind, r.method, r.route,
        r.status, r.api_key_id, r.request_id, r.webhook_endpoint_id, r.patient_ids::bigint[] as patient_ids
      from unnest(${rows.map((row) => row.institutionId)}::bigint[], ${rows.map((row) => row.kind)}::text[],
        ${rows.map((row) => row.method)}::text[], ${rows.map((row) => row.route)}::text[],
        ${rows.map((row) => row.status)}::int[], ${rows.map((row) => row.apiKeyId)}::bigint[],
        ${rows.map((row) => row.requestId)}::text[], ${rows.map((row) => row.webhookEndpointId)}::bigint[],
        ${patients}::text[]) as r(institution_id, kind, method, route, status, api_key_id, request_id,
          webhook_endpoint_id, patient_ids)),
    added as (insert into audit (${columns}) select ${columns} from given)
    insert into audit_unsealed (institution_id, audit_id, hash)
    select institution_id, id, audit_hash(${columns}) from given`.execute(tx.db)
}

/** The transaction's commit will not wait for the disk, nor for a standby. */
export async function commitUnflushed({ db }: WorkTransaction): Promise<void> {
  await sql`set local synchronous_commit = off`.execute(db)
}

export interface AuditFilter {
  /** Of this instant or later, and before that one. */
  from?: Instant | undefined
  to?: Instant | undefined
  /** Touched this patient, by its id or as one of all. */
  patientId?: number | undefined
}

/** Rows of a chain after an id, in the order of their ids. */
export async function listAudit(
  { db, institutionId }: AuditChain,
  after: number,
  limit: number,
  { from, to, patientId }: AuditFilter = {},
): Promise<AuditRow[]> {
  const { rows } = await sql<AuditRow>`select ${columns} from audit
    where institution_id = ${institutionId} and id > ${after}
      and (${from ?? null}::timestamptz is null or at >= ${from ?? null})
      and (${to ?? null}::timestamptz is null or at < ${to ?? null})
      and (${patientId ?? null}::bigint is null or patient_ids is null or ${patientId ?? null} = any(patient_ids))
    order by id limit ${limit}`.execute(db)
  return rows
}

/** Rows of a chain by their ids; those that are not there are left out. */
export async function findAudit({ db, institutionId }: AuditChain, ids: number[]): Promise<AuditRow[]> {
  const { rows } = await sql<AuditRow>`select ${columns} from audit
    where institution_id = ${institutionId} and id = any(${ids}::bigint[]) order by id`.execute(db)
  return rows
}

/** Drops what is older than `days`, whole partitions at a time; part of the sealer's turn. */
export async function retireAudit({ db }: WorkTransaction, days: number): Promise<void> {
  await sql`select retire_audit(${days} * interval '1 day')`.execute(db)
}
