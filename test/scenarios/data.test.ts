/** The whole installation moves into another database, with writes owed, while the old one has gone on for a moment. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { connectors } from '../../src/connectors/registry.ts'
import { inGlobal, inTenant } from '../../src/db/database.ts'
import { newKey } from '../../src/db/seal.ts'
import { listHandedOut } from '../../src/store/high-water.ts'
import { listWrites } from '../../src/store/writes.ts'
import { pullHandler } from '../../src/sync/pull.ts'
import { pushHandler } from '../../src/sync/push.ts'
import { openSystems } from '../../src/sync/systems.ts'
import { startWork } from '../../src/work/loop.ts'
import { openWake } from '../../src/work/wake.ts'
import { until } from '../support/bridge.ts'
import { environmentOf, type } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { everyRow } from '../support/every-row.ts'
import { type FaultBridge, startFaultBridge } from './fault-run.ts'

let run: FaultBridge
let folder: string
let file: string
/** Owed when the export was taken: the old one carries the first out after that, and never the second. */
let done: { id: number }
let left: { id: number }
let before: Record<string, unknown[]>
let handedOut: Record<string, number>

const ODD = 'line\none\ttab "quoted" \\u0041 \u2028 é \u{1F9B7}'

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'data-'))
  // It refuses nothing by itself: a second copy would stand.
  run = await startFaultBridge({ manner: { references: 'stored', times: 'unchecked' } })
  const { t } = run.bridge
  await run.ended((await run.booked()).id)
  // Logs that reach over several partitions, and values that a careless copy would change.
  await t.look('select raise_ids(\'{"event_ids": 3500000, "delivery_ids": 2000000}\')')
  await run.ended((await run.booked()).id)
  await run.bridge.events()
  await run.bridge.stopWorker()
  await t.look(
    "update locations set latitude = 0.1::float8 + 0.2::float8, created_at = '2026-01-02 03:04:05.678901+00', street_address = $1, city = ''",
    [ODD],
  )
  done = await run.booked()
  left = await run.booked()
  const nothingBut = { ...environmentOf(t), SLOTBRIDGE_HIGH_WATER: 'off' }
  file = join(folder, 'moved.jsonl.gz')
  const exported = await type(`data export ${file}`, nothingBut)
  expect([exported.code, exported.noted]).toEqual([0, ''])
  before = await everyRow(t)
  handedOut = await inGlobal(t.database, listHandedOut)
  // The practice turns the second one away; the first takes effect, and the file does not know.
  const starts = await t.look('select starts_at from appointments where id = $1', [left.id])
  await run.dial({ faults: [{ kind: 'busy', always: true, begins: starts[0].starts_at.toISOString() }] })
  run.bridge.startWorker()
  await run.ended(done.id)
  await run.bridge.stopWorker()
  await run.dial({})
}, 120_000)
afterAll(async () => {
  await run?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** An empty database under the same master key, and commands on it. */
async function emptyDatabase(masterKey = run.bridge.t.database.masterKey) {
  const ground = { serverUrl: inject('serverUrl'), template: inject('template') }
  const t = await openTestDatabase(ground, { masterKey })
  const env = {
    ...environmentOf(t),
    SLOTBRIDGE_HIGH_WATER: join(folder, `${t.directUrl.split('/').at(-1)}.json`),
  }
  return {
    t,
    command: (line: string) => type(line, env),
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  }
}

const isEmpty = async (t: TestDatabase) =>
  (
    await t.look(
      'select 1 from accounts union all select 1 from institutions union all select 1 from patients',
    )
  ).length === 0

it('brings every row of every table over, raises the sequences, and carries out once what was owed', async () => {
  await using other = await emptyDatabase()
  const imported = await other.command(`data import ${file}`)
  expect([imported.code, imported.noted]).toEqual([0, ''])
  expect(imported.said).toContain('2 owed writes will be looked for')
  const after = await everyRow(other.t)
  for (const [table, rows] of Object.entries(before)) expect([table, after[table]]).toEqual([table, rows])
  for (const table of ['events', 'write_attempts', 'busy', 'institution_keys', 'reserved_ids'])
    expect([table, before[table] !== undefined]).toEqual([table, true])
  expect(before.events?.length).toBeGreaterThan(3)
  expect(await other.t.look('select street_address, city from locations')).toEqual([
    { street_address: ODD, city: '' },
  ])
  const { institutionId } = run.bridge
  const audited = await other.t.look(
    "select institution_id::int, route, patient_ids from audit where kind in ('export', 'request') order by id",
  )
  expect(audited).toEqual(
    ['data export', 'data import'].flatMap((route) =>
      [institutionId, 0].map((institution_id) => ({ institution_id, route, patient_ids: null })),
    ),
  )
  const leapt = await inGlobal(other.t.database, listHandedOut)
  for (const [name, last] of Object.entries(handedOut))
    expect([name, (leapt[name] ?? 0) > last]).toEqual([name, true])

  const [{ offset_ms }] = await run.bridge.t.look('select offset_ms::float8 from test_clock')
  await using stack = new AsyncDisposableStack()
  const wake = stack.use(openWake(other.t.database.pool, null))
  const systems = stack.use(openSystems(connectors, other.t.clock))
  let offset = offset_ms
  await other.t.moveClock(offset)
  const work = startWork({
    database: other.t.database,
    clock: other.t.clock,
    wake,
    log: { error: () => undefined },
    handlers: { pull: pullHandler(systems), push: pushHandler(systems) },
    slots: 4,
    leaseMs: 2_000,
  })
  stack.defer(() => work.stop(5_000))
  const ended = async (id: number) => {
    const [write] = await inTenant(other.t.database, institutionId, (tx) => listWrites(tx, id))
    return write?.ended_at ? write : null
  }
  await until('what was owed', [], async () => {
    offset += 1_000
    await run.bridge.practice('PUT', '/clock', { offset_ms: offset })
    await other.t.moveClock(offset)
    wake.wake()
    return (await ended(done.id)) && (await ended(left.id))
  })
  for (const { id } of [done, left]) expect(await ended(id)).toMatchObject({ state: 'complete' })
  const booked = (await run.journal()).filter(
    ({ by, noun, act }) => by === 'interface' && noun === 'visit' && act === 'book',
  )
  expect(booked).toHaveLength(4)
  expect(new Set(booked.map(({ id }) => id)).size).toBe(4)
}, 120_000)

it('refuses a file that was cut or changed, and leaves nothing', async () => {
  await using other = await emptyDatabase()
  const whole = readFileSync(file)
  const text = gunzipSync(whole).toString('utf8')
  const lines = text.split('\n')
  const middle = Math.floor(lines.length / 2)
  const flipped = Buffer.from(whole)
  flipped[Math.floor(flipped.length / 2)] = (flipped[Math.floor(flipped.length / 2)] ?? 0) ^ 1
  const damaged: [string, Buffer][] = [
    ['cut in the middle', whole.subarray(0, Math.floor(whole.length / 2))],
    ['cut before its last byte', whole.subarray(0, whole.length - 1)],
    ['without its end', gzipSync(lines.slice(0, -2).join('\n').concat('\n'))],
    ['without a row', gzipSync([...lines.slice(0, middle), ...lines.slice(middle + 1)].join('\n'))],
    ['with another value', gzipSync(text.replace('Willow Creek Dental', 'Willow Creek Dentil'))],
    ['with a bit flipped', flipped],
  ]
  for (const [what, bytes] of damaged) {
    const bad = join(folder, 'damaged.gz')
    writeFileSync(bad, bytes)
    const { code, noted } = await other.command(`data import ${bad}`)
    expect([what, code, noted]).toEqual([what, 1, expect.stringContaining('is not whole')])
  }
  writeFileSync(join(folder, 'other.gz'), gzipSync('{"some":"thing"}\n'))
  expect((await other.command(`data import ${join(folder, 'other.gz')}`)).noted).toContain('is no export')
  expect(await isEmpty(other.t)).toBe(true)
}, 120_000)

it('leaves nothing where a row does not fit, though the file is whole', async () => {
  await using other = await emptyDatabase()
  await other.t.look("alter table writes add constraint nothing_fits check (kind = 'none') not valid")
  const { code, noted } = await other.command(`data import ${file}`)
  expect([code, noted]).toEqual([1, expect.stringContaining('nothing_fits')])
  expect(await isEmpty(other.t)).toBe(true)
  await other.t.look('alter table writes drop constraint nothing_fits')
  expect(await other.command(`data import ${file}`)).toMatchObject({ code: 0 })
  expect((await other.command(`data import ${file}`)).noted).toContain('The database is not empty')
}, 120_000)

it('refuses another master key, and a database that is used', async () => {
  await using strange = await emptyDatabase(newKey())
  expect((await strange.command(`data import ${file}`)).noted).toContain('The master key is not that of')
  expect(await isEmpty(strange.t)).toBe(true)
  await using used = await emptyDatabase()
  await used.t.look("insert into accounts (name) values ('there first')")
  expect((await used.command(`data import ${file}`)).noted).toContain('not empty (accounts)')
}, 120_000)

it('writes for its owner alone, into a folder under a name of its own, and over nothing', async () => {
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const env = environmentOf(run.bridge.t)
  expect((await type(`data export ${file}`, env)).noted).toContain('is there already')
  const { code } = await type(`data export ${folder}`, env)
  expect([
    code,
    readdirSync(folder).filter((name) => /^slotbridge-.*\.jsonl\.gz$/.test(name)).length,
  ]).toEqual([0, 1])
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([])
  const sealed = gunzipSync(readFileSync(file)).toString('utf8')
  expect(sealed).not.toContain('test-key')
}, 120_000)
