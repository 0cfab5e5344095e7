/** Providers, read. The directory's merge writes them. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'
import { countRows, type Page, type Placed, selectPage } from './page.ts'

export interface ProviderRow {
  id: number
  first_name: string
  last_name: string
  display_name: string
  npi: string | null
  inactive: boolean
  foreign_id: string
  foreign_id_type: string
  last_sync_time: Instant | null
  created_at: Instant
  updated_at: Instant
  /** Every location worked at. */
  location_ids: number[]
}

export interface ProviderFilter {
  ids?: number[] | undefined
  locationId?: number | undefined
  foreignId?: string | undefined
  inactive?: boolean | undefined
  /** Has a location to be asked for at. */
  requestable?: boolean | undefined
  updatedSince?: Instant | undefined
}

export type ProviderSort = 'id' | 'updated_at' | '-updated_at'

const columns = sql`p.id, p.first_name, p.last_name, p.display_name, p.npi, p.inactive, p.foreign_id, d.foreign_id_type,
  p.last_sync_time, p.created_at, p.updated_at,
  (select coalesce(json_agg(w.location_id order by w.location_id), '[]') from provider_locations w
    where w.institution_id = p.institution_id and w.provider_id = p.id) as location_ids`
const from = sql`from providers p join data_sources d on d.institution_id = p.institution_id and d.id = p.data_source_id`
const worksSomewhere = sql`exists (select from provider_locations w
  where w.institution_id = p.institution_id and w.provider_id = p.id)`

function filtered(tx: Tenant, f: ProviderFilter) {
  return sql`where p.institution_id = ${tx.institutionId}
    and (${f.ids ?? null}::bigint[] is null or p.id = any(${f.ids ?? null}::bigint[]))
    and (${f.locationId ?? null}::bigint is null or exists (select from provider_locations w
      where w.institution_id = p.institution_id and w.provider_id = p.id and w.location_id = ${f.locationId ?? null}))
    and (${f.foreignId ?? null}::text is null or p.foreign_id = ${f.foreignId ?? null})
    and (${f.inactive ?? null}::boolean is null or p.inactive = ${f.inactive ?? null})
    and (${f.requestable ?? null}::boolean is null or (${worksSomewhere} and not p.inactive) = ${f.requestable ?? null})
    and (${f.updatedSince ?? null}::timestamptz is null or p.updated_at >= ${f.updatedSince ?? null})`
}

export async function listProviders(
  tx: Tenant,
  filter: ProviderFilter,
  sort: ProviderSort,
  page: Page,
): Promise<Placed<ProviderRow>[]> {
  const byId = sort === 'id'
  return await selectPage<ProviderRow>(
    tx,
    {
      columns,
      from,
      where: filtered(tx, filter),
      id: sql`p.id`,
      key: byId ? sql`p.id` : sql`p.updated_at`,
      keyType: byId ? 'bigint' : 'timestamptz',
      descending: sort === '-updated_at',
    },
    page,
  )
}

export async function countProviders(tx: Tenant, filter: ProviderFilter): Promise<number> {
  return await countRows(tx, { from, where: filtered(tx, filter) })
}

export async function findProvider(tx: Tenant, id: number): Promise<ProviderRow | null> {
  const { rows } = await sql<ProviderRow>`select ${columns} ${from}
    where p.institution_id = ${tx.institutionId} and p.id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}
