/** Labels of working hours: a record system's names for kinds of time. Read only. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { type Page, type Placed, selectPage } from './page.ts'

export interface LabelRow {
  id: number
  location_id: number | null
  name: string
}

/** A location's labels and those of the whole institution, in the order of ids. */
export async function listLabels(
  tx: Tenant,
  f: { locationId?: number | undefined; searchName?: string | undefined; active?: boolean | undefined },
  page: Page,
): Promise<Placed<LabelRow>[]> {
  const where = sql`where b.institution_id = ${tx.institutionId}
    and (${f.locationId ?? null}::bigint is null or b.location_id is null or b.location_id = ${f.locationId ?? null})
    and (${f.searchName ?? null}::text is null or position(lower(${f.searchName ?? null}) in lower(b.name)) > 0)
    and (${f.active ?? null}::boolean is null or b.active = ${f.active ?? null})`
  const [columns, from, id] = [sql`b.id, b.location_id, b.name`, sql`from working_hour_labels b`, sql`b.id`]
  return await selectPage<LabelRow>(tx, { columns, from, where, id, key: id, keyType: 'bigint' }, page)
}
