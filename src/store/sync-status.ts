/** How the sync of each data source is doing, as `/sync_status` and `/capabilities` tell it. Holds no configuration. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'
import type { SourceCapabilities } from './data-sources.ts'

export interface SourceStatus {
  id: number
  name: string
  connector: string
  foreign_id_type: string
  capabilities: SourceCapabilities | null
  poll_seconds: number
  read_status: 'green' | 'red'
  read_status_at: Instant
  read_reason: string | null
  write_status: 'green' | 'red'
  write_status_at: Instant
  write_reason: string | null
  loaded_at: Instant | null
  pull_started_at: Instant | null
  pull_completed_at: Instant | null
  /** Rows of it that could not be read. */
  set_aside: number
  created_at: Instant
  updated_at: Instant
}

export interface StatusFilter {
  id?: number | undefined
  readStatus?: string | undefined
  writeStatus?: string | undefined
  locationIds?: number[] | undefined
}

/** The institution's data sources in the order of their ids. */
export async function listSourceStatus(tx: Tenant, f: StatusFilter = {}): Promise<SourceStatus[]> {
  const { rows } = await sql<SourceStatus>`
    select d.id, d.name, d.connector, d.foreign_id_type, d.capabilities, d.poll_seconds, d.read_status, d.read_status_at,
      d.read_reason, d.write_status, d.write_status_at, d.write_reason, d.loaded_at, d.pull_started_at, d.pull_completed_at,
      (select count(*) from set_aside s where s.institution_id = d.institution_id and s.data_source_id = d.id) as set_aside,
      d.created_at,
      d.updated_at
    from data_sources d where d.institution_id = ${tx.institutionId}
      and (${f.id ?? null}::bigint is null or d.id = ${f.id ?? null})
      and (${f.readStatus ?? null}::text is null or d.read_status = ${f.readStatus ?? null})
      and (${f.writeStatus ?? null}::text is null or d.write_status = ${f.writeStatus ?? null})
      and (${f.locationIds ?? null}::bigint[] is null or exists (select from locations l
        where l.institution_id = d.institution_id and l.data_source_id = d.id and l.id = any(${f.locationIds ?? null})))
    order by d.id limit 1000`.execute(tx.db)
  return rows
}
