/** What an admin key sends to set up a practice, and what it is answered. Ours: NexHealth's staff do this by hand. */
import { type Static, Type } from 'typebox'
import { Id, InstantText, NullableInstant, NullableText, nullable, oneOf, POLICIES } from './wire-basics.ts'
import { SCOPES } from './wire-scopes.ts'

const Text = (maxLength = 255) => Type.String({ minLength: 1, maxLength })
const OptionalText = Type.Optional(Text())
const Flag = Type.Optional(Type.Boolean())

const institution = {
  name: Text(),
  phone_number: OptionalText,
  country_code: Type.Optional(Type.String({ minLength: 2, maxLength: 2 })),
  appointment_types_location_scoped: Flag,
  is_sync_notifications: Flag,
  notify_insert_fails: Flag,
}
export const InstitutionCreation = Type.Object({
  institution: Type.Object({ ...institution, subdomain: Text(63) }),
})
export const InstitutionChange = Type.Object({ institution: Type.Partial(Type.Object(institution)) })

const location = {
  name: Text(),
  tz: Text(64),
  data_source_id: Type.Optional(Id),
  foreign_id: OptionalText,
  street_address: OptionalText,
  street_address_2: OptionalText,
  city: OptionalText,
  state: OptionalText,
  zip_code: OptionalText,
  country_code: Type.Optional(Type.String({ minLength: 2, maxLength: 2 })),
  latitude: Type.Optional(Type.Number({ minimum: -90, maximum: 90 })),
  longitude: Type.Optional(Type.Number({ minimum: -180, maximum: 180 })),
  phone_number: OptionalText,
  email: OptionalText,
  specialty: OptionalText,
  inactive: Flag,
  insert_appt_client: Flag,
  map_by_operatory: Flag,
  set_availability_by_operatory: Flag,
  /** 0 refuses bookings that name no length, since null means absent (decisions 6 and 18). */
  default_minutes: Type.Optional(Type.Integer({ minimum: 0, maximum: 1440 })),
  outside_hours: Type.Optional(oneOf(['allow', 'refuse'])),
  promise_minutes_soon: Type.Optional(Type.Integer()),
  promise_minutes: Type.Optional(Type.Integer()),
  min_notice_minutes: Type.Optional(Type.Integer()),
  buffer_minutes: Type.Optional(Type.Integer()),
  overbooking: Type.Optional(oneOf(POLICIES)),
  operatory_limit: Type.Optional(Type.Integer()),
  provider_limit: Type.Optional(Type.Integer()),
}
export const LocationCreation = Type.Object({ location: Type.Object(location) })
export const LocationEdit = Type.Object({ location: Type.Partial(Type.Object(location)) })

const source = {
  name: Text(),
  /** What the connector asks for; secrets are sealed and never answered. */
  configuration: Type.Object({}, { additionalProperties: true }),
  poll_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
}
export const DataSourceCreation = Type.Object({
  data_source: Type.Object({ ...source, connector: Text(64) }),
})
export const DataSourceChange = Type.Object({ data_source: Type.Partial(Type.Object(source)) })

export const DataSource = Type.Object(
  {
    id: Id,
    name: Type.String(),
    connector: Type.String(),
    foreign_id_type: Type.String(),
    poll_seconds: Type.Integer(),
    read_status: Type.String(),
    read_reason: NullableText,
    write_status: Type.String(),
    write_reason: NullableText,
    loaded_at: NullableInstant,
    pull_completed_at: NullableInstant,
    created_at: InstantText,
    updated_at: InstantText,
  },
  { title: 'DataSource' },
)

export const KeyCreation = Type.Object({
  api_key: Type.Object({
    name: Text(),
    scopes: Type.Array(oneOf(SCOPES), { minItems: 1, maxItems: SCOPES.length }),
    institution_ids: Type.Optional(Type.Array(Id, { maxItems: 1000 })),
  }),
})

export const ApiKey = Type.Object(
  {
    id: Id,
    name: Type.String(),
    scopes: Type.Array(Type.String()),
    institution_ids: nullable(Type.Array(Id)),
    /** Requests a second (`all`, `lists`) and a minute (`records`, `others`); null: no limits. */
    limits: nullable(
      Type.Object({
        all: Type.Optional(Type.Integer()),
        lists: Type.Optional(Type.Integer()),
        records: Type.Optional(Type.Integer()),
        others: Type.Optional(Type.Integer()),
      }),
    ),
    created_at: InstantText,
    revoked_at: NullableInstant,
    /** In the answer that made it, and never again; null where that answer is replayed. */
    key: Type.Optional(NullableText),
  },
  { title: 'ApiKey' },
)
export type LocationEdit = Static<typeof LocationEdit>
