/** New keys while everything runs: what is sealed still opens, the old key opens nothing, and a rotation that is killed goes on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type Database, inTenant, openDatabase } from '../../src/db/database.ts'
import { newKey, openBytes } from '../../src/db/seal.ts'
import { listEvents, recordEvents } from '../../src/store/events.ts'
import { tellChanges } from '../../src/store/tell-changes.ts'
import { type Served, serve } from '../http/served.ts'
import { environmentOf, type } from '../support/command-line.ts'
import {
  everyByteValue,
  type FullPractice,
  fillPractice,
  type SealedValue,
} from '../support/full-practice.ts'
import { until } from '../support/until.ts'

// Processes on a machine that may have much to do.
vi.setConfig({ testTimeout: 200_000, hookTimeout: 200_000 })

const EVENTS = 600
const main = new URL('../../src/main.ts', import.meta.url).pathname

let s: Served
let practice: FullPractice
beforeAll(async () => {
  s = await serve()
  practice = await fillPractice(s.t, s, 'kept')
  const body = { appointment: { id: 1, note: 'kept', deleted: false } }
  const event = { name: 'appointment_updated', resourceType: 'Appointment', subjectId: 1, body } as const
  await s.tenant((tx) =>
    recordEvents(
      tx,
      Array.from({ length: EVENTS }, () => event),
    ),
  )
})
afterAll(async () => await s?.[Symbol.asyncDispose]())

/** The data key in force, as the master key unwraps it. */
async function dataKeyOf(master: Buffer, id = s.institutionId): Promise<Buffer> {
  const [row] = await s.t.look('select wrapped_key from institution_keys where institution_id = $1', [id])
  return openBytes([master], row.wrapped_key)
}

const opens = (keys: Buffer[]) => (sealed: SealedValue) => {
  try {
    openBytes(keys, sealed.value)
    return true
  } catch {
    return false
  }
}
const isOfTenant = ({ institutionId, table }: SealedValue) =>
  institutionId !== null && table !== 'institution_keys'
const places = (values: SealedValue[]) =>
  [...new Set(values.map(({ table, column }) => `${table}.${column}`))].sort()

/** A command as a process, held up by a row that somebody else has locked, and killed there. */
async function killAt(row: string, id: number, args: string[], env: Record<string, string>): Promise<void> {
  const locker = new pg.Client({ connectionString: s.t.directUrl })
  await locker.connect()
  let child: ChildProcess | undefined
  try {
    await locker.query('begin')
    await locker.query(`select from ${row} where id = $1 for update`, [id])
    child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
      env: { PATH: process.env.PATH, ...env },
      stdio: 'ignore',
    })
    await until('the command to wait for the row', async () => {
      const waiting = await s.t.look(
        "select from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database() and a.query like '%' || $1 || '%'",
        [row],
      )
      return waiting.length > 0
    })
  } finally {
    child?.kill('SIGKILL')
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await locker.query('rollback')
    await locker.end()
  }
}

const read = async (database: Database) =>
  await inTenant(database, s.institutionId, async (tx) => {
    return (await listEvents(tx, null, 10)).length
  })

it('seals everything anew under a new institution key, while another process works with the old one', async () => {
  const old = await dataKeyOf(s.t.database.masterKey)
  // Every place that is sealed under the institution's key has a value here.
  const before = (await everyByteValue(s.t)).filter(isOfTenant)
  expect(places(before)).toEqual(places(before.filter(opens([old]))))
  expect(places(before).length).toBeGreaterThan(6)
  // Another process, which has met the institution under its old key.
  const other = openDatabase(s.t.database.pool, s.t.database.masterKey, tellChanges)
  expect(await read(other)).toBeGreaterThan(0)

  const [{ id: middle }] = await s.t.look('select id from events order by id offset $1 limit 1', [EVENTS / 2])
  await killAt('events', middle, ['institution', 'rotate-key', s.subdomain], environmentOf(s.t))
  const halfway = (await everyByteValue(s.t)).filter(isOfTenant)
  const left = halfway.filter(opens([old])).length
  expect([left > 0, left < halfway.length]).toEqual([true, true])
  // Both open, here and there, and what is sealed now is under the new key.
  expect(await read(other)).toBeGreaterThan(0)
  expect((await s.ask('GET', '/events', { query: { subdomain: s.subdomain } })).status).toBe(200)
  const sealed = await inTenant(other, s.institutionId, async (tx) => tx.seal('new'))
  expect(() => openBytes([old], sealed)).toThrow()

  const went = await type(`institution rotate-key ${s.subdomain}`, environmentOf(s.t))
  expect(went).toMatchObject({ code: 0, said: expect.stringContaining('under a new key') })
  const fresh = await dataKeyOf(s.t.database.masterKey)
  const after = (await everyByteValue(s.t)).filter(isOfTenant)
  expect([after.length, after.filter(opens([old])).length]).toEqual([before.length, 0])
  expect(after.filter(opens([fresh])).length).toBe(before.length)
  expect(await read(other)).toBeGreaterThan(0)
  const [kept] = await s.t.look('select previous_key from institution_keys where institution_id = $1', [
    s.institutionId,
  ])
  expect(kept.previous_key).toBeNull()
  const shown = await s.ask('GET', `/appointments/${practice.appointmentId}/writes`)
  expect(shown.body.data[0].overrides[0].reason).toBe('kept')
})

it('waits for a transaction that still seals under the old key', async () => {
  const old = await dataKeyOf(s.t.database.masterKey)
  const mayEnd = Promise.withResolvers<void>()
  const isInside = Promise.withResolvers<void>()
  const late = inTenant(s.t.database, s.institutionId, async (tx) => {
    isInside.resolve()
    await mayEnd.promise
    const body = { appointment: { id: 2, note: 'late', deleted: false } }
    await recordEvents(tx, [{ name: 'appointment_updated', resourceType: 'Appointment', subjectId: 2, body }])
  })
  await isInside.promise
  const rotating = type(`institution rotate-key ${s.subdomain}`, environmentOf(s.t))
  await until('the new key', async () => {
    const rows = await s.t.look('select from institution_keys where previous_key is not null')
    return rows.length > 0
  })
  // It would be through by then, or later, if it did not wait; while it does, no time is long enough.
  expect(await Promise.race([rotating, sleep(1_500, 'waiting')])).toBe('waiting')
  mayEnd.resolve()
  await late
  expect(await rotating).toMatchObject({ code: 0 })
  expect((await everyByteValue(s.t)).filter(opens([old]))).toEqual([])
})

it('puts every key and secret under a new master key, and goes on where it was killed', async () => {
  const [from, to] = [s.t.database.masterKey, newKey()]
  const both = `${to.toString('base64')},${from.toString('base64')}`
  const env = { ...environmentOf(s.t), SLOTBRIDGE_MASTER_KEY: both }
  const isOfMaster = (one: SealedValue) => !isOfTenant(one)
  const before = (await everyByteValue(s.t)).filter(isOfMaster)
  expect(places(before)).toEqual([
    'account_idempotency.answer_sealed',
    'institution_keys.wrapped_key',
    'token_secrets.secret_sealed',
    'webhook_endpoints.previous_secret_sealed',
    'webhook_endpoints.secret_sealed',
  ])
  expect(before.every(opens([from]))).toBe(true)
  await killAt('webhook_endpoints', practice.endpointId, ['key', 'rotate-master'], env)
  const halfway = (await everyByteValue(s.t)).filter(isOfMaster)
  expect([halfway.filter(opens([from])).length > 0, halfway.filter(opens([to])).length > 0]).toEqual([
    true,
    true,
  ])
  // A process with the list starts and works; one that knows the new key alone is told what to do.
  expect(await type('institution list', env)).toMatchObject({ code: 0 })
  const alone = { ...env, SLOTBRIDGE_MASTER_KEY: to.toString('base64') }
  const refused = await type('institution list', alone)
  expect([refused.code, refused.noted]).toEqual([1, expect.stringContaining('rotate-master')])

  const went = await type('key rotate-master', env)
  expect(went).toMatchObject({ code: 0, said: expect.stringContaining('1 institutions') })
  const after = (await everyByteValue(s.t)).filter(isOfMaster)
  expect([after.length, after.filter(opens([from])).length]).toEqual([before.length, 0])
  expect(after.every(opens([to]))).toBe(true)
  expect(await type('institution list', alone)).toMatchObject({ code: 0 })
  expect(await type('institution list', environmentOf(s.t))).toMatchObject({ code: 1 })
  const next = openDatabase(s.t.database.pool, to, tellChanges)
  expect(await read(next)).toBeGreaterThan(0)
  expect((await everyByteValue(s.t)).filter(isOfTenant).every(opens([await dataKeyOf(to)]))).toBe(true)
})
