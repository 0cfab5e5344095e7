/** Wire shapes of providers and of the hours shown with them (reference, 5.1 and 6.4). */
import { type Static, Type } from 'typebox'
import { Id, NullableText } from './wire-basics.ts'
import { userFields } from './wire-people.ts'
import { Location } from './wire-practice.ts'
import { AvailabilityV2, WorkingHourV3 } from './wire-working-hours.ts'

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
  {
    ...provider,
    nexhealth_specialty: NullableText,
    availabilities: Type.Optional(Type.Array(AvailabilityV2)),
  },
  { title: 'ProviderV2' },
)
export const ProviderV3 = Type.Object(
  { ...provider, availabilities: Type.Optional(Type.Array(WorkingHourV3)) },
  { title: 'Provider' },
)
export type ProviderV2 = Static<typeof ProviderV2>
export type ProviderV3 = Static<typeof ProviderV3>
