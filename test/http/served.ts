/** A served practice: a database of its own with made-up rows, the server on a port of its own, and a client over a real socket. */
import type { AddressInfo } from 'node:net'
import { inGlobal, inTenant, type Tenant } from '../../src/db/database.ts'
import type { ConnectorFace, ServerLog } from '../../src/http/context.ts'
import { buildServer } from '../../src/http/server.ts'
import { SCOPES } from '../../src/model/wire-scopes.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { addDataSource, saveProbe } from '../../src/store/data-sources.ts'
import { positionEvents } from '../../src/store/events.ts'
import { createInstitution } from '../../src/store/institutions.ts'
import { createLocation } from '../../src/store/locations.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

export const ZONE = 'America/New_York'

export const sandboxFace: ConnectorFace = {
  name: 'sandbox',
  adapter: 'http',
  system: 'sandbox',
  displayName: 'Simulated practice',
  type: 'onprem',
  checkConfiguration: (configuration) =>
    typeof (configuration as { url?: unknown }).url === 'string'
      ? []
      : ['Parameter configuration.url must be a text'],
  publishedKeys: () => [],
}

export interface Answered {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back
  body: any
}

export interface Ask {
  query?: Record<string, string | number | boolean | (string | number)[]>
  body?: unknown
  version?: string
  key?: string | null
  headers?: Record<string, string>
}

export interface Practice {
  institutionId: number
  subdomain: string
  sourceId: number
  locationId: number
  providerId: number
  operatoryId: number
  otherOperatoryId: number
  descriptorId: number
  typeId: number
  patientId: number
}

export interface Served extends AsyncDisposable, Practice {
  t: TestDatabase
  url: string
  accountId: number
  /** Has every scope. */
  key: string
  keyId: number
  token: string
  /** How often the server asked for workers to wake. */
  woken(): number
  logged: object[]
  ask(method: string, path: string, ask?: Ask): Promise<Answered>
  tenant<T>(run: (tx: Tenant) => Promise<T>): Promise<T>
  /** Gives positions to every event committed so far. */
  sequence(): Promise<void>
}

/** Serves one practice in New York with a provider, two operatories, a descriptor, a type and a patient. */
export async function serve(): Promise<Served> {
  const stack = new AsyncDisposableStack()
  const t = stack.use(await testDatabase())
  const accountId = await inGlobal(t.database, (tx) => createAccount(tx, 'Willow Creek'))
  const { id: keyId, key } = await inGlobal(t.database, (tx) =>
    createKey(tx, { accountId, name: 'all', scopes: SCOPES, institutionIds: null }),
  )
  const practice = await makePractice(t, accountId, 'willow-creek')
  const logged: object[] = []
  const log: ServerLog = {
    info: (fields, message) => void logged.push({ ...fields, message }),
    error: (fields, message) => void logged.push({ ...fields, message }),
  }
  let wakes = 0
  const wake = () => void wakes++
  const app = buildServer({ database: t.database, clock: t.clock, log, connectors: [sandboxFace], wake })
  stack.defer(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const { body } = await askAt(url, null, 'POST', '/authenticates', { headers: { authorization: key } })
  const token = body.data.token as string
  return {
    ...practice,
    t,
    url,
    accountId,
    key,
    keyId,
    token,
    logged,
    woken: () => wakes,
    ask: (method, path, ask) => askAt(url, token, method, path, ask ?? {}),
    tenant: (run) => inTenant(t.database, practice.institutionId, run),
    sequence: async () => void (await positionAll(t)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function positionAll(t: TestDatabase): Promise<void> {
  const { inWork } = await import('../../src/db/database.ts')
  await inWork(t.database, (tx) => positionEvents(tx as never, 10_000))
}

/** Asks over a real socket; `key: null` sends no Authorization, a string sends that one as it is. */
async function askAt(
  url: string,
  token: string | null,
  method: string,
  path: string,
  ask: Ask,
): Promise<Answered> {
  const target = new URL(path, url)
  for (const [name, value] of Object.entries(ask.query ?? {})) {
    if (Array.isArray(value)) for (const one of value) target.searchParams.append(`${name}[]`, String(one))
    else target.searchParams.set(name, String(value))
  }
  const headers: Record<string, string> = { ...ask.headers }
  if (ask.version) headers['nex-api-version'] = ask.version
  if (ask.key !== null && !headers.authorization && (ask.key ?? token))
    headers.authorization = ask.key ?? `Bearer ${token}`
  const text = ask.body === undefined || typeof ask.body === 'string' ? ask.body : JSON.stringify(ask.body)
  if (text !== undefined && !headers['content-type']) headers['content-type'] = 'application/json'
  const answer = await fetch(target, {
    method,
    headers,
    ...(text === undefined ? {} : { body: text as string }),
  })
  const read = await answer.text()
  const isJson = (answer.headers.get('content-type') ?? '').includes('json')
  return {
    status: answer.status,
    headers: answer.headers,
    body: isJson && read !== '' ? JSON.parse(read) : read,
  }
}

/** What a record system that can do everything says of itself. */
const capabilities = {
  writes: {
    insert: true,
    block: true,
    new_patient: true,
    descriptors: true,
    confirm: true,
    cancel: true,
    check_in: true,
    reschedule: true,
    note: true,
  },
  reads: { blocks: true, workingHours: true, descriptors: true, procedures: true, deletions: 'told' },
  effect: 'once',
  maxInFlightMs: 30_000,
  conflictCheck: 'atomic',
  limits: { grainMinutes: 5, noteLength: 500, characters: 'unicode' },
}

/** Makes an institution with one location and a row of everything, as a merge would have left it. */
export async function makePractice(t: TestDatabase, accountId: number, subdomain: string): Promise<Practice> {
  const institutionId = await createInstitution(t.database, {
    accountId,
    subdomain,
    name: 'Willow Creek Dental',
  })
  const { sourceId, locationId } = await inTenant(t.database, institutionId, async (tx) => {
    const sourceId = await addDataSource(tx, {
      name: 'Main St server',
      connector: 'sandbox',
      foreignIdPrefix: 'http-sandbox',
      configuration: { url: 'http://127.0.0.1:9', key: 'a-secret' },
    })
    await saveProbe(tx, sourceId, { capabilities, marks: {} })
    const locationId = await createLocation(tx, {
      name: 'Main St',
      tz: ZONE,
      data_source_id: sourceId,
      foreign_id: '1',
    })
    return { sourceId, locationId }
  })
  const insert = async (table: string, row: Record<string, unknown>): Promise<number> => {
    const all = { institution_id: institutionId, ...row }
    const names = Object.keys(all)
    const marks = names.map((_, at) => `$${at + 1}`).join(', ')
    const id = table === 'provider_locations' ? '0 as id' : 'id'
    const rows = await t.look(
      `insert into ${table} (${names.join(', ')}) values (${marks}) returning ${id}`,
      Object.values(all),
    )
    return Number(rows[0].id)
  }
  const source = { data_source_id: sourceId, last_sync_time: '2026-11-02T14:05:11Z' }
  const place = { ...source, location_id: locationId }
  const providerId = await insert('providers', {
    ...source,
    foreign_id: '1001',
    first_name: 'Priya',
    last_name: 'Natarajan',
    display_name: 'Dr. Priya Natarajan',
    npi: '1234567890',
  })
  await insert('provider_locations', { provider_id: providerId, location_id: locationId })
  const operatoryId = await insert('operatories', { ...place, foreign_id: '1', name: 'OP-1' })
  const otherOperatoryId = await insert('operatories', { ...place, foreign_id: '2', name: 'OP-2' })
  const descriptorId = await insert('descriptors', {
    ...place,
    foreign_id: '12',
    descriptor_type: 'Procedure Code',
    name: 'Prophylaxis - Adult',
    code: 'D1110',
  })
  const typeId = await insert('appointment_types', { name: 'Cleaning', minutes: 30, bookable_online: true })
  const patientId = await insert('patients', {
    ...place,
    foreign_id: '1001',
    first_name: 'Imani',
    last_name: 'Okafor',
    birth_date: '1988-02-29',
    gender: 'Female',
    email: 'imani.okafor@example.com',
    cell_phone: '(503)555-0142',
    address_line_1: '8 Alder Ct',
    city: 'Portland',
    state: 'OR',
    zip_code: '97201',
    language: 'en',
    chart_id: '000142',
    billing_type: 'Standard Billing',
    provider_id: providerId,
    name_key: 'imani okafor',
    phone_keys: ['5035550142'],
    match_key: 'v1|imani|okafor|1988-02-29|5035550142',
  })
  return {
    institutionId,
    subdomain,
    sourceId,
    locationId,
    providerId,
    operatoryId,
    otherOperatoryId,
    descriptorId,
    typeId,
    patientId,
  }
}

/** An instant some days ahead at a wall hour of UTC, on a multiple of five minutes. */
export function ahead(days: number, hour = 15, minute = 0): string {
  const day = new Date(Date.now() + days * 86_400_000)
  day.setUTCHours(hour, minute, 0, 0)
  return day.toISOString()
}
