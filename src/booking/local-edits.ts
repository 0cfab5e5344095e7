/** Attributes that a PATCH may set without owing them to anyone: kept beside the mirror, undone by the next pull. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { FieldName } from '../model/appointment-state.ts'
import { Failure } from '../model/failures.ts'

type Check = 'boolean' | 'text' | 'instant' | 'id'

/** What each may hold; `instant` values were read before they come here. */
const editable: Partial<Record<FieldName, Check>> = {
  start_time: 'instant',
  end_time: 'instant',
  operatory_id: 'id',
  note: 'text',
  provider_id: 'id',
  patient_id: 'id',
  appointment_type_id: 'id',
  referrer: 'text',
  is_guardian: 'boolean',
  is_new_clients_patient: 'boolean',
  sooner_if_possible: 'boolean',
  patient_confirmed: 'boolean',
  patient_missed: 'boolean',
  checked_out: 'boolean',
  unavailable: 'boolean',
}

const tables: Partial<Record<FieldName, 'operatories' | 'providers' | 'patients' | 'appointment_types'>> = {
  operatory_id: 'operatories',
  provider_id: 'providers',
  patient_id: 'patients',
  appointment_type_id: 'appointment_types',
}

export function isEditable(name: string): name is FieldName {
  return Object.hasOwn(editable, name)
}

/** Refuses a value of the wrong kind, or an id that does not exist, naming the parameter. */
export async function checkEdit(tx: Tenant, name: FieldName, value: unknown): Promise<void> {
  const kind = editable[name]
  const fits =
    kind === 'boolean'
      ? typeof value === 'boolean'
      : kind === 'id'
        ? Number.isSafeInteger(value)
        : typeof value === 'string'
  if (!fits) throw new Failure('invalid_request', `Parameter ${name} has a value of the wrong kind`)
  const table = tables[name]
  if (!table) return
  const { rows } = await sql`select 1 from ${sql.table(table)}
    where institution_id = ${tx.institutionId} and id = ${value}`.execute(tx.db)
  if (rows.length === 0) throw new Failure('not_found', `Parameter ${name}: there is no such id here`)
}
