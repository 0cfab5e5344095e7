/** A large practice on Open Dental's tables: a first load, what an idle look costs, and no slow query once synced. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readOn, windowOf } from '../../src/connectors/conformance/story.ts'
import { addMs, hours, toInstant } from '../../src/model/time.ts'
import { definitions } from './open-dental/definitions.ts'
import { dayAt, ZONE } from './open-dental/made-up.ts'
import { type OpenedPractice, openPractice } from './open-dental/open-practice.ts'
import { type MariaDb, startMariaDb } from './open-dental/start-mariadb.ts'

const APPOINTMENTS = 100_000
const PATIENTS = 20_000
/** Ten years back and a year ahead, in four rooms. */
const LARGE = { patients: PATIENTS, daysBack: 3800, daysAhead: 365, taken: 9 }
const SLOW_SECONDS = 0.05
const MEGABYTES_MAX = 400
const launcher = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

let mariaDb: MariaDb
let practice: OpenedPractice
beforeAll(async () => {
  mariaDb = await startMariaDb()
  practice = await openPractice(mariaDb, definitions.at(-1) ?? definitions[0], LARGE)
}, 240_000)
afterAll(async () => {
  await practice?.[Symbol.asyncDispose]()
  await mariaDb?.[Symbol.asyncDispose]()
})

/** Seconds that the bare driver takes for the rows of the same tables, a thousand at a time. */
async function bareSeconds(): Promise<number> {
  const { database } = practice.configuration as { database: Record<'host' | 'user' | 'password', string> }
  const bare = await createConnection({
    ...database,
    port: mariaDb.port,
    database: 'opendental',
    dateStrings: true,
  })
  const began = performance.now()
  for (const [table, key] of [
    ['patient', 'PatNum'],
    ['appointment', 'AptNum'],
    ['procedurelog', 'ProcNum'],
  ] as const)
    for (let after = 0; ; ) {
      const sql = `select * from ${table} where ${key} > ? order by ${key} limit 1000`
      const [rows] = await bare.query<RowDataPacket[]>(sql, [after])
      if (rows.length === 0) break
      after = Number(rows.at(-1)?.[key])
    }
  const seconds = (performance.now() - began) / 1000
  await bare.end()
  return seconds
}

it(`loads ${APPOINTMENTS} appointments and ${PATIENTS} patients, and says what it took`, async () => {
  expect(practice.appointments).toBeGreaterThan(APPOINTMENTS)
  const folder = mkdtempSync(join(tmpdir(), 'open-dental-volume-'))
  try {
    const file = join(folder, 'practice.json')
    writeFileSync(file, JSON.stringify(practice.configuration))
    const bare = await bareSeconds()
    // As the launcher starts it.
    const args = ['--disable-warning=ExperimentalWarning', launcher, 'bench', 'sync', 'open-dental']
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...args, '--tz', ZONE, '--file', file, '--data-dir', join(folder, 'data'), '--json'],
      { timeout: 550_000 },
    )
    const measured = JSON.parse(stdout)
    process.stderr.write(
      `[open-dental] bare driver ${bare.toFixed(1)} s; bench sync ${JSON.stringify(measured)}\n`,
    )
    // Blockouts are among them.
    expect(measured.appointments).toBeGreaterThan(practice.appointments)
    expect(measured.patients).toBe(PATIENTS)
    expect(measured.worker_memory_mb).toBeLessThan(MEGABYTES_MAX)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 600_000)

it('asks nothing slow of the database once synced', async () => {
  const [log] = (await practice.root.query<RowDataPacket[]>('select @@datadir as folder'))[0]
  expect(log?.folder).toBeTruthy()
  const first = await practice.connector()
  let { cursor } = await readOn(first, null)
  await practice.root.query(`set global log_output = 'TABLE'; set global slow_query_log = 1;
    set global long_query_time = ${SLOW_SECONDS}; set global log_slow_admin_statements = 0`)
  // The threshold is taken over by new connections.
  const system = await practice.connector()
  const begun = performance.now()
  const rounds: Set<string>[] = []
  let idle = 0
  for (let round = 0; round < 4; round++) {
    await practice.root.query('truncate mysql.slow_log')
    const before = performance.now()
    cursor = (await readOn(system, cursor)).cursor
    idle = performance.now() - before
    await practice.desk.book({ patient: 3, op: 5, at: `${dayAt(20 + round)} 18:00:00` })
    cursor = (await readOn(system, cursor)).cursor
    const now = toInstant(Date.now())
    await windowOf(system, addMs(now, -hours(24 * 14)), addMs(now, hours(24 * 365)))
    for await (const _ of system.directory());
    await system.probe()
    await system.find({ marker: system.reserve() })
    await system.findPatients({ lastName: 'Garrow', firstName: 'Cleo', birthDate: '1950-01-01' })
    await system.findAlike?.({ birthDate: '1950-01-01', phones: ['503-555-0142'] })
    const [rows] = await practice.root.query<RowDataPacket[]>(
      `select cast(sql_text as char) as statement from mysql.slow_log where user_host like '%slotbridge%'`,
    )
    rounds.push(
      new Set(rows.map(({ statement }) => statement.replace(/\d+/g, '0').replace(/\(0(, ?0)*\)/g, '(0)'))),
    )
  }
  process.stderr.write(
    `[open-dental] an idle look takes ${idle.toFixed(0)} ms; four rounds of everything ${((performance.now() - begun) / 1000).toFixed(1)} s\n`,
  )
  // What is slow is slow each time; what is slow once met a busy machine.
  const [one = new Set<string>(), ...others] = rounds
  expect([...one].filter((statement) => others.every((round) => round.has(statement)))).toEqual([])
}, 300_000)
