/** What an import of ids refuses, naming each row, and what it leaves behind then: nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { environmentOf, type } from '../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

let t: TestDatabase
let folder: string
let secret: string
const HEAD = 'noun,foreign_id_type,foreign_id,name,location_id,id'
const T = 'msg-opendental-DataSource-35'

beforeAll(async () => {
  t = await testDatabase()
  folder = mkdtempSync(join(tmpdir(), 'import-ids-'))
  secret = join(folder, 'practice.key')
  writeFileSync(secret, 'k')
  for (const subdomain of ['willow', 'aspen', 'cedar'])
    expect((await run(`institution add ${subdomain}`)).code).toBe(0)
})
afterAll(async () => {
  await t?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const run = (line: string) =>
  type(line, { ...environmentOf(t), SLOTBRIDGE_HIGH_WATER: join(folder, 'high-water.json') })

/** Imports rows, each with its six columns. */
async function bring(subdomain: string, rows: string[], more = '') {
  const file = join(folder, 'ids.csv')
  writeFileSync(file, [HEAD, ...rows].join('\n'))
  return await run(`import-ids ${file} --subdomain ${subdomain}${more}`)
}

const kept = async () =>
  (await t.look('select noun, id::int from reserved_ids order by 1, 2')).map((row) => `${row.noun} ${row.id}`)

it('keeps ids before there is a data source, which then takes their type; a second one is asked for whose it is', async () => {
  const second = 'msg-dentrix-DataSource-7'
  expect(await bring('cedar', [`provider,${T},4,,,21`, `provider,${second},4,,,22`])).toMatchObject({
    code: 0,
    noted: '',
  })
  const add = `source add sandbox --institution cedar --set url=http://127.0.0.1:1 --set-file key=${secret}`
  const refused = await run(add)
  expect([refused.code, refused.noted]).toEqual([1, expect.stringContaining('--foreign-id-type')])
  expect((await run(`${add} --foreign-id-type ${second}`)).code).toBe(0)
  expect((await run(add)).code).toBe(0)
  expect(await t.look('select foreign_id_type from data_sources order by id')).toEqual([
    { foreign_id_type: second },
    { foreign_id_type: T },
  ])
  expect((await run(`${add} --foreign-id-type ${T}`)).noted).toContain('bears the foreign_id_type')
  expect((await run(add)).code).toBe(0)
  const [{ foreign_id_type }] = await t.look(
    'select foreign_id_type from data_sources order by id desc limit 1',
  )
  expect(foreign_id_type).toMatch(/^\S+-DataSource-\d+$/)
})

it('gives a location the id that was imported, by its foreign id or its name, when it is made', async () => {
  const rows = [`location,,,North,,3001`, `location,${T},s-2,,,3002`, `appointment_type,,,Recall,3001,41`]
  expect(await bring('willow', rows)).toMatchObject({ code: 0 })
  const add = `source add sandbox --institution willow --set url=http://127.0.0.1:1 --set-file key=${secret} --json`
  const { id: source } = JSON.parse((await run(add)).said)
  const make = (line: string) => run(`location add --institution willow --tz UTC ${line} --json`)
  expect(JSON.parse((await make('--name North')).said).id).toBe(3001)
  expect(JSON.parse((await make(`--name South --source ${source} --foreign-id s-2`)).said).id).toBe(3002)
  // The name is another location's now; the sequence goes on above.
  expect(JSON.parse((await make('--name North')).said).id).toBe(3003)
})

it('names every row that cannot be kept, with its line, and keeps none of the file', async () => {
  const before = await kept()
  const { code, noted } = await bring('aspen', [
    `patient,${T},1,,,900`,
    `location,,,North,,3001`,
    `appointment_type,,,Cleaning,77,42`,
    `provider,${T},4,,,21`,
  ])
  expect(code).toBe(1)
  expect(noted.split('\n')).toEqual([
    "line 3: location id 3001 is another institution's already",
    'line 4: there is no location 77',
    "line 5: provider id 21 is another institution's already",
    'Nothing was kept.',
  ])
  const again = await bring('willow', [
    `location,,,North,,3009`,
    `location,,,East,,3001`,
    `patient,${T},1,,,901`,
  ])
  expect(again.noted.split('\n')).toEqual([
    'line 2: location North is here already, as 3001',
    'line 3: id 3001 is that of location North already',
    'Nothing was kept.',
  ])
  expect(await kept()).toEqual(before)
})

it('waits for a transaction that may have drawn one of the ids, and looks again', async () => {
  // Another institution draws id 5001 and has not committed when the import looks first.
  await t.look("select setval('patient_ids', 5000)")
  const [{ id: source, institution_id: cedar }] = await t.look(
    "select d.id, d.institution_id from data_sources d join institutions i on i.id = d.institution_id where i.subdomain = 'cedar' limit 1",
  )
  const client = new pg.Client({ connectionString: t.url })
  await client.connect()
  try {
    await client.query('begin')
    await client.query(
      "select set_config('role', 'slotbridge_app', true), set_config('app.institution_id', $1, true)",
      [cedar],
    )
    await client.query(
      "insert into patients (institution_id, data_source_id, first_name, last_name, name_key, match_key) values ($1, $2, 'Made', 'Up', 'made up', '1|made up')",
      [cedar, source],
    )
    const importing = bring('willow', [`patient,${T},17,,,5001`, `patient,${T},18,,,90001`])
    await until(
      'sequences to leap',
      async () => (await t.look('select last_value::int as at from patient_ids'))[0].at === 90_001,
    )
    // It has looked, and waits for the transaction that is open.
    await until('the import to wait', async () => {
      const waiting = `select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and state = 'idle in transaction' and query like '%count(*) as n from pg_locks%'`
      return (await t.look(waiting)).length === 1
    })
    await client.query('commit')
    expect((await importing).noted).toContain("line 2: patient id 5001 is another institution's already")
  } finally {
    await client.end()
  }
  expect(await kept()).not.toContain('patient 90001')
})

it('leaves room above where it is told to', async () => {
  const done = await bring('aspen', [`operatory,${T},1,,,60`], ' --ids-above 7000000000')
  expect(done).toMatchObject({ code: 0, said: expect.stringContaining('above 7000000000') })
  expect(await t.look('select last_value::text as at from operatory_ids')).toEqual([{ at: '7000000000' }])
})

it.each([
  ['import-ids /nowhere.csv --subdomain willow', 'cannot be read'],
  ['import-ids /nowhere.csv', 'Missing --subdomain.'],
])('refuses %s and says why', async (line, why) => {
  const { code, noted } = await run(line)
  expect([code > 0, noted]).toEqual([true, expect.stringContaining(why)])
})
