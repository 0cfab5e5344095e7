/** Wire shapes of the practice: institutions, locations, operatories, descriptors, appointment types (reference, 4 and 6). */
import { type Static, Type } from 'typebox'
import { Id, InstantText, NullableId, NullableInstant, NullableText, nullable } from './wire-basics.ts'

const address = {
  street_address: NullableText,
  street_address_2: NullableText,
  city: NullableText,
  state: NullableText,
  zip_code: NullableText,
}

export const BasicLocation = Type.Object(
  {
    id: Id,
    name: Type.String(),
    ...address,
    phone_number: NullableText,
    email: NullableText,
    inactive: Type.Boolean(),
  },
  { title: 'BasicLocation' },
)

/** What a location may be set to beyond NexHealth's fields; answered with `include[]=settings` and to admin keys' writes. */
export const LocationSettings = Type.Object(
  {
    data_source_id: NullableId,
    default_minutes: nullable(Type.Integer()),
    outside_hours: Type.String(),
    promise_minutes_soon: Type.Integer(),
    promise_minutes: Type.Integer(),
    min_notice_minutes: Type.Integer(),
    buffer_minutes: Type.Integer(),
    overbooking: Type.String(),
    operatory_limit: Type.Integer(),
    provider_limit: Type.Integer(),
  },
  { title: 'LocationSettings' },
)

export const Location = Type.Object(
  {
    id: Id,
    name: Type.String(),
    institution_id: Id,
    ...address,
    country_code: Type.String(),
    created_at: InstantText,
    updated_at: InstantText,
    latitude: nullable(Type.Number()),
    longitude: nullable(Type.Number()),
    phone_number: NullableText,
    foreign_id: NullableText,
    foreign_id_type: NullableText,
    email: NullableText,
    tz: Type.String(),
    last_sync_time: NullableInstant,
    insert_appt_client: Type.Boolean(),
    map_by_operatory: Type.Boolean(),
    set_availability_by_operatory: Type.Boolean(),
    inactive: Type.Boolean(),
    specialty: Type.Object({ id: Type.Integer(), name: Type.String() }),
    settings: Type.Optional(LocationSettings),
  },
  { title: 'Location' },
)
export type Location = Static<typeof Location>

export const InstitutionLocations = Type.Object(
  { id: Id, name: Type.String(), subdomain: Type.String(), locations: Type.Array(Location) },
  { title: 'InstitutionLocations' },
)

export const Institution = Type.Object(
  {
    id: Id,
    name: Type.String(),
    created_at: InstantText,
    updated_at: InstantText,
    subdomain: Type.String(),
    phone_number: NullableText,
    emrs: Type.Array(Type.String()),
    country_code: Type.String(),
    appointment_types_location_scoped: Type.Boolean(),
    is_sync_notifications: Type.Boolean(),
    notify_insert_fails: Type.Boolean(),
    locations: Type.Array(BasicLocation),
  },
  { title: 'Institution' },
)

export const Descriptor = Type.Object(
  {
    id: Id,
    descriptor_type: Type.String(),
    name: Type.String(),
    code: NullableText,
    location_id: Id,
    foreign_id: Type.String(),
    foreign_id_type: Type.String(),
    data: Type.Object({}),
    active: Type.Boolean(),
    last_sync_time: NullableInstant,
    created_at: InstantText,
    updated_at: InstantText,
  },
  { title: 'AppointmentDescriptor' },
)
export type Descriptor = Static<typeof Descriptor>

export const AppointmentType = Type.Object(
  {
    id: Id,
    name: Type.String(),
    parent_type: Type.String(),
    parent_id: Id,
    minutes: Type.Integer(),
    bookable_online: Type.Boolean(),
    descriptors: Type.Optional(Type.Array(Descriptor)),
  },
  { title: 'AppointmentType' },
)
export type AppointmentType = Static<typeof AppointmentType>

export const Operatory = Type.Object(
  {
    id: Id,
    name: Type.String(),
    foreign_id: Type.String(),
    foreign_id_type: Type.String(),
    location_id: NullableId,
    last_sync_time: NullableInstant,
    created_at: InstantText,
    updated_at: InstantText,
    display_name: NullableText,
    active: Type.Boolean(),
    bookable_online: Type.Boolean(),
    appointment_types: Type.Optional(Type.Array(AppointmentType)),
    appt_categories: Type.Optional(Type.Array(AppointmentType)),
  },
  { title: 'Operatory' },
)
export type Operatory = Static<typeof Operatory>
