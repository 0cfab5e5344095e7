/** The promise outside the database: what it says before ids are handed out, and when a process refuses to serve. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inGlobal } from '../src/db/database.ts'
import { keepHighWater, promiseFor } from '../src/high-water.ts'
import { readHighWater } from '../src/high-water-file.ts'
import { raiseIds } from '../src/store/high-water.ts'
import { environmentOf, type } from './support/command-line.ts'
import { type TestDatabase, testDatabase } from './support/database.ts'

let t: TestDatabase
let folder: string
const warned: string[] = []
const log = { warn: (_: object, message: string) => void warned.push(message) }

beforeAll(async () => {
  t = await testDatabase()
  folder = mkdtempSync(join(tmpdir(), 'high-water-'))
})
afterAll(async () => {
  await t?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const keepOnce = async (file: string) =>
  await (await keepHighWater({ database: t.database, file, log }))[Symbol.asyncDispose]()

it('promises for every sequence, well ahead, before anything is handed out', async () => {
  const file = join(folder, 'new', 'high-water.json')
  await keepOnce(file)
  const [entry] = Object.values(readHighWater(file))
  const sequences = await t.look(
    "select sequencename as name from pg_sequences where sequencename not like '%\\_id\\_seq' order by 1",
  )
  expect(Object.keys(entry?.ids ?? {}).sort()).toEqual(sequences.map(({ name }) => name))
  for (const above of Object.values(entry?.ids ?? {})) expect(above).toBeGreaterThanOrEqual(250_000)
})

it('leaves a promise as it is until half of it is used up', () => {
  const before = { epoch: 0, beat: 1, ids: { a_ids: 500_000, b_ids: 500_000 } }
  expect(promiseFor({ a_ids: 250_000, b_ids: 250_001, c_ids: 0 }, before)).toEqual({
    a_ids: 500_000,
    b_ids: 750_001,
    c_ids: 500_000,
  })
})

it('refuses to serve a database that went back behind what the file saw, and serves a recovered one', async () => {
  const file = join(folder, 'seen.json')
  await keepOnce(file)
  await keepOnce(file)
  await t.look('update installation set beat = beat - 1')
  await expect(keepOnce(file)).rejects.toThrow('recover --restored')
  const env = { ...environmentOf(t), SLOTBRIDGE_HIGH_WATER: file }
  expect(await type('recover --restored', env)).toMatchObject({ code: 0 })
  await keepOnce(file)
  // A machine whose file knows only the old life goes on as well; one that knows a later life does not.
  const [id] = Object.keys(readHighWater(file))
  const entry = (epoch: number) => JSON.stringify({ [id ?? '']: { epoch, beat: 1_000_000, ids: {} } })
  writeFileSync(file, entry(0))
  await keepOnce(file)
  writeFileSync(file, entry(10_000_000_000))
  await expect(keepOnce(file)).rejects.toThrow('went back')
})

it('raises ids by hand where no file is left, and nothing without a word about them', async () => {
  const env = { ...environmentOf(t), SLOTBRIDGE_HIGH_WATER: join(folder, 'none.json') }
  const refused = await type('recover --restored', env)
  expect([refused.code, refused.noted]).toEqual([1, expect.stringContaining('--ids-above')])
  expect(await type('recover --restored --ids-above 7000000', env)).toMatchObject({ code: 0 })
  const [{ id }] = await t.look("select nextval('appointment_ids')::int as id")
  expect(id).toBe(7_000_001)
  // Where the ids of events leapt to, there is a partition for them.
  await t.look(
    "insert into events (institution_id, name, resource_type, body_sealed) values (1, 'x', 'x', '')",
  )
  await inGlobal(t.database, (tx) => raiseIds(tx, { appointment_ids: 5 }))
  expect(await t.look("select nextval('appointment_ids')::int as id")).toEqual([{ id: 7_000_002 }])
})

it('does not take another file for its own, and keeps those of other installations', async () => {
  const file = join(folder, 'shared.json')
  const other = { epoch: 3, beat: 4, ids: { patient_ids: 5 } }
  writeFileSync(file, JSON.stringify({ other }))
  await keepOnce(file)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ other })
  expect(Object.keys(readHighWater(file))).toHaveLength(2)
  writeFileSync(file, '{"other": {"epoch": "soon"}}')
  await expect(keepOnce(file)).rejects.toThrow('no high-water file')
})

it('serves all the same where it can be kept nowhere, and says so', async () => {
  await keepOnce(join('/proc', 'high-water.json'))
  expect(warned).toEqual([expect.stringContaining('SLOTBRIDGE_HIGH_WATER')])
})
