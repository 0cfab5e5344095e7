/** Working hours as each version shows them. */
import type { AvailabilityV2, WorkingHourV3 } from '../../model/wire-working-hours.ts'
import type { WorkingHourRow } from '../../store/working-hours.ts'

function fields(row: WorkingHourRow, withTypes: boolean) {
  const { appointment_types, label: _label, source: _source, ...rest } = row
  return withTypes ? { ...rest, appointment_types } : rest
}

export function showHourV2(row: WorkingHourRow, withTypes: boolean): AvailabilityV2 {
  return { ...fields(row, withTypes), synced: row.source === 'synced' }
}

export function showHourV3(row: WorkingHourRow, withTypes: boolean): WorkingHourV3 {
  return { ...fields(row, withTypes), source: row.source, label: row.label }
}
