/** Wire shapes of providers and of the hours shown with them (reference, 5.1 and 6.4). */
import { type Static, Type } from 'typebox'
import { Id, NullableId, NullableText, nullable, oneOf } from './wire-basics.ts'
import { userFields } from './wire-people.ts'
import { AppointmentType, Location } from './wire-practice.ts'

const hours = {
  id: Id,
  provider_id: Id,
  location_id: Id,
  operatory_id: NullableId,
  begin_time: Type.String(),
  end_time: Type.String(),
  days: Type.Array(Type.String()),
  specific_date: NullableText,
  custom_recurrence: nullable(Type.Object({ num: Type.Integer(), unit: Type.String(), ref: Type.String() })),
  tz_offset: Type.String(),
  active: Type.Boolean(),
}

export const AvailabilityV2 = Type.Object(
  { ...hours, synced: Type.Boolean(), appointment_types: Type.Array(AppointmentType) },
  { title: 'Availability' },
)

export const AvailabilityV3 = Type.Object(
  {
    ...hours,
    source: oneOf(['manual', 'synced']),
    label: Type.Null(),
    appointment_types: Type.Array(AppointmentType),
  },
  { title: 'WorkingHour' },
)

const provider = {
  ...userFields,
  display_name: NullableText,
  npi: NullableText,
  tin: NullableText,
  state_license: NullableText,
  specialty_code: NullableText,
  locations: Type.Optional(Type.Array(Location)),
  provider_requestables: Type.Array(Type.Object({ location_id: Id })),
}

export const ProviderV2 = Type.Object(
  { ...provider, availabilities: Type.Optional(Type.Array(AvailabilityV2)) },
  { title: 'ProviderV2' },
)
export const ProviderV3 = Type.Object(
  { ...provider, availabilities: Type.Optional(Type.Array(AvailabilityV3)) },
  { title: 'Provider' },
)
export type ProviderV2 = Static<typeof ProviderV2>
export type ProviderV3 = Static<typeof ProviderV3>
