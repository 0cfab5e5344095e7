/** One row of `procedurelog` → our record. Pure. */
import type { ProcedureRecord } from '../../model/records.ts'
import type { Row } from './database.ts'
import { type Facts, keyOf } from './facts.ts'
import { readDate } from './wall-clock.ts'

/** `procedurelog.ProcStatus`; 7 is a condition, which is no procedure. 1 is planned, or scheduled where it has an appointment. */
const STATUSES: Record<number, ProcedureRecord['status']> = {
  1: 'planned',
  2: 'completed',
  3: 'completed',
  4: 'completed',
  5: 'referred',
  6: 'inactive',
  8: 'inactive',
}
const DELETED = 6

/** Null where the row is no procedure. */
export function readProcedure(row: Row, facts: Facts): ProcedureRecord | null {
  const status = STATUSES[Number(row.ProcStatus)]
  if (status === undefined) return null
  const known = facts.codes.get(String(row.CodeNum))
  const appointment = keyOf(row.AptNum)
  const date = readDate(String(row.ProcDate))
  return {
    foreignId: String(row.ProcNum),
    patient: keyOf(row.PatNum),
    provider: keyOf(row.ProvNum),
    appointment,
    location: facts.clinics ? keyOf(row.ClinicNum) : null,
    code: known?.code ?? null,
    name: known?.name || known?.code || 'unknown',
    status: status === 'planned' && appointment !== null ? 'scheduled' : status,
    startDate: date,
    endDate: status === 'completed' ? date : null,
  }
}

/** Whether it stands attached to its appointment. */
export function isAttached(row: Row): boolean {
  const status = Number(row.ProcStatus)
  return status !== DELETED && STATUSES[status] !== undefined
}
