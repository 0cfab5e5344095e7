/** Procedures, read. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant, LocalDate } from '../model/time.ts'
import type { Procedure } from '../model/wire-procedure.ts'
import { countRows, type Page, type Placed, selectPage } from './page.ts'

export interface ProcedureFilter {
  ids?: number[] | undefined
  locationId?: number | undefined
  providerId?: number | undefined
  patientId?: number | undefined
  appointmentIds?: number[] | undefined
  updatedSince?: Instant | undefined
  startedAfter?: LocalDate | undefined
  startedBefore?: LocalDate | undefined
  endedAfter?: LocalDate | undefined
  endedBefore?: LocalDate | undefined
}

/** Many record systems keep no place with a procedure: it is then its appointment's. */
const place = sql`coalesce(p.location_id, a.location_id)`
const columns = sql`p.id, ${place} as location_id, p.patient_id, p.provider_id, p.appointment_id, p.code, p.name, p.status,
  p.updated_at, '{"tooth": [], "surface": null}'::jsonb as body_site, null as fee, p.start_date, p.end_date`
const from = sql`from procedures p
  left join appointments a on a.institution_id = p.institution_id and a.id = p.appointment_id`

function filtered(tx: Tenant, f: ProcedureFilter) {
  return sql`where p.institution_id = ${tx.institutionId}
    and (${f.ids ?? null}::bigint[] is null or p.id = any(${f.ids ?? null}::bigint[]))
    and (${f.locationId ?? null}::bigint is null or ${place} = ${f.locationId ?? null})
    and (${f.providerId ?? null}::bigint is null or p.provider_id = ${f.providerId ?? null})
    and (${f.patientId ?? null}::bigint is null or p.patient_id = survivor_of(${f.patientId ?? null}::bigint))
    and (${f.appointmentIds ?? null}::bigint[] is null or p.appointment_id = any(${f.appointmentIds ?? null}::bigint[]))
    and (${f.updatedSince ?? null}::timestamptz is null or p.updated_at >= ${f.updatedSince ?? null})
    and (${f.startedAfter ?? null}::date is null or p.start_date >= ${f.startedAfter ?? null})
    and (${f.startedBefore ?? null}::date is null or p.start_date <= ${f.startedBefore ?? null})
    and (${f.endedAfter ?? null}::date is null or p.end_date >= ${f.endedAfter ?? null})
    and (${f.endedBefore ?? null}::date is null or p.end_date <= ${f.endedBefore ?? null})`
}

export async function listProcedures(
  tx: Tenant,
  filter: ProcedureFilter,
  page: Page,
): Promise<Placed<Procedure>[]> {
  return await selectPage<Procedure>(
    tx,
    { columns, from, where: filtered(tx, filter), id: sql`p.id`, key: sql`p.id`, keyType: 'bigint' },
    page,
  )
}

export async function countProcedures(tx: Tenant, filter: ProcedureFilter): Promise<number> {
  return await countRows(tx, { from, where: filtered(tx, filter) })
}
