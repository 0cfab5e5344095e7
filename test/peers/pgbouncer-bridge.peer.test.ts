/** Api and worker processes behind PgBouncer in transaction mode, from a booking to the practice and back. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
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
