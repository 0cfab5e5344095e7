/** `source …` against a simulated practice over a real socket. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startSandbox } from '../../src/sandbox/start-sandbox.ts'
import { environmentOf, type } from '../support/command-line.ts'
import { testDatabase } from '../support/database.ts'

const secret = 'a-key-nobody-may-see'

async function practice() {
  const stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'source-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  const t = stack.use(await testDatabase())
  const sandbox = stack.use(await startSandbox({ file: join(folder, 'practice.db'), key: secret }))
  const run = (line: string, input?: string) => type(line, environmentOf(t), input)
  await run('institution add willow')
  return { t, sandbox, folder, run, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

it('connects a practice with a secret from a file, asks it, and never shows the secret', async () => {
  await using p = await practice()
  const file = join(p.folder, 'key')
  writeFileSync(file, `${secret}\n`)
  expect(
    await p.run(
      `source add sandbox --name Chairs --set url=${p.sandbox.url} --set-file key=${file} --poll-seconds 5`,
    ),
  ).toMatchObject({ code: 0 })
  const listed = await p.run('source list --json')
  const [source] = JSON.parse(listed.said)
  expect(source).toMatchObject({ name: 'Chairs', connector: 'sandbox', poll_seconds: 5, loaded_at: null })
  const tested = await p.run(`source test ${source.id} --json`)
  expect(tested).toMatchObject({ code: 0 })
  expect(JSON.parse(tested.said)).toMatchObject({
    system: 'Simulated practice',
    capabilities: { effect: 'once' },
  })
  expect(
    listed.said + tested.said + JSON.stringify(await p.t.look('select * from data_sources')),
  ).not.toContain(secret)
})

it('takes the whole configuration from standard input, and a change of one key leaves the others', async () => {
  await using p = await practice()
  const configuration = JSON.stringify({ url: p.sandbox.url, key: secret })
  expect(await p.run('source add sandbox --file -', configuration)).toMatchObject({ code: 0 })
  const [{ id }] = JSON.parse((await p.run('source list --json')).said)
  expect(await p.run(`source set ${id} --set timeout_ms=900 --name Other`)).toMatchObject({ code: 0 })
  expect(await p.run(`source test ${id}`)).toMatchObject({ code: 0 })
  expect((await p.run(`source set ${id} --set timeout_ms=soon`)).noted).toContain('timeout_ms')
})

it('names each key of the configuration that is wrong or missing, and no value', async () => {
  await using p = await practice()
  const { code, noted } = await p.run(`source add sandbox --set url=nowhere --set colour=${secret}`)
  expect(code).toBe(1)
  for (const key of ['url', 'key', 'colour']) expect(noted).toContain(key)
  expect(noted).not.toContain(secret)
  expect((await p.run('source add palace')).noted).toContain(
    'There is no connector palace: sandbox, fhir, open-dental.',
  )
  expect((await p.run('source add sandbox --file -', 'not json')).noted).toContain('must be a JSON object')
})

it('says in a sentence that a record system does not answer', async () => {
  await using p = await practice()
  await p.run(`source add sandbox --set url=${p.sandbox.url} --set-file key=-`, secret)
  const [{ id }] = JSON.parse((await p.run('source list --json')).said)
  await p.sandbox.close()
  const { code, noted } = await p.run(`source test ${id}`)
  expect(code).toBe(1)
  expect(noted).not.toMatch(/\n\s+at /)
  expect(noted.length).toBeGreaterThan(10)
})

it('removes a data source that nothing was read from, with its units of work, and no other', async () => {
  await using p = await practice()
  await p.run(`source add sandbox --set url=${p.sandbox.url} --set-file key=-`, secret)
  const [{ id }] = JSON.parse((await p.run('source list --json')).said)
  await p.run(`location add --name Main --tz America/New_York --source ${id}`)
  const [{ institution_id }] = await p.t.look('select institution_id from data_sources')
  await p.t.look(
    `insert into patients (institution_id, data_source_id, first_name, last_name, name_key, match_key) values ($1, $2, 'Ada', 'Made-Up', 'x', 'x')`,
    [institution_id, id],
  )
  expect(await p.run(`source remove ${id}`)).toMatchObject({
    code: 1,
    noted: expect.stringContaining('1 patients'),
  })
  await p.t.look('delete from patients')
  expect(await p.run(`source remove ${id}`)).toMatchObject({ code: 0 })
  expect(await p.t.look("select kind from work where kind not in ('sequence', 'seal')")).toEqual([])
  expect(await p.t.look('select data_source_id from locations')).toEqual([{ data_source_id: null }])
})

it('refuses a secret as an argument, which others on the machine could see, and says how to give it', async () => {
  await using p = await practice()
  for (const [line, key] of [
    [`source add sandbox --set url=${p.sandbox.url} --set key=${secret}`, 'key'],
    [`source add fhir --set auth.method=bearer --set auth.token=${secret}`, 'auth.token'],
    [`source add open-dental --set database.password=${secret}`, 'database.password'],
  ] as const) {
    const { code, noted } = await p.run(line)
    expect([code, noted.includes(`--set-file ${key}=<file>`), noted.includes(secret)]).toEqual([
      1,
      true,
      false,
    ])
  }
  expect(await p.t.look('select id from data_sources')).toEqual([])
})
