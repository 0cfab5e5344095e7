/** Every route there is, asked with another tenant's ids: in its path, in each parameter, in each field of its body. */
import type { TSchema } from 'typebox'
import type { Route } from '../../src/http/route.ts'
import { allRoutes } from '../../src/http/routes/all.ts'
import { ahead } from '../http/served.ts'
import type { FullPractice } from '../support/full-practice.ts'

/** Stands in every text and every sealed value of the other tenant. */
export const TOKEN = 'Zquux'
/** Every id of the other tenant is above it, and nobody else's. */
export const FOREIGN_IDS = 700_000_000

export interface Asking {
  route: Route
  /** Where the other tenant's ids stand. */
  where: string
  url: string
  body: unknown
  /** Nothing but a refusal or nothing at all will do: what is asked for is the other tenant's. */
  isTheirs: boolean
}

/** Whose id a name means. A name that is new must be said here, or the walk throws. */
function idNamed(name: string, p: FullPractice): number | null {
  const ids: Record<string, number> = {
    patient: p.patientId,
    guarantor: p.patientId,
    provider: p.providerId,
    p: p.providerId,
    operatory: p.operatoryId,
    location: p.locationId,
    l: p.locationId,
    parent: p.locationId,
    appointment_type: p.typeId,
    appointment_category: p.typeId,
    category: p.typeId,
    appointment: p.appointmentId,
    descriptor: p.descriptorId,
    emr_appt_descriptor: p.descriptorId,
    label: p.labelId,
    working_hour_label: p.labelId,
    webhook_endpoint: p.endpointId,
    new_endpoint: p.endpointId,
    subscription: p.subscriptionId,
    institution: p.institutionId,
    data_source: p.sourceId,
    slot_hold: p.holdId,
    hold: p.holdId,
  }
  if (/(^|_)foreign_id$/.test(name)) return null
  const noun = /^(?:(.+)_ids?|([lp])ids)$/.exec(name)
  if (!noun) return null
  const id = ids[noun[1] ?? noun[2] ?? '']
  if (id === undefined) throw new Error(`say in the walk whose id ${name} is`)
  return id
}

/** Whose id stands in a path, by the path's first word. */
function idInPath(path: string, name: string, p: FullPractice): number {
  if (name !== 'id') return idNamed(name, p) ?? 0
  const ids: Record<string, number> = {
    institutions: p.institutionId,
    locations: p.locationId,
    providers: p.providerId,
    operatories: p.operatoryId,
    patients: p.patientId,
    appointments: p.appointmentId,
    appointment_types: p.typeId,
    appointment_categories: p.typeId,
    working_hours: p.workingHourId,
    availabilities: p.workingHourId,
    slot_holds: p.holdId,
    procedures: p.procedureId,
    data_sources: p.sourceId,
    api_keys: p.keyId,
    webhook_endpoints: p.endpointId,
    webhook_deliveries: p.deliveryId,
    writes: p.writeId,
  }
  const id = ids[path.split('/')[1] ?? '']
  if (id === undefined) throw new Error(`say in the walk whose id ${path} takes`)
  return id
}

interface Shape extends TSchema {
  type?: string
  const?: unknown
  enum?: unknown[]
  properties?: Record<string, Shape>
  items?: Shape
  required?: string[]
  anyOf?: Shape[]
}

/** What a sensible client would send under this name. */
const SENSIBLE: Record<string, unknown> = {
  start: ahead(1),
  end: ahead(20),
  start_time: ahead(6),
  start_date: ahead(1).slice(0, 10),
  begin_time: '09:00',
  end_time: '17:00',
  date_of_birth: '1991-05-06',
  email: 'someone@example.com',
  phone_number: '2125550199',
  days: ['Monday'],
  tz: 'America/New_York',
  connector: 'sandbox',
  configuration: { url: 'http://127.0.0.1:9', key: 'k' },
  minutes: 30,
  scopes: ['patients:read'],
  target_url: 'https://hooks.example.com/mine',
  resource_type: 'Appointment',
  event: 'appointment_updated',
  subdomain: 'another-of-mine',
  country_code: 'US',
}

interface Leaf {
  path: string[]
  isList: boolean
  name: string
}

/** What a route needs beyond what its schema can say. */
const ALSO_NEEDED: Record<string, string[]> = {
  'POST /appointments': ['patient_id', 'provider_id', 'operatory_id'],
  'GET /procedures': ['patient_id'],
  'POST /writes/{id}/resolve': ['patient_id'],
}

/** The needed part of a body with our own ids, and where ids may stand in the whole of it. */
function sampleOf(
  schema: Shape,
  own: FullPractice,
  path: string[],
  { ids, also }: { ids: Leaf[]; also: string[] },
): unknown {
  const name = path.at(-1) ?? ''
  const isList = schema.type === 'array'
  const id = idNamed(name, own)
  if (id !== null && (isList || schema.type === 'integer')) {
    ids.push({ path, isList, name })
    return isList ? [id] : id
  }
  if (schema.type === 'object' && schema.properties) {
    const made: Record<string, unknown> = {}
    for (const [key, property] of Object.entries(schema.properties)) {
      const value = sampleOf(property, own, [...path, key], { ids, also })
      if (schema.required?.includes(key) || also.includes(key)) made[key] = SENSIBLE[key] ?? value
    }
    return SENSIBLE[name] ?? made
  }
  if (name === 'days' && schema.type === 'integer') return 5
  if (SENSIBLE[name] !== undefined) return SENSIBLE[name]
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  if (schema.type === 'integer' || schema.type === 'number') return 30
  if (schema.type === 'boolean') return false
  if (isList) return []
  return 'x'
}

function withId(body: unknown, { path, isList, name }: Leaf, theirs: FullPractice): unknown {
  const copy = structuredClone(body) as Record<string, unknown>
  let at = copy
  for (const key of path.slice(0, -1)) {
    at[key] ??= {}
    at = at[key] as Record<string, unknown>
  }
  const id = idNamed(name, theirs)
  at[path.at(-1) ?? ''] = isList ? [id] : id
  return copy
}

/** The asks of one route: everything right first (`where` is empty), then with the other's ids in every place. */
export function asksOf(route: Route, own: FullPractice, theirs: FullPractice): Asking[] {
  const query = (route.query as Shape | undefined) ?? { properties: {} }
  const pathOf = (p: FullPractice) =>
    route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(idInPath(route.path, name, p)))
  const also = ALSO_NEEDED[`${route.method} ${route.path}`] ?? []
  const given: Record<string, unknown> = {}
  const inQuery: Leaf[] = []
  for (const [name, schema] of Object.entries(query.properties ?? {})) {
    const needed =
      query.required?.includes(name) || also.includes(name) || /^(location_id|[lp]ids|days)$/.test(name)
    const value = sampleOf(schema, own, [name], { ids: inQuery, also })
    if (needed && name !== 'subdomain') given[name] = value
  }
  const ids: Leaf[] = []
  const body = route.body ? sampleOf(route.body as Shape, own, [], { ids, also }) : undefined
  const urlWith = (path: string, subdomain: string | null, more: Record<string, unknown> = {}) => {
    const url = new URLSearchParams()
    if (subdomain !== null) url.set('subdomain', subdomain)
    for (const [name, value] of Object.entries({ ...given, ...more }))
      if (Array.isArray(value)) for (const one of value) url.append(`${name}[]`, String(one))
      else url.set(name, String(value))
    return `${path}?${url}`
  }
  const mine = urlWith(pathOf(own), own.subdomain)
  const asks: Asking[] = [{ route, where: '', url: mine, body, isTheirs: false }]
  const ask = (where: string, url: string, isTheirs: boolean, sent = body) =>
    asks.push({ route, where, url, body: sent, isTheirs })
  if (route.path.includes('{')) {
    for (const subdomain of [own.subdomain, null, theirs.subdomain])
      ask(`path, subdomain ${subdomain}`, urlWith(pathOf(theirs), subdomain), true)
  }
  if (route.by !== 'account') ask('subdomain', urlWith(pathOf(own), theirs.subdomain), true)
  for (const { name, isList } of inQuery) {
    const id = idNamed(name, theirs)
    ask(`query ${name}`, urlWith(pathOf(own), own.subdomain, { [name]: isList ? [id] : id }), false)
    if (name === 'location_id')
      ask(`query ${name} alone`, urlWith(pathOf(own), null, { [name]: id }), route.by === 'location')
  }
  for (const leaf of ids) ask(`body ${leaf.path.join('.')}`, mine, false, withId(body, leaf, theirs))
  return asks
}

/** Every ask of every route with the other's ids; those that delete last, so that the others meet what they ask for. */
export function walkOf(own: FullPractice, theirs: FullPractice): Asking[] {
  const asks = allRoutes.flatMap((route) => asksOf(route, own, theirs)).filter(({ where }) => where !== '')
  const [deleting, others] = [true, false].map((is) =>
    asks.filter(({ route }) => (route.method === 'DELETE') === is),
  )
  return [...(others ?? []), ...(deleting ?? [])]
}

/** Ids of the other tenant among the numbers of an answer. */
export function foreignIdsIn(data: unknown): number[] {
  const found: number[] = []
  JSON.stringify(data ?? null, (_key, value) => {
    if (typeof value === 'number' && value >= FOREIGN_IDS && value < FOREIGN_IDS + 100_000_000)
      found.push(value)
    return value
  })
  return found
}
