/** Which working hours count for what is asked. */
import type { LeftOut } from './explain.ts'

/** What decides about a working hour. */
export interface CountedHour {
  active: boolean
  operatory_id: number | null
  provider_inactive: boolean
  operatory_inactive: boolean
  appointment_type_ids: number[]
  label_id: number | null
  source: 'manual' | 'synced'
}

/** What is asked of hours; null: not asked. */
export interface HourTerms {
  appointmentTypeId: number | null
  labelId: number | null
  source: 'manual' | 'synced' | null
}

/** Why a working hour does not count for what is asked; null where it does. */
export function whyLeftOut(
  hour: CountedHour,
  location: { inactive: boolean; map_by_operatory: boolean },
  terms: HourTerms,
): LeftOut | null {
  if (location.inactive) return 'location_inactive'
  if (!hour.active) return 'inactive'
  if (hour.provider_inactive) return 'provider_inactive'
  if (hour.operatory_inactive) return 'operatory_inactive'
  if (hour.operatory_id === null && location.map_by_operatory) return 'operatory_missing'
  const typeId = terms.appointmentTypeId
  if (typeId !== null && !hour.appointment_type_ids.includes(typeId)) return 'other_type'
  if (terms.labelId !== null && hour.label_id !== terms.labelId) return 'other_label'
  if (terms.source !== null && hour.source !== terms.source) return 'other_source'
  return null
}
