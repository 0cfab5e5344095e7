/**
 * Nothing of a patient leaves `patients` and `appointments`: a full run of processes at their most talkative, through bookings,
 * refusals, faults and errors, and then every log, metric and table is searched for everything that was said of anybody.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { inGlobal, inTenant } from '../../src/db/database.ts'
import { SCOPES } from '../../src/model/wire-scopes.ts'
import { createKey } from '../../src/store/accounts.ts'
import { listEvents } from '../../src/store/events.ts'
import { createEndpoint } from '../../src/store/webhook-endpoints.ts'
import { createSubscription } from '../../src/store/webhook-subscriptions.ts'
import { freeStarts, type Place, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge } from '../support/bridge.ts'
import { environmentOf } from '../support/command-line.ts'
import { type Receiver, startReceiver } from '../webhooks/telling.ts'
import { dumpTables, findLeaks, type Haystack, type Marked, markedPerson } from './leak-people.ts'

const PATIENCE_MS = 200_000
const LOOK_MS = 150
vi.setConfig({ testTimeout: PATIENCE_MS, hookTimeout: PATIENCE_MS })
const main = new URL('../../src/main.ts', import.meta.url).pathname
const people = Array.from({ length: 8 }, (_, nth) => markedPerson(nth))
const who = (nth: number): Marked => people[nth] ?? markedPerson(nth)

let bridge: Bridge
let receiver: Receiver
let place: Place
let starts: string[]
let key: string
let url: string
const stack = new AsyncDisposableStack()
/** Its standard output and error. */
let said = ''
let pid = 0
/** What clients are told: not searched, since it is theirs; but it shows that the run was no empty one. */
let answered = ''
/** Everything that was searched, and what no part of it may hold either. */
let searched: Haystack[] = []
let secrets: string[] = []

beforeAll(async () => {
  bridge = stack.use(await startBridge())
  receiver = stack.use(await startReceiver())
  place = await somePlace(bridge)
  starts = await freeStarts(bridge, place, 30)
  await bridge.stopWorker()
  // Its trigger takes what a request with an Idempotency-Key does in a part of its transaction for another one's.
  for (const table of ['appointments', 'patients', 'writes'])
    await bridge.t.look(`drop trigger test_told on ${table}`)
  const [{ account_id: accountId }] = await bridge.t.look('select account_id from api_keys')
  const made = await inGlobal(bridge.t.database, async (tx) => {
    const endpoint = await createEndpoint(tx, { accountId, targetUrl: receiver.url, active: true })
    for (const name of ['appointment_created', 'appointment_updated', 'patient_created'] as const)
      await createSubscription(tx, {
        endpointId: endpoint.id,
        institutionId: bridge.institutionId,
        resourceType: name === 'patient_created' ? 'Patient' : 'Appointment',
        event: name,
        names: [name],
        version: 'v3',
        active: true,
      })
    secrets.push(endpoint.secret)
    return await createKey(tx, { accountId, name: 'all', scopes: SCOPES, institutionIds: null })
  })
  key = made.key
  // A receiver that says back what it was told, and fails at first.
  receiver.answer(({ raw }) => ({
    status: receiver.received.length < 3 ? 500 : 200,
    body: raw.toString('utf8'),
  }))
  start()
  url = await waitFor('the server', async () => /"url":"(http[^"]+)"/.exec(said)?.[1])
})
afterAll(async () => await stack.disposeAsync())

/** The server with its workers, as talkative as it can be. */
function start(): void {
  const child = spawn(process.execPath, [main, 'serve', '--port', '0'], {
    env: {
      PATH: process.env.PATH,
      ...environmentOf(bridge.t),
      SLOTBRIDGE_HIGH_WATER: 'off',
      SLOTBRIDGE_LOG_LEVEL: 'trace',
      SLOTBRIDGE_WEBHOOK_ALLOW: 'loopback',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  pid = child.pid ?? 0
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      said += part
    })
  stack.defer(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
}

/** Looks now and then: what is waited for comes by itself. */
async function waitFor<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (const limit = Date.now() + PATIENCE_MS; Date.now() < limit; await sleep(LOOK_MS)) {
    const found = await look()
    if (found) return found
  }
  throw new Error(`waited in vain for ${what}; the server said last:\n${said.slice(-2_000)}`)
}

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const target = new URL(path, url)
  target.searchParams.set('subdomain', bridge.subdomain)
  if (!target.searchParams.has('location_id'))
    target.searchParams.set('location_id', String(bridge.locationId))
  const sent = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await fetch(target, {
    method,
    headers: { authorization: key, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: sent }),
  })
  const text = await answer.text()
  answered += text
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back
  return { status: answer.status, body: (text === '' ? null : JSON.parse(text)) as any }
}

const creation = (person: Marked) => ({
  provider: { provider_id: place.providerId },
  patient: {
    first_name: person.first,
    middle_name: person.middle,
    last_name: person.last,
    email: person.email,
    bio: {
      date_of_birth: person.birth,
      phone_number: person.phone,
      address_line_1: person.street,
      city: person.city,
    },
  },
})
const visit = (patientId: number, startTime: string, note: string, more: object = {}) => ({
  appt: {
    patient_id: patientId,
    provider_id: place.providerId,
    operatory_id: place.operatoryId,
    start_time: startTime,
    note,
    referrer: note,
    ...more,
  },
})

async function enter(person: Marked): Promise<number> {
  const { status, body } = await ask('POST', '/patients', creation(person), {
    'idempotency-key': `create-${person.last}`,
  })
  expect([status, person.last]).toEqual([201, person.last])
  return body.data.user.id
}

async function booked(person: Marked, start = starts.shift() ?? ''): Promise<number> {
  const patientId = await enter(person)
  const { status, body } = await ask('POST', '/appointments', visit(patientId, start, person.note), {
    'idempotency-key': `book-${person.first}`,
  })
  expect(status).toBe(201)
  return body.data.appt?.id ?? body.data.id
}

/** The desk enters a person with a visit; the practice's ids. */
async function deskEnters(person: Marked): Promise<{ visit_id: string; person_id: string }> {
  const { status, body } = await bridge.practice('POST', '/desk/book', {
    chair_id: '1',
    begins: new Date(starts.shift() ?? '').toISOString(),
    remark: person.note,
    person: {
      first_name: person.first,
      middle_name: person.middle,
      last_name: person.last,
      birth_date: person.birth,
      phone: person.phone,
      email: person.email,
      street: person.street,
      city: person.city,
    },
  })
  expect(status).toBe(200)
  return body.visit as { visit_id: string; person_id: string }
}

const settled = (id: number) =>
  waitFor(`the writes of ${id}`, async () => {
    const rows = await bridge.t.look(
      "select from writes where appointment_id = $1 and ended_at is null and state <> 'needs_decision'",
      [id],
    )
    return rows.length === 0
  })
const mirrored = (last: string) =>
  waitFor(`${last} in the mirror`, async () => {
    const rows = await bridge.t.look(
      'select id from patients where last_name = $1 and foreign_id is not null',
      [last],
    )
    return rows[0]
  })

async function bookAndBeRefused(): Promise<void> {
  const taken = starts.shift() ?? ''
  const id = await booked(who(0), taken)
  await settled(id)
  const patientId = (await ask('GET', `/appointments/${id}`)).body.data.patient_id
  // Refusals: a taken time, a person who is there, one over what is there and its reason, and a second answer to each.
  const again = visit(patientId, taken, who(0).note)
  for (const _ of [1, 2])
    expect((await ask('POST', '/appointments', again, { 'idempotency-key': 'taken' })).status).toBe(400)
  expect((await ask('POST', '/patients', creation(who(0)))).status).toBe(400)
  const longer = new Date(Date.parse(taken) + 3_600_000).toISOString()
  const overbook = { end_time: longer, overbook: { reason: who(0).note } }
  expect((await ask('POST', '/appointments', visit(patientId, taken, who(0).note, overbook))).status).toBe(
    201,
  )
  await ask('PATCH', `/appointments/${id}`, { appt: { note: `${who(0).note} changed`, confirmed: true } })
  await ask('PATCH', `/appointments/${id}`, { appt: { start_time: starts.shift() ?? '' } })
  await settled(id)
  await ask('PATCH', `/appointments/${id}`, { appt: { cancelled: true } })
  await settled(id)
}

async function searchAndMistype(): Promise<void> {
  const person = who(0)
  for (const [name, value] of Object.entries({
    name: person.last,
    first_name: person.first,
    last_name: person.last,
    email: person.email,
    phone_number: person.phone,
    date_of_birth: person.birth,
  })) {
    await ask('GET', `/patients?${new URLSearchParams({ [name]: value })}`)
    // Where nobody expects it: as a wrong value, an unknown parameter, a path.
    for (const wrong of ['page', 'per_page', 'updated_since', value])
      await ask('GET', `/patients?${new URLSearchParams({ [wrong]: value })}`)
    await ask('GET', `/patients/${encodeURIComponent(value)}`)
    await ask('GET', `/${encodeURIComponent(value)}`)
  }
  for (const body of [
    `{"patient": {"first_name": "${person.first}", ${person.last}`,
    { patient: { ...creation(person).patient, first_name: [person.first], [person.last]: person.last } },
    { ...creation(person), provider: { provider_id: person.phone } },
    { appt: { start_time: person.birth, note: { [person.note]: person.note } } },
    [person.first],
  ])
    for (const path of ['/patients', '/appointments', '/working_hours', '/locations'])
      expect((await ask('POST', path, body)).status).toBeGreaterThanOrEqual(400)
  await ask('POST', '/appointments', visit(1, 'x', person.note), { 'idempotency-key': person.email })
  await fetch(`${url}/patients?last_name=${person.last}`, { headers: { authorization: person.last } })
  await fetch(`${url}/${person.last}?${person.first}=${person.email}`)
}

async function sufferFaults(): Promise<void> {
  const dial = (...faults: object[]) => bridge.practice('PUT', '/faults', { faults })
  for (const [nth, kind] of [
    [1, 'refused'],
    [2, 'error_after'],
    [3, 'truncated_note'],
  ] as const) {
    await dial({ kind })
    await settled(await booked(who(nth)))
  }
  // Always: a page without rows has none to poison.
  await dial({ kind: 'poisoned_row', always: true })
  await deskEnters(who(4))
  await waitFor('a row set aside', async () => (await bridge.t.look('select from set_aside')).length > 0)
  await dial()
  await bridge.practice('POST', '/desk/rename', {
    person_id: (await deskEnters(who(5))).person_id,
    first_name: who(6).first,
    phone: who(6).phone,
  })
  await mirrored(who(5).last)
  // Someone who may be that one: a person decides, and the write says whom it may be.
  const { first, middle, email, street, city, note } = who(7)
  const alike = { ...who(5), first, middle, email, street, city, note, phone: who(6).phone }
  await settled(await booked(alike))
}

/** The database refuses, in words that quote the row; here and in the worker. */
async function breakDown(): Promise<void> {
  const { t } = bridge
  await t.look(`create function broken() returns trigger language plpgsql as $$ begin
      if new.last_name like '%qzxh%' then raise exception 'cannot take %', new; end if; return new; end $$;
    create trigger broken before insert or update on patients for each row execute function broken()`)
  const broken = await ask('POST', '/patients', creation(who(7)))
  expect(broken.status).toBe(500)
  const failing = who(7)
  await deskEnters(failing)
  await waitFor('a pull that fails', async () => /"kind":"pull"[^\n]*work failed/.test(said))
  await t.look('drop trigger broken on patients')
  await mirrored(failing.last)
}

it('leaves nothing of anybody in logs, metrics, work, events or any other table', async () => {
  await bookAndBeRefused()
  await searchAndMistype()
  await sufferFaults()
  await breakDown()
  const metrics: string[] = []
  for (const path of ['/metrics', '/readyz', '/openapi.json'])
    metrics.push(await (await fetch(url + path)).text())
  await waitFor('deliveries after some that failed', async () => {
    await bridge.t.look('update delivery_lanes set next_attempt_at = app_now()')
    const rows = await bridge.t.look(
      'select from delivery_attempts where answer_sealed is not null and response_status = 200',
    )
    const isTold = receiver.received.some(({ raw }) => raw.toString().includes(who(4).last))
    return rows.length > 3 && isTold
  })

  const tables = await dumpTables(bridge.t)
  const open = new Set(['patients', 'appointments'])
  const allowed = tables.filter(({ name }) => open.has(name))
  // The run was no empty one: everybody is where they may be, was told, and lies sealed.
  expect(findLeaks(people, allowed).length).toBeGreaterThan(40)
  expect(answered.includes(who(0).last)).toBe(true)
  for (const text of [who(0).note, who(4).last])
    expect([text, receiver.received.some(({ raw }) => raw.toString().includes(text))]).toEqual([text, true])
  const events = await inTenant(bridge.t.database, bridge.institutionId, (tx) => listEvents(tx, null, 1_000))
  expect(JSON.stringify(events).includes(who(2).note)).toBe(true)
  for (const table of ['set_aside', 'overrides', 'idempotency', 'delivery_attempts', 'writes'])
    expect([table, tables.find(({ name }) => name === table)?.text !== '']).toEqual([table, true])
  expect(said.length).toBeGreaterThan(1_000)

  const statements = await bridge.t.look(
    "select coalesce(string_agg(query, e'\\n'), '') as text from pg_stat_activity",
  )
  searched = [
    ...statements.map(({ text }) => ({ name: 'statements', text })),
    ...tables.filter(({ name }) => !open.has(name)),
    { name: 'log', text: said },
    ...metrics.map((text, nth) => ({ name: `metrics ${nth}`, text })),
  ]
  expect(findLeaks(people, searched)).toEqual([])
})

it('tells no key, token or secret in any of them, nor in the arguments of its processes', async () => {
  const exchanged = await fetch(`${url}/authenticates`, { method: 'POST', headers: { authorization: key } })
  const { data } = (await exchanged.json()) as { data: { token: string } }
  const bearer = { authorization: `Bearer ${data.token}` }
  expect((await fetch(`${url}/institutions`, { headers: bearer })).status).toBe(200)
  expect((await ask('POST', '/api_keys', { api_key: { name: 'x', scopes: ['admin'] } })).status).toBe(201)
  const shown = /"key":"(sb_[^"]+)"/.exec(answered)?.[1]
  const master = bridge.t.database.masterKey
  secrets = [
    ...secrets,
    ...[key, data.token, shown ?? '', 'test-key', master.toString('base64'), master.toString('hex')],
  ]
  expect(secrets.every((secret) => secret.length > 7)).toBe(true)
  // Its own alone: others on this machine are not ours to judge.
  const all = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n')
  const processes = all.filter((line) => Number.parseInt(line, 10) === pid).join('\n')
  expect(processes).toContain('main.ts serve --port 0')
  const places = [
    ...searched,
    ...(await dumpTables(bridge.t)),
    { name: 'log', text: said },
    { name: 'ps', text: processes },
  ]
  const forms = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString('hex')])
  const found = places.filter(({ text }) => forms.some((form) => text.includes(form)))
  expect(found.map(({ name }) => name)).toEqual([])
})
