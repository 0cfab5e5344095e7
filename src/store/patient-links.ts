/** Whom patients name: their guarantors, who may come later in the same page, and their providers. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { PatientRecord } from '../model/records.ts'

/** Our ids of patients by their foreign ids; merged ones answer their survivor. */
export async function mapPatients(
  tx: Tenant,
  dataSourceId: number,
  foreignIds: string[],
): Promise<Map<string, number>> {
  const { rows } = await sql<{ foreign_id: string; id: number }>`
    select foreign_id, case when merged_into is null then id else survivor_of(id) end as id from patients where institution_id = ${tx.institutionId}
      and data_source_id = ${dataSourceId} and foreign_id = any(${foreignIds}::text[])`.execute(tx.db)
  return new Map(rows.map((row) => [row.foreign_id, row.id]))
}

/** Our ids of those whom records name, by foreign id. */
export interface Named {
  patients: Map<string, number>
  providers: Map<string, number>
}

/** Those whom the records name and who are known already. */
export async function findNamed(tx: Tenant, dataSourceId: number, records: PatientRecord[]): Promise<Named> {
  const guarantors = records.flatMap(({ foreignId, guarantor }) =>
    guarantor === null || guarantor === foreignId ? [] : [guarantor],
  )
  const providers = [...new Set(records.flatMap(({ provider }) => provider ?? []))]
  const { rows } = await sql<{ foreign_id: string; id: number }>`
    select foreign_id, id from providers where institution_id = ${tx.institutionId}
      and data_source_id = ${dataSourceId} and foreign_id = any(${providers}::text[])`.execute(tx.db)
  return {
    patients: guarantors.length === 0 ? new Map() : await mapPatients(tx, dataSourceId, guarantors),
    providers: new Map(rows.map((row) => [row.foreign_id, row.id])),
  }
}

interface Links {
  provider_id: number | null
  guarantor_id: number | null
  /** Their own guarantor, whatever their id is. */
  is_own: boolean
}

/** Whom a record names, as far as they are known. */
export function linksOf({ foreignId, guarantor, provider }: PatientRecord, named: Named): Links {
  return {
    provider_id: provider === null ? null : (named.providers.get(provider) ?? null),
    guarantor_id: guarantor === null ? null : (named.patients.get(guarantor) ?? null),
    is_own: guarantor === foreignId,
  }
}

/** Ties the patients to whom they name, once all of a page are saved: `named` are those who were known before it. */
export async function linkPatients(
  tx: Tenant,
  dataSourceId: number,
  records: PatientRecord[],
  named: Named,
): Promise<void> {
  const linked = records.filter((record) => record.guarantor ?? record.provider)
  if (linked.length === 0) return
  const later = linked.flatMap(({ foreignId, guarantor }) =>
    guarantor === null || guarantor === foreignId || named.patients.has(guarantor) ? [] : [guarantor],
  )
  const come = later.length === 0 ? [] : await mapPatients(tx, dataSourceId, later)
  const known = { ...named, patients: new Map([...named.patients, ...come]) }
  const links = linked.map((record) => ({ foreign_id: record.foreignId, ...linksOf(record, known) }))
  // Most were saved with whom they name: a row that is right already is left alone.
  await sql`update patients p set guarantor_id = n.guarantor_id, provider_id = n.provider_id
    from (select o.id, coalesce(r.provider_id, o.provider_id) as provider_id,
        case when not r.is_own then coalesce(r.guarantor_id, o.guarantor_id)
          when o.merged_into is null then o.id else survivor_of(o.id) end as guarantor_id
      from jsonb_to_recordset(${JSON.stringify(links)}::jsonb)
        as r(foreign_id text, provider_id bigint, guarantor_id bigint, is_own boolean)
      join patients o on o.institution_id = ${tx.institutionId} and o.data_source_id = ${dataSourceId}
        and o.foreign_id = r.foreign_id) n
    where p.institution_id = ${tx.institutionId} and p.id = n.id
      and (p.guarantor_id, p.provider_id) is distinct from (n.guarantor_id, n.provider_id)`.execute(tx.db)
}
