/** Faults between us and the API of Open Dental, a worker that dies, and a desk that books at the same time. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listWrites } from '../../src/store/writes.ts'
import { book, newPatient } from '../support/booking.ts'
import type { Bridge, Link } from '../support/bridge.ts'
import { startLink, until } from '../support/bridge.ts'
import { definitions } from './open-dental/definitions.ts'
import { eveningOf, held, mirrored } from './open-dental/held.ts'
import { dayAt, ZONE } from './open-dental/made-up.ts'
import { type OpenedPractice, openPractice } from './open-dental/open-practice.ts'
import { type Faults, healed } from './open-dental/stand-in-api.ts'
import { type MariaDb, startMariaDb } from './open-dental/start-mariadb.ts'

const TINY = { patients: 40, daysBack: 10, daysAhead: 20, taken: 3 }
const SEED = Number(process.env.SEED ?? 20261122)
let mariaDb: MariaDb
let practice: OpenedPractice
let link: Link
let place: { providerId: number; operatoryId: number }
let evenings = 30
let offset = 0

beforeAll(async () => {
  mariaDb = await startMariaDb()
  practice = await openPractice(mariaDb, definitions.at(-1) ?? definitions[0], TINY)
  const configuration = {
    ...practice.configuration,
    api: { ...(practice.configuration.api as object), timeout_ms: 700 },
  }
  link = await startLink({ connector: 'open-dental', configuration, pollSeconds: 3600, zone: ZONE })
  const idOf = async (table: string) =>
    Number((await link.t.look(`select id from ${table} where foreign_id = '1'`))[0].id)
  place = { providerId: await idOf('providers'), operatoryId: await idOf('operatories') }
})
afterAll(async () => {
  await link?.[Symbol.asyncDispose]()
  await practice?.[Symbol.asyncDispose]()
  await mariaDb?.[Symbol.asyncDispose]()
})

/** What the booking of tests needs of a link. */
const asBridge = () => link as Bridge
const nextTime = () => eveningOf(dayAt(evenings++))
const pass = async (ms: number) => {
  offset += ms
  await link.t.moveClock(offset)
  link.wake()
}
const booked = async (start = nextTime().start, patientId?: number) => {
  const who = patientId ?? (await newPatient(asBridge()))
  const { id } = await book(asBridge(), { ...place, patientId: who, start, note: 'By the window' })
  return { id, start, patientId: who }
}
const insertionOf = async (id: number) => (await link.tenant((tx) => listWrites(tx, id)))[0]
/** Waits until the insertion has ended; time passes quickly. */
const ended = (id: number) =>
  until(`the end of the insertion of ${id}`, [], async () => {
    const insertion = await insertionOf(id)
    if (insertion?.ended_at) return insertion
    await pass(1000)
    return null
  })
const rowsOf = async (sql: string, values: unknown[] = []) =>
  (await practice.root.query<RowDataPacket[]>(sql, values))[0]
/** Visits of the patient there, and how many patients of that name. */
const thereOf = async (patientId: number) => {
  const [{ first_name, last_name }] = await link.t.look(
    'select first_name, last_name from patients where id = $1',
    [patientId],
  )
  const patients = await rowsOf('select PatNum from patient where FName = ? and LName = ?', [
    first_name,
    last_name,
  ])
  const visits = await rowsOf('select AptStatus from appointment where PatNum in (?)', [
    [0, ...patients.map((one) => one.PatNum)],
  ])
  return {
    patients: patients.length,
    made: visits.length,
    standing: visits.filter((one) => one.AptStatus === 1).length,
  }
}
const settleAll = async () => {
  await pass(100_000)
  await until('the second looks', [], async () => {
    await pass(1000)
    const open = await link.t.look(
      'select 1 from writes where look_again_at is not null or (ended_at is null and state <> $1) limit 1',
      ['needs_decision'],
    )
    return open.length === 0 ? true : null
  })
}
const same = async () => {
  await link.t.look('update data_sources set window_read_at = null')
  await link.pulled()
  expect(await mirrored(link)).toEqual(await held(practice.root))
}

const once1 = { patients: 1, made: 1, standing: 1 }
const FAULTS: [string, Partial<Faults>, object, object][] = [
  [
    'the connection is lost before the patient is entered',
    { only: 'POST patients', cut: 'before' },
    { state: 'complete' },
    once1,
  ],
  [
    'the connection is lost after the patient was entered',
    { only: 'POST patients', cut: 'after' },
    { state: 'complete' },
    once1,
  ],
  [
    'the connection is lost before the appointment is',
    { only: 'POST appointments', cut: 'before' },
    { state: 'complete' },
    once1,
  ],
  [
    'the connection is lost after the appointment was',
    { only: 'POST appointments', cut: 'after' },
    { state: 'complete' },
    once1,
  ],
  [
    'the API fails before it did anything',
    { only: 'POST appointments', status: 500 },
    { state: 'complete' },
    once1,
  ],
  [
    'the API fails after it did it',
    { only: 'POST appointments', status: 500, after: true },
    { state: 'complete' },
    once1,
  ],
  [
    'the API takes too long and does it all the same',
    { only: 'POST appointments', lateMs: 1500 },
    { state: 'complete' },
    once1,
  ],
  ['the API turns it away for now', { only: 'POST appointments', status: 503 }, { state: 'complete' }, once1],
  [
    'the API refuses it',
    { only: 'POST appointments', status: 400 },
    { state: 'failed', code: 'invalid' },
    { patients: 1, made: 0, standing: 0 },
  ],
  [
    'the keys are refused',
    { only: 'POST', status: 403 },
    { state: 'failed', code: 'unauthorized' },
    { patients: 0, made: 0, standing: 0 },
  ],
]

it.each(FAULTS)('where %s, it ends as it should and stands as often', async (_, faults, expected, there) => {
  Object.assign(practice.api.faults, faults)
  const { id, patientId } = await booked()
  await until('the attempt', [], async () =>
    (await insertionOf(id))?.attempts.some((one) => one.outcome !== null) ? true : null,
  )
  healed(practice.api)
  expect(await ended(id)).toMatchObject(expected)
  await settleAll()
  expect(await thereOf(patientId)).toEqual(there)
})

it('cancels a second copy of ours that took effect too, and says so', async () => {
  const { id, patientId } = await booked()
  const first = await ended(id)
  expect(first.state).toBe('complete')
  const { foreign_id } = await link.appointment(id)
  // As a request that lay somewhere for longer than any may.
  await practice.root.query(`create temporary table copy select * from appointment where AptNum = ${foreign_id};
    update copy set AptNum = 0, SecDateTEntry = now(); insert into appointment select * from copy; drop table copy`)
  expect(await thereOf(patientId)).toMatchObject({ made: 2, standing: 2 })
  await settleAll()
  expect(await thereOf(patientId)).toMatchObject({ made: 2, standing: 1 })
  expect(await insertionOf(id)).toMatchObject({ state: 'complete', code: 'duplicate_repaired' })
})

it('mirrors the practice as it is after all of them', async () => {
  await same()
})

it('leaves none of ours over what a desk that takes no lock books at the same time', async () => {
  const times = Array.from({ length: 24 }, nextTime)
  const others = await Promise.all(times.map(() => newPatient(asBridge())))
  const free = new Map(times.map((time) => [time.start, time]))
  const take = async (start: string) => {
    const time = free.get(start)
    free.delete(start)
    if (time) await practice.desk.book({ patient: 9, at: time.wall })
  }
  let between = 0
  // Some right between our look and our write, the others whenever the desk comes to it.
  practice.api.beforeWrite = async () => {
    if (practice.api.requests.at(-1) !== 'POST appointments') return
    const [sending] =
      await link.t.look(`select a.starts_at from writes w join appointments a on a.id = w.appointment_id
      where w.kind = 'insert' and w.state = 'sending'`)
    const start = sending?.starts_at.toISOString()
    if (free.has(start)) between += 1
    await take(start)
  }
  const ids: number[] = []
  for (const [at, { start }] of times.entries()) {
    ids.push((await booked(start, others[at])).id)
    if (at % 3 === 0) await take(times[(at * 7) % times.length]?.start ?? '')
  }
  for (const id of ids) await ended(id)
  healed(practice.api)
  for (const start of [...free.keys()]) await take(start)
  expect(between).toBeGreaterThan(0)
  await settleAll()
  const over =
    await rowsOf(`select ours.AptNum from appointment ours join appointment theirs on theirs.AptDateTime = ours.AptDateTime
    and theirs.Op = ours.Op and theirs.AptNum <> ours.AptNum and theirs.AptStatus = 1 and ours.AptStatus = 1
    where ours.Note like '%[sb%' and theirs.Note not like '%[sb%' and (theirs.SecDateTEntry < ours.SecDateTEntry
      or (theirs.SecDateTEntry = ours.SecDateTEntry and theirs.AptNum < ours.AptNum))`)
  expect(over).toEqual([])
  const [theirs] = await rowsOf(
    `select count(*) as n from appointment where PatNum = 9 and AptStatus = 1 and AptDateTime in (?)`,
    [times.map(({ wall }) => wall)],
  )
  expect(theirs?.n).toBe(times.length)
  await same()
})

it(`writes each booking once although the worker is killed at random moments (seed ${SEED})`, async () => {
  await link.stopWorker()
  const program = fileURLToPath(new URL('../support/worker-process.ts', import.meta.url))
  const masterKey = link.t.database.masterKey.toString('base64')
  const start = () =>
    spawn(process.execPath, [program, link.t.url, link.t.directUrl, masterKey], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
  const kill = async (child: ChildProcess) => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  let state = SEED
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
  const visits = []
  for (let n = 0; n < 30; n++) visits.push(await booked())
  let worker = start()
  let kills = 0
  // Each write takes a while, so that a kill meets it anywhere.
  practice.api.beforeWrite = () => new Promise((resolve) => setTimeout(resolve, random() * 60))
  try {
    await until('the bookings', [], async () => {
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 900))
      if (kills < 8 && practice.api.requests.length > 0 && random() < 0.8) {
        const before = practice.api.requests.length
        await until('a request', [], async () => (practice.api.requests.length > before ? true : null)).catch(
          () => null,
        )
        await kill(worker)
        kills += 1
        worker = start()
      }
      await pass(5000)
      const open = await link.t.look(
        `select 1 from writes where ended_at is null and state <> 'needs_decision' limit 1`,
      )
      return open.length === 0 ? true : null
    })
  } finally {
    await kill(worker)
    healed(practice.api)
  }
  link.startWorker()
  await settleAll()
  expect(kills).toBeGreaterThan(2)
  let waiting = 0
  for (const { patientId, id } of visits) {
    const insertion = await insertionOf(id)
    // Three crashes with the same write, and a person is asked.
    if (insertion?.state === 'needs_decision') waiting += 1
    if (insertion?.state === 'needs_decision') continue
    expect(insertion).toMatchObject({ state: 'complete' })
    expect(await thereOf(patientId)).toEqual(once1)
  }
  expect(waiting).toBeLessThan(5)
  await same()
}, 240_000)
