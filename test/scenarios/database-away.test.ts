/** The database is read-only for a while, restarts, loses its standby, and a process is told to stop, all while clients book. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { addMs, minutes } from '../../src/model/time.ts'
import { SCOPES } from '../../src/model/wire-scopes.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { makePractice, type Practice } from '../http/served.ts'
import { type RestartableDatabase, restartableDatabase } from '../support/restartable-server.ts'
import { type ServeProcess, serveProcess } from '../support/serve-process.ts'
import { until } from '../support/until.ts'

const CLIENTS = 4

let t: RestartableDatabase
let served: ServeProcess
let practice: Practice
let token: string
/** Statuses of all answers, and the ids of the bookings that were accepted. */
const statuses: number[] = []
const accepted: number[] = []
const stack = new AsyncDisposableStack()

beforeAll(async () => {
  t = stack.use(await restartableDatabase())
  const accountId = await inGlobal(t.database, (tx) => createAccount(tx, 'Willow Creek'))
  const wanted = { accountId, name: 'all', scopes: SCOPES, institutionIds: null, limits: null }
  const { key } = await inGlobal(t.database, (tx) => createKey(tx, wanted))
  practice = await makePractice(t, accountId, 'willow-creek')
  served = stack.use(
    await serveProcess({
      DATABASE_URL: t.url,
      SLOTBRIDGE_MASTER_KEY: t.database.masterKey.toString('base64'),
      SLOTBRIDGE_HIGH_WATER: 'off',
    }),
  )
  const headers = { authorization: key }
  const exchanged = await fetch(`${served.url}/authenticates`, { method: 'POST', headers })
  token = ((await exchanged.json()) as { data: { token: string } }).data.token
})
afterAll(() => stack.disposeAsync())

let booked = 0

/** The next booking that nobody else asks for. */
function nextBooking(): { path: string; body: string; headers: Record<string, string> } {
  const at = booked++
  const { subdomain, locationId, patientId, providerId, operatoryId, otherOperatoryId } = practice
  const appt = {
    patient_id: patientId,
    provider_id: providerId,
    operatory_id: at % 2 === 0 ? operatoryId : otherOperatoryId,
    start_time: addMs('2031-01-06T15:00:00.000Z', minutes(30) * at),
    end_time: addMs('2031-01-06T15:00:00.000Z', minutes(30) * at + minutes(15)),
  }
  return {
    path: `/appointments?subdomain=${subdomain}&location_id=${locationId}`,
    body: JSON.stringify({ appt }),
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': `booking-${at}`,
    },
  }
}

/** Books one after the other, each again under its key until it is accepted, as the answer 503 asks for. */
async function bookUntil(stopped: AbortSignal): Promise<void> {
  while (!stopped.aborted) {
    const { path, body, headers } = nextBooking()
    for (;;) {
      const answer = await fetch(served.url + path, { method: 'POST', headers, body })
      const said = (await answer.json()) as { data: { appt: { id: number } } | null }
      statuses.push(answer.status)
      if (answer.status === 201 && said.data) {
        accepted.push(said.data.appt.id)
        break
      }
      // Anything but 503 would be a loss; it is told by what the statuses are compared with.
      if (answer.status !== 503) return
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

const seen = (status: number, from: number) =>
  until(`an answer ${status}`, async () => statuses.slice(from).filter((one) => one === status).length >= 5)

it('rides out a database that is read-only and one that restarts: 503 meanwhile, and each booking is made once', async () => {
  const stopped = new AbortController()
  const booking = Promise.all(Array.from({ length: CLIENTS }, () => bookUntil(stopped.signal)))
  await seen(201, 0)

  let from = statuses.length
  await t.look("alter system set default_transaction_read_only = 'on'")
  await t.look('select pg_reload_conf()')
  await seen(503, from)
  await t.look('alter system reset default_transaction_read_only')
  await t.look('select pg_reload_conf()')
  from = statuses.length
  await seen(201, from)

  from = statuses.length
  await t.stopServer()
  await seen(503, from)
  expect((await fetch(`${served.url}/livez`)).status).toBe(200)
  expect((await fetch(`${served.url}/readyz`)).status).toBe(503)
  // Without these no commit waits for a standby, which the next test is about.
  await t.startServer(['wal_level=replica', 'max_wal_senders=2'])
  from = statuses.length
  await seen(201, from)
  stopped.abort()
  await booking

  expect(new Set(statuses)).toEqual(new Set([201, 503]))
  const rows = await t.look('select id from appointments')
  expect(rows.map(({ id }) => Number(id)).sort()).toEqual([...accepted].sort())
  expect(rows.length).toBe(booked)
  // Work went on by itself: the event of each has its place.
  await until('the events to be in order', async () => {
    const [row] = await t.look('select count(*)::int as n from event_order where position is null')
    return row.n === 0
  })
  const [told] = await t.look('select count(*)::int as n from event_order')
  expect(told.n).toBeGreaterThanOrEqual(booked)
  // What was claimed when the database went is nobody's until its lease ends; the last test looks at leases.
  await until('no lease', async () => (await leased()).length === 0)
})

const leased = () => t.look('select kind from work where leased_until > clock_timestamp()')

/** Asks once; the answer is told when it comes. */
function ask({ path, body, headers }: ReturnType<typeof nextBooking>) {
  const asked = { answer: null as { status: number; replayed: string | null } | null }
  const told = fetch(served.url + path, { method: 'POST', headers, body }).then((answer) => {
    asked.answer = { status: answer.status, replayed: answer.headers.get('idempotency-replayed') }
  })
  return { asked, told }
}

const waiting = () =>
  t.look(`select pid, pid || ' ' || query_start as wait from pg_stat_activity
    where state = 'active' and wait_event = 'SyncRep' and usename = 'slotbridge'`)

/** Not the worker's claims: one that ends so is nobody's until its lease ends. What waits holds its locks until then. */
const requestsWaiting = async () => {
  const waits = await waiting()
  const claims = "relation = 'work'::regclass and mode = 'RowExclusiveLock'"
  const claiming = new Set((await t.look(`select pid from pg_locks where ${claims}`)).map(({ pid }) => pid))
  return waits.filter(({ pid }) => !claiming.has(pid))
}

/** Cancels each request's wait for the standby, once, until there is an answer; answers it. */
async function answerTo(booking: ReturnType<typeof nextBooking>) {
  const { asked, told } = ask(booking)
  const cancelled = new Set<unknown>()
  await until('an answer without the standby', async () => {
    for (const { pid, wait } of await requestsWaiting()) {
      if (cancelled.has(wait)) continue
      cancelled.add(wait)
      await t.look('select pg_cancel_backend($1)', [pid])
    }
    return asked.answer !== null
  })
  await told
  return asked.answer
}

it('answers no 201 for what the synchronous standby may not have, the second time neither', async () => {
  const keyed = nextBooking()
  const unkeyed = nextBooking()
  delete unkeyed.headers['idempotency-key']
  await t.look("alter system set synchronous_standby_names = 'absent'")
  await t.look('select pg_reload_conf()')
  // Whether this one is the first that waits is not known: work goes on beside it.
  const { told } = ask(nextBooking())
  await until('a commit that waits', async () => (await waiting()).length > 0)
  for (const booking of [keyed, unkeyed]) {
    expect(await answerTo(booking)).toEqual({ status: 503, replayed: null })
    expect(await answerTo(booking)).toEqual({ status: 503, replayed: null })
  }
  expect((await t.look('select id from appointments')).length).toBe(booked)

  await t.look('alter system reset synchronous_standby_names')
  await t.look('select pg_reload_conf()')
  await told
  for (const [booking, replayed] of [
    [keyed, 'true'],
    [unkeyed, null],
  ] as const) {
    const { asked, told } = ask(booking)
    await told
    expect(asked.answer).toEqual({ status: 201, replayed })
  }
  expect((await t.look('select id from appointments')).length).toBe(booked)
})

it('answers every request that it took before it was told to stop, and hands back what it held', async () => {
  const { hostname, port } = new URL(served.url)
  const held = Array.from({ length: 12 }, () => {
    const { path, body, headers } = nextBooking()
    const asked = request({
      hostname,
      port,
      path,
      method: 'POST',
      agent: false,
      headers: {
        ...headers,
        'content-length': String(Buffer.byteLength(body)),
        expect: '100-continue',
      },
    })
    const answered = once(asked, 'response').then(
      ([answer]) => (answer as IncomingMessage).resume().statusCode,
    )
    const taken = once(asked, 'continue')
    asked.flushHeaders()
    return { taken, answered, finish: () => asked.end(body) }
  })
  await Promise.all(held.map(({ taken }) => taken))
  process.kill(served.pid, 'SIGTERM')
  await until('it to take no more', () =>
    fetch(`${served.url}/livez`).then(
      () => false,
      () => true,
    ),
  )
  for (const { finish } of held) finish()
  expect(await Promise.all(held.map(({ answered }) => answered))).toEqual(held.map(() => 201))
  expect((await t.look('select id from appointments')).length).toBe(booked)
  await until('its end', async () => !isAlive(served.pid))
  expect(await leased()).toEqual([])
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
