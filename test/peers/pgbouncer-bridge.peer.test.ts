/** Api and worker processes behind PgBouncer in transaction mode, from a booking to the practice and back. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { inGlobal, inGlobalReading, openDatabase } from '../../src/db/database.ts'
import { openPool } from '../../src/db/pool.ts'
import { startSandbox } from '../../src/sandbox/start-sandbox.ts'
import { setUpPractice } from '../support/bridge.ts'
import { testDatabase } from '../support/database.ts'
import { openClient } from '../support/demo-client.ts'
import { serveProcess } from '../support/serve-process.ts'
import { until } from '../support/until.ts'
import { startPgBouncer } from './pgbouncer/start-pgbouncer.ts'

const main = new URL('../../src/main.ts', import.meta.url).pathname
/** Fewer than one process would open by itself: they must be shared. */
const POOL_SIZE = 4
const BOOKINGS = 20

it('the bridge works through PgBouncer in transaction mode, with its few connections shared', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'behind-pgbouncer-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const t = stack.use(await testDatabase())
  const sandbox = stack.use(await startSandbox({ file: join(folder, 'practice.db'), key: 'test-key' }))
  const configuration = { url: sandbox.url, key: 'test-key' }
  const practice = await setUpPractice(t, { connector: 'sandbox', configuration })
  await t.look('update api_keys set limits = null')
  const pgbouncer = stack.use(await startPgBouncer(t.url, POOL_SIZE))
  expect(pgbouncer.version).toContain('PgBouncer')
  const env = {
    DATABASE_URL: pgbouncer.url,
    DATABASE_DIRECT_URL: t.url,
    DATABASE_PREPARE: 'off',
    SLOTBRIDGE_MASTER_KEY: t.database.masterKey.toString('base64'),
    SLOTBRIDGE_HIGH_WATER: join(folder, 'high-water.json'),
  }
  const api = stack.use(await serveProcess(env, '--role', 'api'))
  const worker = spawn(process.execPath, [main, 'serve', '--role', 'worker'], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  stack.defer(() => void worker.kill('SIGKILL'))
  await until('the first load', async () => {
    const [row] = await t.look('select loaded_at from data_sources')
    return row.loaded_at
  })

  const { apiKey: api_key, subdomain, locationId } = practice
  const client = await openClient({ url: api.url, api_key, subdomain })
  const [place] = await t.look(
    'select provider_id, operatory_id from working_hours where operatory_id is not null limit 1',
  )
  const patients = await t.look('select id from patients limit $1', [BOOKINGS])
  // Far from whatever the practice has.
  const day = Date.now() + 300 * 86_400_000
  const answers = await Promise.all(
    patients.map(({ id }, at) =>
      client.post(`/appointments?location_id=${locationId}`, {
        appt: {
          patient_id: Number(id),
          provider_id: Number(place.provider_id),
          operatory_id: Number(place.operatory_id),
          start_time: new Date(Math.floor((day + at * 1_800_000) / 1_800_000) * 1_800_000).toISOString(),
        },
      }),
    ),
  )
  expect(answers.map(({ status, body }) => [status, body.error])).toEqual(answers.map(() => [201, null]))
  await until('every booking to be in the practice', async () => {
    const rows = await t.look("select id from writes where state = 'complete'")
    return rows.length === BOOKINGS
  })
  const [open] = await t.look(
    "select count(*)::int as n from pg_stat_activity where datname = current_database() and usename = 'slotbridge' and application_name = 'slotbridge'",
  )
  expect(open.n).toBeGreaterThan(0)
  expect(open.n).toBeLessThanOrEqual(POOL_SIZE)
})

it('what is sent without waiting stays in its own transaction, however few connections there are', async () => {
  await using stack = new AsyncDisposableStack()
  const t = stack.use(await testDatabase())
  const pgbouncer = stack.use(await startPgBouncer(t.url, 2))
  const pool = openPool({ url: pgbouncer.url, max: 12, prepare: false, applicationName: 'test' })
  stack.defer(() => pool.end())
  const database = openDatabase(pool, t.database.masterKey, async () => undefined)
  const ask = (number: number) => async (tx: { db: Parameters<Parameters<typeof inGlobal>[1]>[0]['db'] }) => {
    const look = async () => {
      const { rows } = await sql<{ number: number; role: string; pid: number; begun: string }>`
        select ${number}::int as number, current_user as role, pg_backend_pid() as pid, now() as begun`.execute(
        tx.db,
      )
      return rows[0]
    }
    const first = await look()
    // Every seventh fails on its way, and nobody else may hear of it.
    if (number % 7 === 0) await sql`select ${number}::int / 0`.execute(tx.db)
    expect(await look()).toEqual(first)
    return first
  }
  const asked = Array.from({ length: 1_000 }, async (_, number) => {
    const run = number % 3 === 0 ? inGlobal(database, ask(number)) : inGlobalReading(database, ask(number))
    return await run.then(
      (row) => ({ number: row?.number, role: row?.role }),
      (error) => ({ number, role: `${error.code}` }),
    )
  })
  expect(await Promise.all(asked)).toEqual(
    asked.map((_, number) => ({ number, role: number % 7 === 0 ? '22012' : 'slotbridge_app' })),
  )
})
