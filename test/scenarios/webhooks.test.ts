/**
 * Everything that happens is told, whatever the receiver, the workers and the database go through. Judged by the test's own list
 * of acts, never by our tables. `CHANGES=10000` is the long form.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { expect, it } from 'vitest'
import { openClock } from '../../src/db/clock.ts'
import { inGlobal, openDatabase } from '../../src/db/database.ts'
import { type Embedded, startEmbedded } from '../../src/db/embedded.ts'
import { asideFolder } from '../../src/db/embedded-place.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openPool } from '../../src/db/pool.ts'
import { newKey } from '../../src/db/seal.ts'
import { buildServer } from '../../src/http/server.ts'
import { SCOPES } from '../../src/model/wire-scopes.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { tellChanges } from '../../src/store/tell-changes.ts'
import { openWake } from '../../src/work/wake.ts'
import { ahead, makePractice, sandboxFace } from '../http/served.ts'
import type { TestDatabase } from '../support/database.ts'
import { atDatabase } from '../support/database-url.ts'
import { type Received, type Receiver, startReceiver } from '../webhooks/telling.ts'

const CHANGES = Number(process.env.CHANGES ?? 300)
const APPOINTMENTS = 25
const REFUSED_CHANGES = 3
const SEED = Number(process.env.SEED ?? 20261122)
const KILLS = Math.min(30, Math.ceil(CHANGES / 125))
const RESTARTS = Math.min(5, Math.ceil(CHANGES / 500))
const HOUR = 3_600_000

/** Numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
const random = randomFrom(SEED)

/** A PostgreSQL of this test's own, which it may crash: `restart` ends it without a checkpoint and starts it again. */
async function startServer() {
  const dataDir = mkdtempSync(join(tmpdir(), 'slotbridge-scenario-'))
  chmodSync(dataDir, 0o711)
  const log = { info: () => undefined, warn: () => undefined }
  let server: Embedded = await startEmbedded({ dataDir, log })
  return {
    url: server.url,
    async restart() {
      await server.stop('immediate')
      server = await startEmbedded({ dataDir, log })
    },
    async [Symbol.asyncDispose]() {
      await server.stop('immediate')
      for (const folder of [dataDir, asideFolder(dataDir)])
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function openInstallation(serverUrl: string, stack: AsyncDisposableStack) {
  const directUrl = atDatabase(serverUrl, { database: 'scenario' })
  const look = async (text: string, values: unknown[] = [], at = directUrl) => {
    const client = new pg.Client({ connectionString: at })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query(text, values)).rows
    } finally {
      await client.end()
    }
  }
  await look('create database scenario', [], serverUrl)
  await migrate(directUrl, 'slotbridge', resolve(import.meta.dirname, '..', '..', 'migrations'))
  const url = atDatabase(directUrl, { login: 'slotbridge' })
  const pool = openPool({ url, max: 8, prepare: true, applicationName: 'scenario' })
  stack.defer(() => pool.end())
  const database = openDatabase(pool, newKey(), tellChanges)
  const clock = await openClock(database.kysely)
  const moveClock = async (ms: number) => {
    await look('update test_clock set offset_ms = $1', [ms])
    await clock.measure()
  }
  return { database, clock, url, directUrl, look, moveClock } as unknown as TestDatabase
}

const program = fileURLToPath(new URL('../webhooks/worker-process.ts', import.meta.url))

async function startWorker(t: TestDatabase): Promise<ChildProcess> {
  const key = t.database.masterKey.toString('base64')
  const child = spawn(process.execPath, [program, t.url, t.directUrl, key], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), once(child, 'exit')])
  return child
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

it(
  `tells each of ${CHANGES} changes through failures, kills and restarts, in order for each appointment (seed ${SEED})`,
  async () => {
    await using stack = new AsyncDisposableStack()
    const server = stack.use(await startServer())
    const t = await openInstallation(server.url, stack)
    const { database, clock } = t
    const wake = stack.use(openWake(database.pool, null))
    const accountId = await inGlobal(database, (tx) => createAccount(tx, 'Willow Creek'))
    const { key } = await inGlobal(database, (tx) =>
      createKey(tx, { accountId, name: 'all', scopes: SCOPES, institutionIds: null }),
    )
    const practice = await makePractice(t, accountId, 'willow-creek')
    const app = buildServer({ database, clock, connectors: [sandboxFace], wake: () => wake.wake() })
    stack.defer(() => app.close())
    const ask = async (method: 'POST' | 'PATCH' | 'GET', path: string, payload?: object) => {
      const url = `${path}${path.includes('?') ? '&' : '?'}subdomain=willow-creek&location_id=${practice.locationId}`
      const headers = { authorization: key, 'nex-api-version': 'v2' }
      const answer = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) })
      return { status: answer.statusCode, data: answer.json().data, error: answer.json().error }
    }
    /** Asks until it is accepted: while the database is down, nothing is. */
    const insist = async (method: 'POST' | 'PATCH', path: string, payload: object) => {
      for (;;) {
        const answer = await ask(method, path, payload)
        if (answer.status < 300) return answer.data
        if (answer.status < 500) throw new Error(`${path}: ${answer.error}`)
        await sleep(50)
      }
    }

    // The receiver: fails at random, answers slowly, answers garbage, stops and comes back, and refuses one appointment.
    let refused = 0
    let isMending = false
    const failures = new Map<string, number>()
    const behave = (one: Received) => {
      const id = String(one.headers['webhook-id'])
      if (one.body.data.appointment.id === refused) return { status: 500 }
      const failed = failures.get(id) ?? 0
      if (!isMending && failed < 5 && random() < 0.2) {
        failures.set(id, failed + 1)
        return { status: 502, body: 'bad gateway' }
      }
      if (random() < 0.03) return { status: 200, afterMs: 300 + random() * 500 }
      return { status: 200, body: random() < 0.2 ? '\u0000{"garbage' : 'ok' }
    }
    const told: Received[] = []
    let receiver: Receiver = await startReceiver()
    const { port } = receiver
    stack.defer(() => receiver[Symbol.asyncDispose]())
    receiver.answer(behave)
    const stopAndComeBack = async () => {
      told.push(...receiver.received)
      await receiver[Symbol.asyncDispose]()
      await sleep(300)
      receiver = await startReceiver('127.0.0.1', port)
      receiver.answer(behave)
    }
    const endpoint = await insist('POST', '/webhook_endpoints', { target_url: `http://127.0.0.1:${port}/` })
    await insist('POST', `/webhook_endpoints/${endpoint.id}/webhook_subscriptions`, {
      resource_type: 'appointment',
      event: 'appointment_accepted',
    })

    // The acts, in the test's own list: appointment → notes in the order they were accepted.
    const acts = new Map<number, string[]>()
    const ids: number[] = []
    for (let n = 0; n < APPOINTMENTS; n += 1) {
      const start_time = ahead(10 + n, 15)
      const appt = {
        patient_id: practice.patientId,
        provider_id: practice.providerId,
        operatory_id: practice.operatoryId,
        start_time,
        note: `booked ${n}`,
      }
      const { id } = (await insist('POST', '/appointments', { appt })).appt
      ids.push(id)
      acts.set(id, [`booked ${n}`])
    }
    refused = ids[0] ?? 0
    let count = APPOINTMENTS
    const change = async (id: number) => {
      count += 1
      const note = `change ${count}`
      await insist('PATCH', `/appointments/${id}`, { appt: { note } })
      acts.get(id)?.push(note)
    }

    const workers: (ChildProcess | undefined)[] = [await startWorker(t), await startWorker(t)]
    stack.defer(async () => void (await Promise.all(workers.map(kill))))
    for (let n = 1; n < REFUSED_CHANGES; n += 1) await change(refused)
    const others = ids.slice(1)
    // Each of four writers has appointments of its own, so that the test knows the order of its acts.
    const writers = [0, 1, 2, 3].map(async (writer) => {
      const own = others.filter((_, at) => at % 4 === writer)
      while (count < CHANGES) await change(own[Math.floor(random() * own.length)] ?? 0)
    })
    const trouble = (async () => {
      for (let n = 1; n <= KILLS; n += 1) {
        const target = (count < CHANGES ? CHANGES / KILLS : 0) * n
        while (count < Math.min(target, CHANGES)) await sleep(20)
        await kill(workers[n % 2])
        if (n % Math.ceil(KILLS / RESTARTS) === 0) await server.restart()
        if (n % 3 === 1) await stopAndComeBack()
        workers[n % 2] = await startWorker(t)
      }
    })()
    await Promise.all([...writers, trouble])
    isMending = true

    // Time passes as far as retries need it, with a change now and then, so that the endpoint is heard from.
    let offset = 0
    for (;;) {
      const [next] = await t.look(
        `select extract(epoch from min(next_attempt_at) - app_now()) * 1000 as wait, app_now() > min(next_attempt_at) as due,
        (select count(*) from event_order where position is null)::int as unplaced,
        (select count(*) from event_progress where fanned_out < positioned)::int as unfanned from delivery_lanes`,
      )
      if (next.unplaced > 0 || next.unfanned > 0 || next.due) {
        wake.wake()
        await sleep(50)
        continue
      }
      if (next.wait === null) break
      const step = Math.ceil(Number(next.wait)) + 50
      offset += step
      await t.moveClock(offset)
      if (step > HOUR / 2) await change(others[0] ?? 0)
      wake.wake()
    }
    expect(offset).toBeGreaterThan(REFUSED_CHANGES * 48 * HOUR)

    const all = () => [...told, ...receiver.received]
    /** The first success of each note, as they came, for each appointment. */
    const heard = () => {
      const firsts = new Map<number, string[]>()
      for (const one of all()) {
        if (one.status !== 200) continue
        const { id, note } = one.body.data.appointment
        const notes = firsts.get(id) ?? []
        if (!notes.includes(note)) notes.push(note)
        firsts.set(id, notes)
      }
      return firsts
    }
    for (const id of others) expect([id, heard().get(id)]).toEqual([id, acts.get(id)])
    expect(heard().get(refused)).toBeUndefined()
    const dead = await ask('GET', '/webhook_deliveries?status=dead&per_page=1000')
    const refusedIds = new Set(
      all()
        .filter((one) => one.body.data.appointment.id === refused)
        .map((one) => one.headers['webhook-id']),
    )
    expect(new Set(dead.data.map((row: { message_id: string }) => row.message_id))).toEqual(refusedIds)
    expect(dead.data).toHaveLength(REFUSED_CHANGES)

    // The receiver mends its ways, and what was dead is told once more.
    refused = 0
    const replayed = await insist('POST', '/webhook_deliveries/replay', {
      start: '2020-01-01T00:00:00Z',
      end: '2100-01-01T00:00:00Z',
    })
    expect(replayed).toEqual({ replayed: REFUSED_CHANGES, more: false })
    const [first = 0] = ids
    for (let waited = 0; (heard().get(first)?.length ?? 0) < REFUSED_CHANGES && waited < 30_000; waited += 50)
      await sleep(50)
    for (const id of ids) expect([id, heard().get(id)]).toEqual([id, acts.get(id)])
  },
  60_000 + CHANGES * 60,
)
