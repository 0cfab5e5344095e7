/** The commands that set up a practice from nothing, on a real database under row-level security. */
import { expect, it } from 'vitest'
import { environmentOf, type } from '../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

const slotbridge = (t: TestDatabase) => (line: string, input?: string) => type(line, environmentOf(t), input)

it('goes from nothing to an institution with a location and a key', async () => {
  await using t = await testDatabase()
  const run = slotbridge(t)
  expect((await run('location list')).noted).toContain('There is no institution')
  expect(await run('institution add willow --name "Willow Creek" --country CA')).toMatchObject({
    code: 0,
    noted: '',
  })
  expect(
    await run('location add --name Main --tz America/Toronto --map-by-operatory off --default-minutes none'),
  ).toMatchObject({ code: 0 })
  const [location] = JSON.parse((await run('location list --json')).said)
  expect(location).toMatchObject({
    name: 'Main',
    tz: 'America/Toronto',
    map_by_operatory: false,
    default_minutes: null,
  })
  expect(await run(`location set ${location.id} --outside-hours refuse --promise-minutes 60`)).toMatchObject({
    code: 0,
  })
  const [changed] = JSON.parse((await run('location list --json')).said)
  expect(changed).toMatchObject({ outside_hours: 'refuse', promise_minutes: 60, map_by_operatory: false })
  const policy = '--overbooking limit --operatory-limit 2 --provider-limit 3'
  expect(await run(`location set ${location.id} ${policy}`)).toMatchObject({ code: 0 })
  const [limited] = JSON.parse((await run('location list --json')).said)
  expect(limited).toMatchObject({ overbooking: 'limit', operatory_limit: 2, provider_limit: 3 })
  expect((await run('location list')).said).toContain('limit 2/3')
  for (const wrong of ['--overbooking some', '--operatory-limit 0', '--provider-limit 101'])
    expect((await run(`location set ${location.id} ${wrong}`)).code, wrong).toBe(1)
  expect(await run('institution set willow --sync-notifications on')).toMatchObject({ code: 0 })
  expect(await t.look('select name, country_code, is_sync_notifications from institutions')).toEqual([
    { name: 'Willow Creek', country_code: 'CA', is_sync_notifications: true },
  ])
})

it('prints a key once, keeps only its hash, and revokes it', async () => {
  await using t = await testDatabase()
  const run = slotbridge(t)
  await run('institution add willow')
  const made = await run('key add --name booking --scope appointments:read --scope appointments:write')
  expect(made.said).toMatch(/^sb_\S{20,}$/)
  const listed = await run('key list')
  expect(listed.said).toContain('appointments:read,appointments:write')
  expect(listed.said + JSON.stringify(await t.look('select * from api_keys'))).not.toContain(made.said)
  const [{ id, limits }] = JSON.parse((await run('key list --json')).said)
  expect(limits).toEqual({ all: 100, lists: 10, records: 1000, others: 2000 })
  expect((await run(`key limit ${id} --limit all=5 --limit lists=1`)).said).toBe(
    `key ${id}: limits all=5,lists=1`,
  )
  expect((await run(`key limit ${id} --limit none`)).code).toBe(0)
  expect((await run('key list')).said).toContain('none')
  expect((await run(`key limit ${id} --limit all=many`)).noted).toContain('--limit must be none, or a name')
  expect((await run(`key revoke ${id}`)).code).toBe(0)
  expect(JSON.parse((await run('key list --json')).said)[0].revoked_at).not.toBeNull()
  expect(await run('key revoke 999')).toMatchObject({ code: 1, noted: 'There is no key 999.' })
})

it('makes a key for some institutions, and refuses those of another account', async () => {
  await using t = await testDatabase()
  const run = slotbridge(t)
  await run('institution add willow --account one')
  await run('institution add aspen --account two')
  expect((await run('key add')).noted).toContain('--account: one, two')
  expect(await run('key add --account one --institution aspen')).toMatchObject({ code: 1 })
  expect(await run('key add --account one --institution willow')).toMatchObject({ code: 0 })
})

it.each([
  ['institution add Willow!', 'subdomain'],
  ['institution add willow --country Canada', '--country must be two capital letters.'],
  ['institution set nowhere --name x', 'There is no institution nowhere.'],
  ['key add --scope everything', 'There is no account'],
])('refuses %s and says why', async (line, why) => {
  await using t = await testDatabase()
  expect(await slotbridge(t)(line)).toMatchObject({ code: 1, noted: expect.stringContaining(why) })
})

it.each([
  ['location add --tz America/New_York', 'Missing --name.'],
  ['location add --name Main --tz Mars/Crater', 'tz'],
  ['location set 999 --name x', 'Location not found'],
  ['location set 1', 'Say what to change'],
  ['writes 5', 'Nothing was ever owed for appointment 5.'],
  ['source set 999 --name x', 'There is no data source 999.'],
])('refuses %s of an institution and says why', async (line, why) => {
  await using t = await testDatabase()
  const run = slotbridge(t)
  await run('institution add willow')
  expect(await run(line)).toMatchObject({ code: 1, noted: expect.stringContaining(why) })
})

it('refuses a superuser, a foreign master key, and a database that was never migrated', async () => {
  await using t = await testDatabase()
  const env = environmentOf(t)
  const refused = async (own: Record<string, string>) => {
    const { code, noted } = await type('institution list', own)
    expect(code).toBe(1)
    return noted
  }
  expect(await refused({ ...env, DATABASE_URL: t.directUrl })).toContain('superuser')
  expect(await refused({ DATABASE_URL: t.url })).toContain('SLOTBRIDGE_MASTER_KEY is not set')
  await t.look("insert into token_secrets (secret_sealed) values ('\\x01')")
  expect(await refused(env)).toContain('The master key is not the one')
  await t.look('delete from token_secrets; delete from schema_migrations')
  expect(await refused(env)).toMatch(/lacks (\d+) of \1 migrations/)
})
