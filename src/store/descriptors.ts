/** Descriptors: what the record system calls procedures codes and appointment types. Read only. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import type { Descriptor } from '../model/wire-practice.ts'

/** A location has some hundred of them; a list is never longer than this. */
const DESCRIPTORS_MAX = 1000

export interface DescriptorFilter {
  ids?: number[] | undefined
  locationId?: number | undefined
  appointmentTypeId?: number | undefined
  descriptorType?: string | undefined
}

/** The wire writes the plural for procedure codes. */
const columns = sql`c.id, case c.descriptor_type when 'Procedure Code' then 'Procedure Codes' else c.descriptor_type end
  as descriptor_type, c.name, c.code, c.location_id, c.foreign_id, d.foreign_id_type, '{}'::jsonb as data, c.active,
  c.last_sync_time, c.created_at, c.updated_at`
const from = sql`from descriptors c join data_sources d on d.institution_id = c.institution_id and d.id = c.data_source_id`

/** Descriptors in the order of their ids. `descriptorType` takes the singular, the plural, and any case. */
export async function listDescriptors(tx: Tenant, f: DescriptorFilter): Promise<Descriptor[]> {
  const type = f.descriptorType?.toLowerCase().replace(/s$/, '')
  const { rows } =
    await sql<Descriptor>`select ${columns} ${from} where c.institution_id = ${tx.institutionId}
    and (${f.ids ?? null}::bigint[] is null or c.id = any(${f.ids ?? null}::bigint[]))
    and (${f.locationId ?? null}::bigint is null or c.location_id = ${f.locationId ?? null})
    and (${f.appointmentTypeId ?? null}::bigint is null or exists (select from appointment_type_descriptors t
      where t.institution_id = c.institution_id and t.descriptor_id = c.id
        and t.appointment_type_id = ${f.appointmentTypeId ?? null}))
    and (${type ?? null}::text is null or lower(c.descriptor_type) = ${type ?? null})
    order by c.id limit ${DESCRIPTORS_MAX}`.execute(tx.db)
  return rows
}

/** The descriptors of several appointment types, by type. */
export async function descriptorsOfTypes(tx: Tenant, typeIds: number[]): Promise<Map<number, Descriptor[]>> {
  const { rows } = await sql<Descriptor & { appointment_type_id: number }>`
    select ${columns}, t.appointment_type_id ${from}
    join appointment_type_descriptors t on t.institution_id = c.institution_id and t.descriptor_id = c.id
    where c.institution_id = ${tx.institutionId} and t.appointment_type_id = any(${typeIds}::bigint[])
    order by c.id`.execute(tx.db)
  const byType = new Map<number, Descriptor[]>(typeIds.map((id) => [id, []]))
  for (const { appointment_type_id: id, ...row } of rows) byType.get(id)?.push(row)
  return byType
}

/** Throws `invalid_request` naming each id that is no descriptor of the institution. */
export async function refuseUnknownDescriptors(tx: Tenant, ids: number[], parameter: string): Promise<void> {
  const { rows } = await sql<{ id: number }>`select wanted as id from unnest(${ids}::bigint[]) as wanted
    where not exists (select from descriptors c where c.institution_id = ${tx.institutionId} and c.id = wanted)`.execute(
    tx.db,
  )
  if (rows.length > 0)
    throw new Failure(
      'invalid_request',
      rows.map(({ id }) => `Parameter ${parameter}: descriptor ${id} not found`),
    )
}
