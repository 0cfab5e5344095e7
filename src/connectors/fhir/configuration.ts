/** What a data source that speaks FHIR R4 must be told. */
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'

const Secret = (description: string) => Type.String({ minLength: 1, secret: true, description })

const TokenUrl = Type.Optional(
  Type.String({
    pattern: '^https?://[^\\s#]+$',
    description: 'The token endpoint of OAuth 2; as .well-known/smart-configuration says unless given',
  }),
)

const Auth = Type.Union(
  [
    Type.Object({ method: Type.Literal('none') }, { additionalProperties: false }),
    Type.Object(
      {
        method: Type.Literal('basic'),
        username: Type.String({ minLength: 1 }),
        password: Secret('The password of that user'),
      },
      { additionalProperties: false },
    ),
    Type.Object(
      { method: Type.Literal('bearer'), token: Secret('Sent as it is with every request') },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        method: Type.Literal('client_secret'),
        token_url: TokenUrl,
        client_id: Type.String({ minLength: 1 }),
        client_secret: Secret('The secret of that client'),
        scope: Type.Optional(Type.String({ description: 'Asked for as it stands; left out unless given' })),
        send_in: Type.Optional(
          Type.Union([Type.Literal('header'), Type.Literal('body')], {
            description: 'Where id and secret go: header (HTTP basic, the default) or body',
          }),
        ),
      },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        method: Type.Literal('private_key_jwt'),
        token_url: TokenUrl,
        client_id: Type.String({ minLength: 1 }),
        key: Secret('The private key as a JSON Web Key, as ./slotbridge source key makes it'),
        other_key: Type.Optional(
          Type.String({
            secret: true,
            description:
              'Another key, whose public part is published beside it: the next, or the last; empty for none',
          }),
        ),
        scope: Type.Optional(
          Type.String({ minLength: 1, description: 'The least that is needed, unless given' }),
        ),
        scope_version: Type.Optional(
          Type.Union([Type.Literal('v1'), Type.Literal('v2')], {
            description: 'How scopes are written: v1 (.read, .write) or v2 (.crus), the default',
          }),
        ),
      },
      { additionalProperties: false },
    ),
  ],
  { description: 'How we sign in; { "method": "none" } unless given' },
)

const Ids = (description: string) =>
  Type.Optional(Type.Array(Type.String({ pattern: '^[A-Za-z0-9.-]{1,64}$' }), { description }))

export const FhirConfiguration = Type.Object(
  {
    base_url: Type.String({
      pattern: '^https?://[^\\s?#@]+$',
      description: 'The service base URL, as in https://fhir.example.org/r4',
    }),
    auth: Type.Optional(Auth),
    locations: Ids('Ids of the Locations that are sites; found by their physical type unless given'),
    operatories: Ids('Ids of the Locations that are operatories; found by their physical type unless given'),
    confirmation: Type.Optional(
      Type.Union([Type.Literal('participant'), Type.Literal('status')], {
        description:
          'Where confirmation lives: the status of the patient as a participant (the default), or pending → booked',
      }),
    ),
    insert_by: Type.Optional(
      Type.Union([Type.Literal('id'), Type.Literal('condition')], {
        description:
          'id: PUT under an id of ours. condition: POST with If-None-Exist. As the server says unless given',
      }),
    ),
    slots: Type.Optional(
      Type.Union([Type.Literal('ignore'), Type.Literal('take'), Type.Literal('everyone')], {
        description:
          'take: bookings take the Slots of their time. everyone: so does everybody there. ignore: no Slot is touched',
      }),
    ),
    operations: Type.Optional(
      Type.Array(
        Type.Union([
          Type.Literal('book'),
          Type.Literal('hold'),
          Type.Literal('confirm'),
          Type.Literal('cancel'),
        ]),
        { description: 'Operations of Appointment to book by; as the server names them unless given' },
      ),
    ),
    service: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9.-]{1,64}$',
        description:
          'Id of the HealthcareService that $book books; the only one of the Schedules unless given',
      }),
    ),
    page_size: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: '500 unless given' })),
    overlap_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 3600,
        description: 'How far back each look for changes reaches; 120 unless given',
      }),
    ),
    lookback_hours: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 8760,
        description: 'Longest appointment, for reading windows; 24 unless given',
      }),
    ),
    longest_slot_days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 366,
        description: 'Longest busy slot, for reading windows; 31 unless given',
      }),
    ),
    slot_days_ahead: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 366,
        description: 'How far ahead free Slots are read as working hours; 180 unless given',
      }),
    ),
    timeout_ms: Type.Optional(
      Type.Integer({ minimum: 100, maximum: 120_000, description: 'For one request; 30000 unless given' }),
    ),
  },
  { additionalProperties: false },
)
export type FhirConfiguration = Static<typeof FhirConfiguration>
export type FhirAuth = Static<typeof Auth>

/** The configuration with every default in its place. */
export interface Settings {
  /** Without a slash at its end. */
  baseUrl: string
  auth: FhirAuth
  locations: ReadonlySet<string> | null
  operatories: ReadonlySet<string> | null
  confirmation: 'participant' | 'status'
  insertBy: 'id' | 'condition' | null
  /** Null: `take` where the server can. */
  slots: 'ignore' | 'take' | 'everyone' | null
  /** Null: as the server names them. */
  operations: ('book' | 'hold' | 'confirm' | 'cancel')[] | null
  service: string | null
  pageSize: number
  overlapMs: number
  lookbackMs: number
  longestSlotMs: number
  slotDaysAhead: number
  timeoutMs: number
}

const check = Compile(FhirConfiguration)

export function isFhirConfiguration(configuration: unknown): configuration is FhirConfiguration {
  return check.Check(configuration)
}

/** @throws Error naming the key that is wrong, never its value */
export function readSettings(configuration: unknown): Settings {
  if (!isFhirConfiguration(configuration)) {
    const [first] = check.Errors(configuration)
    const key = first?.instancePath.slice(1).replaceAll('/', '.')
    throw new Error(key ? `${key} ${first?.message}` : `the configuration ${first?.message ?? 'is wrong'}`)
  }
  const idSet = (ids: string[] | undefined) => (ids === undefined ? null : new Set(ids))
  return {
    baseUrl: configuration.base_url.replace(/(?<!\/)\/+$/, ''),
    auth: configuration.auth ?? { method: 'none' },
    locations: idSet(configuration.locations),
    operatories: idSet(configuration.operatories),
    confirmation: configuration.confirmation ?? 'participant',
    insertBy: configuration.insert_by ?? null,
    slots: configuration.slots ?? null,
    operations: configuration.operations ?? null,
    service: configuration.service ?? null,
    pageSize: configuration.page_size ?? 500,
    overlapMs: (configuration.overlap_seconds ?? 120) * 1000,
    lookbackMs: (configuration.lookback_hours ?? 24) * 3_600_000,
    longestSlotMs: (configuration.longest_slot_days ?? 31) * 86_400_000,
    slotDaysAhead: configuration.slot_days_ahead ?? 180,
    timeoutMs: configuration.timeout_ms ?? 30_000,
  }
}
