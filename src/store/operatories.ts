/** Operatories, read. The directory's merge writes them. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'
import type { Operatory } from '../model/wire-practice.ts'
import { countRows, type Page, type Placed, selectPage } from './page.ts'

export type OperatoryRow = Omit<Operatory, 'appointment_types' | 'appt_categories'>

export interface OperatoryFilter {
  ids?: number[] | undefined
  locationId?: number | undefined
  /** Part of the name, without regard to case. */
  searchName?: string | undefined
  foreignId?: string | undefined
  updatedSince?: Instant | undefined
  /** Those whose active working hours name this type. */
  appointmentTypeId?: number | undefined
}

const columns = sql`o.id, o.name, o.foreign_id, d.foreign_id_type, o.location_id, o.last_sync_time, o.created_at, o.updated_at,
  o.name as display_name, o.active, o.bookable_online`
const from = sql`from operatories o join data_sources d on d.institution_id = o.institution_id and d.id = o.data_source_id`

function filtered(tx: Tenant, f: OperatoryFilter) {
  return sql`where o.institution_id = ${tx.institutionId}
    and (${f.ids ?? null}::bigint[] is null or o.id = any(${f.ids ?? null}::bigint[]))
    and (${f.locationId ?? null}::bigint is null or o.location_id = ${f.locationId ?? null})
    and (${f.searchName ?? null}::text is null or position(lower(${f.searchName ?? null}) in lower(o.name)) > 0)
    and (${f.foreignId ?? null}::text is null or o.foreign_id = ${f.foreignId ?? null})
    and (${f.updatedSince ?? null}::timestamptz is null or o.updated_at >= ${f.updatedSince ?? null})
    and (${f.appointmentTypeId ?? null}::bigint is null or exists (
      select from working_hours h join working_hour_types t
        on t.institution_id = h.institution_id and t.working_hour_id = h.id
      where h.institution_id = o.institution_id and h.operatory_id = o.id and h.active
        and t.appointment_type_id = ${f.appointmentTypeId ?? null}))`
}

export async function listOperatories(
  tx: Tenant,
  filter: OperatoryFilter,
  page: Page,
): Promise<Placed<OperatoryRow>[]> {
  return await selectPage<OperatoryRow>(
    tx,
    { columns, from, where: filtered(tx, filter), id: sql`o.id`, key: sql`o.id`, keyType: 'bigint' },
    page,
  )
}

export async function countOperatories(tx: Tenant, filter: OperatoryFilter): Promise<number> {
  return await countRows(tx, { from, where: filtered(tx, filter) })
}

export async function findOperatory(tx: Tenant, id: number): Promise<OperatoryRow | null> {
  const { rows } = await sql<OperatoryRow>`select ${columns} ${from}
    where o.institution_id = ${tx.institutionId} and o.id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}
