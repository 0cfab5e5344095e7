/** The record system is away for an hour, behind a limit of its pace: judged from the practice's own journal when it is back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { changeAppointment } from '../../src/booking/change.ts'
import { addMs, hours, minutes, toInstant } from '../../src/model/time.ts'
import { startSandbox } from '../../src/sandbox/start-sandbox.ts'
import { updateDataSource } from '../../src/store/data-sources.ts'
import { listWrites } from '../../src/store/writes.ts'
import { book, freeStarts, newPatient, somePlace } from '../support/booking.ts'
import { type Link, startLink, until } from '../support/bridge.ts'
import { type RecordingProxy, startRecordingProxy } from '../support/recording-proxy.ts'

const RATE = 20
const HOUR = minutes(60)
const LATER = 3

let link: Link
let proxy: RecordingProxy
let practice: (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>
let passed: string[]
let endedWhileAway: string[]
let journal: { by: string; act: string; noun: string; id: string }[]
const stack = new AsyncDisposableStack()
const ids = { known: 0, missed: 0, soon: 0, later: [] as number[] }

/** A booking of a new patient within minutes or hours, not a day or more ahead. */
async function bookSoon(inMs: number): Promise<number> {
  const start = toInstant(Math.ceil((link.t.clock.now() + inMs) / minutes(5)) * minutes(5))
  const patientId = await newPatient(link)
  return (await book(link, { patientId, start, end: addMs(start, minutes(5)) })).id
}

async function change(id: number, fields: Record<string, unknown>): Promise<void> {
  await link.tenant((tx) =>
    changeAppointment(tx, { apiKeyId: link.apiKeyId, appointmentId: id, version: 'v3', fields }),
  )
}

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'away-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  // Seeded for a day so long ago that nobody has a visit today: at some hours everybody did, and nothing could be booked.
  const startDay = new Date(Date.now() - hours(24 * 90)).toISOString().slice(0, 10)
  const sandbox = stack.use(
    await startSandbox({ file: join(folder, 'practice.db'), key: 'test-key', startDay }),
  )
  proxy = stack.use(await startRecordingProxy(sandbox.url))
  const configuration = { url: proxy.url, key: 'test-key' }
  link = stack.use(await startLink({ connector: 'sandbox', configuration }))
  practice = async (method, path, body) => {
    const answer = await fetch(sandbox.url + path, {
      method,
      headers: { 'x-practice-key': 'test-key', 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return (await answer.json()) as Record<string, unknown>
  }
  const starts = await freeStarts(link, await somePlace(link), LATER + 1)
  const [first = '', ...later] = starts
  ids.known = (await book(link, { patientId: await newPatient(link), start: first })).id
  await link.settled(ids.known)
  await link.tenant((tx) => updateDataSource(tx, link.sourceId, { requestsPerSecond: RATE }))
  await link.pulled()
  await practice('PUT', '/faults', { requests_per_second: RATE })

  await proxy.leave()
  await change(ids.known, { note: 'Uses the side door' })
  await change(ids.known, { confirmed: true })
  for (const start of later)
    ids.later.push((await book(link, { patientId: await newPatient(link), start })).id)
  // Time flies here: an attempt that was begun before a deadline must not be under way when hours later the system is back.
  await link.stopWorker()
  ids.missed = await bookSoon(minutes(40))
  ids.soon = await bookSoon(minutes(200))
  for (let passedMs = 0; passedMs <= HOUR; passedMs += minutes(4)) await moveTo(passedMs)
  link.startWorker()
  endedWhileAway = await until('the end of what passed its deadline', [], async () => {
    const states = await statesOf(ids.missed)
    return states[0] === 'insert pending' ? null : states
  })
  const before = proxy.passed.length
  await proxy.comeBack()
  let at = HOUR
  await until('everything to be written', [], async () => {
    at += 10_000
    await moveTo(at)
    return (await link.t.look('select 1 from writes where ended_at is null')).length === 0 ? true : null
  })
  await until('a window', [], async () => {
    at += 10_000
    await moveTo(at)
    return proxy.passed.slice(before).includes('GET /schedule') ? true : null
  })
  passed = proxy.passed.slice(before)
  journal = []
  for (let last = 0; ; ) {
    const page = await practice('GET', `/journal?after=${last}&limit=1000`)
    const entries = page.entries as typeof journal
    if (entries.length === 0) break
    journal.push(...entries)
    last = Number(page.last)
  }
})
afterAll(async () => {
  await stack.disposeAsync()
})

/** Both clocks, and a moment for whoever wakes up. */
async function moveTo(ms: number): Promise<void> {
  await practice('PUT', '/clock', { offset_ms: ms })
  await link.t.moveClock(ms)
  link.wake()
  await new Promise((resolve) => setTimeout(resolve, 30))
}

async function statesOf(id: number): Promise<string[]> {
  return (await link.tenant((tx) => listWrites(tx, id))).map(
    ({ kind, state, code }) => `${kind} ${state}${code ? ` ${code}` : ''}`,
  )
}

async function actsOn(id: number): Promise<string[]> {
  const { foreign_id } = await link.appointment(id)
  return journal
    .filter(({ noun, id: row }) => noun === 'visit' && row === foreign_id)
    .map(({ by, act }) => `${by} ${act}`)
}

it('writes everything that was accepted on its return, once, and in order for each appointment', async () => {
  expect(await statesOf(ids.known)).toEqual(['insert complete', 'note complete', 'confirm complete'])
  expect(await actsOn(ids.known)).toEqual(['interface book', 'interface remark', 'interface confirm'])
  for (const id of [...ids.later, ids.soon]) {
    expect(await statesOf(id)).toEqual(['insert complete'])
    expect(await actsOn(id)).toEqual(['interface book'])
  }
})

it('ends what passed its deadline as timed out while the system is still away', async () => {
  expect(await statesOf(ids.missed)).toEqual(['insert timed_out deadline_passed'])
  expect(endedWhileAway).toEqual(['insert timed_out deadline_passed'])
})

it('tells a delayed insertion once, and only where its promise ran out', async () => {
  const told = await link.events(['appointment_insertion.delayed'])
  const about = told.map(({ body }) => (body.appointment as { id: number }).id).sort((a, b) => a - b)
  expect(about).toEqual([ids.missed, ids.soon].sort((a, b) => a - b))
})

it('writes before it reads a window', () => {
  const isWrite = (line: string) => line.startsWith('POST /visits') || line.startsWith('PATCH ')
  expect(passed.filter(isWrite)).toHaveLength(LATER + 3)
  expect(passed.findLastIndex(isWrite)).toBeLessThan(passed.indexOf('GET /schedule'))
})

it(`earns no 429 at ${RATE} requests a second`, async () => {
  expect(await practice('GET', '/faults')).toMatchObject({ requests_per_second: RATE, turned_away: 0 })
})

it('asks nothing of a system that named a time, not even for a booking, and goes on after it', async () => {
  const [{ at }] = await link.t.look('select offset_ms::float8 as at from test_clock')
  await practice('PUT', '/faults', {
    faults: [{ kind: 'rate_limited', on: 'GET /changes', ms: minutes(10) }],
  })
  await until('the answer that names a time', [], async () => {
    await link.t.look("insert into wakes (work_id) select id from work where kind = 'pull'")
    link.wake()
    return (await link.t.look('select 1 from data_sources where closed_until > app_now()')).length > 0
      ? true
      : null
  })
  const before = proxy.passed.length
  const [start = ''] = await freeStarts(link, await somePlace(link), 1)
  const { id } = await book(link, { patientId: await newPatient(link), start })
  const missed = await bookSoon(minutes(1))
  for (let step = 1; step <= 9; step++) await moveTo(at + minutes(step))
  await until('the end of what passed its deadline', [], async () =>
    (await statesOf(missed))[0] === 'insert timed_out deadline_passed' ? true : null,
  )
  expect(proxy.passed.slice(before)).toEqual([])
  await moveTo(at + minutes(12))
  expect((await link.settled(id)).foreign_id).not.toBeNull()
})
