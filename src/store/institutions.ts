/** Institutions: the practices that an account may see. */
import { sql } from 'kysely'
import { type Database, type Global, inGlobal, insertDataKey } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import type { Instant } from '../model/time.ts'

export interface InstitutionRow {
  id: number
  subdomain: string
  name: string
  phone_number: string | null
  country_code: string
  appointment_types_location_scoped: boolean
  is_sync_notifications: boolean
  notify_insert_fails: boolean
  created_at: Instant
  updated_at: Instant
}

export interface InstitutionChange {
  name?: string | undefined
  phone_number?: string | undefined
  country_code?: string | undefined
  appointment_types_location_scoped?: boolean | undefined
  is_sync_notifications?: boolean | undefined
  notify_insert_fails?: boolean | undefined
}

export interface NewInstitution extends InstitutionChange {
  accountId: number
  /** Lower-case letters, digits and hyphens, at most 63. */
  subdomain: string
  name: string
}

const SUBDOMAIN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Makes an institution, lets the account see it, and makes its data key. Answers its id.
 * Throws `invalid_request` where the subdomain is malformed or taken.
 */
export async function createInstitution(database: Database, wanted: NewInstitution): Promise<number> {
  const { accountId, ...fields } = wanted
  if (!SUBDOMAIN.test(fields.subdomain))
    throw new Failure(
      'invalid_request',
      'Parameter subdomain must be lower-case letters, digits and hyphens, at most 63',
    )
  return await inGlobal(database, async (tx) => {
    const row = await tx.db
      .insertInto('institutions')
      .values(defined(fields))
      .onConflict((conflict) => conflict.column('subdomain').doNothing())
      .returning('id')
      .executeTakeFirst()
    if (!row) throw new Failure('invalid_request', 'Parameter subdomain is taken')
    await tx.db
      .insertInto('account_institutions')
      .values({ account_id: accountId, institution_id: row.id })
      .execute()
    await insertDataKey(database, tx, row.id)
    return row.id
  })
}

/** Changes what is given. Answers false where there is no such institution. */
export async function updateInstitution(tx: Global, id: number, change: InstitutionChange): Promise<boolean> {
  const { rows } = await sql`
    update institutions set name = coalesce(${change.name ?? null}, name),
      phone_number = coalesce(${change.phone_number ?? null}, phone_number),
      country_code = coalesce(${change.country_code ?? null}, country_code),
      appointment_types_location_scoped =
        coalesce(${change.appointment_types_location_scoped ?? null}, appointment_types_location_scoped),
      is_sync_notifications = coalesce(${change.is_sync_notifications ?? null}, is_sync_notifications),
      notify_insert_fails = coalesce(${change.notify_insert_fails ?? null}, notify_insert_fails), updated_at = app_now()
    where id = ${id} returning id`.execute(tx.db)
  return rows.length > 0
}

const columns = sql`i.id, i.subdomain, i.name, i.phone_number, i.country_code, i.appointment_types_location_scoped,
  i.is_sync_notifications, i.notify_insert_fails, i.created_at, i.updated_at`

export interface InstitutionFilter {
  /** Null: of every account. */
  accountId: number | null
  /** Narrows further; null: no narrowing. */
  institutionIds: number[] | null
  subdomain?: string | undefined
}

function filtered(filter: InstitutionFilter) {
  return sql`from institutions i where i.deleted_at is null and (${filter.accountId}::bigint is null or exists (select from account_institutions a
      where a.institution_id = i.id and a.account_id = ${filter.accountId}))
    and (${filter.institutionIds}::bigint[] is null or i.id = any(${filter.institutionIds}::bigint[]))
    and (${filter.subdomain ?? null}::text is null or i.subdomain = ${filter.subdomain ?? null})`
}

/** Institutions in the order of their ids. */
export async function listInstitutions(
  tx: Global,
  filter: InstitutionFilter,
  page: { limit: number; offset: number },
): Promise<InstitutionRow[]> {
  const { rows } = await sql<InstitutionRow>`select ${columns} ${filtered(filter)}
    order by i.id limit ${page.limit} offset ${page.offset}`.execute(tx.db)
  return rows
}

/** The ids of all that have a key. */
export async function listInstitutionIds(tx: Global): Promise<number[]> {
  const { rows } = await sql<{
    id: number
  }>`select id from institutions where deleted_at is null order by id`.execute(tx.db)
  return rows.map(({ id }) => id)
}

export async function countInstitutions(tx: Global, filter: InstitutionFilter): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n ${filtered(filter)}`.execute(tx.db)
  return rows[0]?.n ?? 0
}

export async function findInstitution(tx: Global, id: number): Promise<InstitutionRow | null> {
  const { rows } =
    await sql<InstitutionRow>`select ${columns} from institutions i where i.id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** Without the keys whose value is undefined: a default of the table stands for them. */
function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

/** The ids of all, and of those that were deleted: their audit is still there. */
export async function listAllInstitutionIds(tx: Global): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`select id from institutions order by id`.execute(tx.db)
  return rows.map(({ id }) => id)
}
