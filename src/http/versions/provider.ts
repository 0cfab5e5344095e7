/** Providers as each version shows them. */
import type { ProviderV2, ProviderV3 } from '../../model/wire-provider.ts'
import type { LocationRow } from '../../store/locations.ts'
import type { ProviderRow } from '../../store/providers.ts'
import type { WorkingHourRow } from '../../store/working-hours.ts'
import { showLocation } from './practice.ts'
import { showHourV2, showHourV3 } from './working-hours.ts'

/** A record system tells us none of this about a provider: the keys are there, empty, as NexHealth has them. */
const bio = {
  city: '',
  state: '',
  gender: '',
  zip_code: '',
  new_patient: false,
  non_patient: true,
  phone_number: '',
  date_of_birth: '',
  address_line_1: '',
  address_line_2: '',
  street_address: '',
  cell_phone_number: '',
  home_phone_number: '',
  work_phone_number: '',
}

export interface ProviderParts {
  institutionId: number
  /** Null: not asked for. */
  locations: LocationRow[] | null
  hours: Map<number, WorkingHourRow[]> | null
}

function fields(row: ProviderRow, parts: ProviderParts) {
  const { location_ids: ids, ...rest } = row
  const locations = parts.locations?.filter((location) => ids.includes(location.id))
  return {
    ...rest,
    email: null,
    middle_name: null,
    name: `${row.first_name} ${row.last_name}`.trim(),
    institution_id: parts.institutionId,
    bio,
    tin: null,
    state_license: null,
    specialty_code: null,
    ...(locations && { locations: locations.map((location) => showLocation(location)) }),
    provider_requestables: row.inactive ? [] : ids.map((id) => ({ location_id: id })),
  }
}

export function showProviderV2(row: ProviderRow, parts: ProviderParts): ProviderV2 {
  const hours = parts.hours?.get(row.id)
  return {
    ...fields(row, parts),
    nexhealth_specialty: null,
    ...(hours && { availabilities: hours.map((hour) => showHourV2(hour, true)) }),
  }
}

export function showProviderV3(row: ProviderRow, parts: ProviderParts): ProviderV3 {
  const hours = parts.hours?.get(row.id)
  return {
    ...fields(row, parts),
    ...(hours && { availabilities: hours.map((hour) => showHourV3(hour, true)) }),
  }
}
