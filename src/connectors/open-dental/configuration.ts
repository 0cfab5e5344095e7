/** What a data source on Open Dental must be told. */
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'

const Zone = (description: string) => Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_+/-]{1,63}$', description })

const Database = Type.Object(
  {
    host: Type.String({ minLength: 1, description: 'Where MySQL or MariaDB of the practice listens' }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: '3306 unless given' })),
    user: Type.String({ minLength: 1, description: 'An account that may only read' }),
    password: Type.Optional(Type.String({ secret: true, description: 'The password of that account' })),
    name: Type.Optional(Type.String({ minLength: 1, description: 'The database; opendental unless given' })),
    tls: Type.Optional(
      Type.Boolean({ description: 'Encrypted, the certificate checked; false unless given' }),
    ),
  },
  { additionalProperties: false },
)

const Api = Type.Object(
  {
    url: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s?#@]+$',
        description:
          'https://api.opendental.com/api/v1 unless given; the API Service is http://<server>:30223/api/v1',
      }),
    ),
    developer_key: Type.String({ pattern: '^[^\\s/]+$', secret: true, description: "The developer's key" }),
    customer_key: Type.String({ pattern: '^[^\\s/]+$', secret: true, description: "This practice's key" }),
    interval_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 60_000,
        description: 'Least time between two requests; 1000 on the remote API and 0 elsewhere unless given',
      }),
    ),
    timeout_ms: Type.Optional(
      Type.Integer({ minimum: 100, maximum: 120_000, description: 'For one request; 65000 unless given' }),
    ),
  },
  { additionalProperties: false, description: 'The Open Dental API; without it nothing is written' },
)

const DefNums = (description: string) =>
  Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { description }))

export const OpenDentalConfiguration = Type.Object(
  {
    database: Database,
    api: Type.Optional(Api),
    zone: Zone('IANA zone of the practice, by whose clocks its appointments are'),
    server_zone: Type.Optional(Zone("IANA zone of the database server's own clock; zone unless given")),
    clinic_zones: Type.Optional(
      Type.Record(Type.String({ pattern: '^[1-9][0-9]{0,17}$' }), Zone('IANA zone of that clinic'), {
        description: 'Zones of clinics elsewhere, by ClinicNum',
      }),
    ),
    location_name: Type.Optional(
      Type.String({
        minLength: 1,
        description: "Name where clinics are off; the practice's title unless given",
      }),
    ),
    confirmed_definitions: DefNums(
      'DefNums that mean confirmed; as the preferences of the practice say unless given',
    ),
    confirm_definition: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'The DefNum that confirming sets; as for eConfirmations unless given',
      }),
    ),
    blocking_blockouts: DefNums('DefNums of blockout types that stay blocked'),
    bookable_blockouts: DefNums('DefNums of blockout types that may be booked over'),
    hours_days_ahead: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 730,
        description: 'Days of working hours that are read; 180 unless given',
      }),
    ),
    overlap_seconds: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: 3600,
        description: 'How far back each look for changes reaches; 300 unless given',
      }),
    ),
    timeout_ms: Type.Optional(
      Type.Integer({ minimum: 100, maximum: 60_000, description: 'For one query; 10000 unless given' }),
    ),
  },
  { additionalProperties: false },
)
export type OpenDentalConfiguration = Static<typeof OpenDentalConfiguration>

/** Where the Open Dental API is, and how it is used. */
export interface ApiSettings {
  /** Without a slash at its end. */
  url: string
  /** `remote`: over the vendor's servers, which throttle. */
  mode: 'remote' | 'local'
  authorization: string
  intervalMs: number
  timeoutMs: number
}

/** The configuration with every default in its place. */
export interface Settings {
  database: { host: string; port: number; user: string; password: string; name: string; tls: boolean }
  api: ApiSettings | null
  zone: string
  serverZone: string
  clinicZones: ReadonlyMap<string, string>
  locationName: string | null
  /** DefNums as text; null: as the practice's preferences say. */
  confirmedDefinitions: string[] | null
  confirmDefinition: string | null
  blockingBlockouts: ReadonlySet<string>
  bookableBlockouts: ReadonlySet<string>
  hoursDaysAhead: number
  overlapMs: number
  timeoutMs: number
}

const REMOTE = 'https://api.opendental.com/api/v1'
/** The API gives a request up after 60 s; a little longer, so that it is the one to say so. */
const API_TIMEOUT_MS = 65_000

const check = Compile(OpenDentalConfiguration)
const texts = (numbers: number[] | undefined): string[] => (numbers ?? []).map(String)

/** @throws Error naming the key that is wrong, never its value */
export function readSettings(configuration: unknown): Settings {
  if (!check.Check(configuration)) {
    const [first] = check.Errors(configuration)
    const key = first?.instancePath.slice(1).replaceAll('/', '.')
    throw new Error(key ? `${key} ${first?.message}` : `the configuration ${first?.message ?? 'is wrong'}`)
  }
  const { database, api, zone } = configuration
  const clinicZones = new Map(Object.entries(configuration.clinic_zones ?? {}))
  checkZone('zone', zone)
  if (configuration.server_zone) checkZone('server_zone', configuration.server_zone)
  for (const [clinic, name] of clinicZones) checkZone(`clinic_zones.${clinic}`, name)
  return {
    database: {
      host: database.host,
      port: database.port ?? 3306,
      user: database.user,
      password: database.password ?? '',
      name: database.name ?? 'opendental',
      tls: database.tls ?? false,
    },
    api: api ? readApi(api) : null,
    zone,
    serverZone: configuration.server_zone ?? zone,
    clinicZones,
    locationName: configuration.location_name ?? null,
    confirmedDefinitions: configuration.confirmed_definitions
      ? texts(configuration.confirmed_definitions)
      : null,
    confirmDefinition: configuration.confirm_definition ? String(configuration.confirm_definition) : null,
    blockingBlockouts: new Set(texts(configuration.blocking_blockouts)),
    bookableBlockouts: new Set(texts(configuration.bookable_blockouts)),
    hoursDaysAhead: configuration.hours_days_ahead ?? 180,
    overlapMs: (configuration.overlap_seconds ?? 300) * 1000,
    timeoutMs: configuration.timeout_ms ?? 10_000,
  }
}

function readApi(api: Static<typeof Api>): ApiSettings {
  const url = (api.url ?? REMOTE).replace(/(?<!\/)\/+$/, '')
  const mode = new URL(url).hostname.endsWith('opendental.com') ? 'remote' : 'local'
  return {
    url,
    mode,
    authorization: `ODFHIR ${api.developer_key}/${api.customer_key}`,
    intervalMs: api.interval_ms ?? (mode === 'remote' ? 1000 : 0),
    timeoutMs: api.timeout_ms ?? API_TIMEOUT_MS,
  }
}

function checkZone(key: string, name: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
  } catch {
    throw new Error(`${key} must be an IANA zone`)
  }
}
