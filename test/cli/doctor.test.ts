/** `doctor` on an installation that is well, and on one where a good deal is not. */
import { expect, it } from 'vitest'
import { startBridge } from '../support/bridge.ts'
import { environmentOf, type } from '../support/command-line.ts'

interface Found {
  status: string
  findings: { check: string; status: string; found: string; todo: string | null }[]
}

it('finds nothing wrong where all is well, and names each thing that is not, with what to do', async () => {
  await using bridge = await startBridge()
  const { t, sourceId, institutionId } = bridge
  // A test's server may do without fsync, and nobody delivers or seals here.
  await t.look("update work set run_at = now() where kind = 'seal'")
  const doctor = async () => {
    const { code, said } = await type('doctor --json', environmentOf(t))
    const { status, findings } = JSON.parse(said) as Found
    return {
      code,
      status,
      findings: findings.filter(({ check }) => check !== 'durability' && check !== 'disk'),
    }
  }
  const well = await doctor()
  // The zone data are this Node's: in two years they are old, and doctor says so.
  const notWell = well.findings.filter(({ check, status }) => status !== 'ok' && check !== 'zone data')
  expect(notWell).toEqual([])
  const checks = ['database', 'roles', 'statements', 'migrations', 'clocks', 'zone data', 'work', 'webhooks']
  expect(well.findings.map(({ check }) => check)).toEqual([
    ...checks,
    `data source ${sourceId} (willow-creek)`,
  ])
  expect(well.findings.at(-1)?.found).toMatch(/^Simulated practice .* answers$/)

  await bridge.stopWorker()
  await bridge.sandbox[Symbol.asyncDispose]()
  await t.look('update data_sources set writing_stopped_at = now()')
  await t.look(
    `insert into set_aside (institution_id, data_source_id, noun, foreign_id, reason, raw_sealed)
     select ${institutionId}, ${sourceId}, 'appointment', n::text, 'It has no start.', '' from generate_series(1, 3) n`,
  )
  await t.look("update work set run_at = now() - interval '5 minutes'")
  await t.look(
    "insert into webhook_endpoints (account_id, target_url, secret_sealed, paused_at) values (1, 'https://x.example/s3cret', '', now())",
  )
  await t.look('update test_clock set offset_ms = 60000')
  const { code, said } = await type('doctor', environmentOf(t))
  expect(code).toBe(2)
  for (const line of [
    /^fail {2}clocks: time is shifted by 60000 ms/m,
    /^fail {2}work: late by over 30 s: 1 pull, 1 push/m,
    /^warn {2}webhooks: endpoints \d+ paused/m,
    /^fail {2}data source \d+ \(willow-creek\): .*(reach|fail)/m,
    /^fail {2}data source \d+ \(willow-creek\): nothing is written since/m,
    /^warn {2}data source \d+ \(willow-creek\): 3 rows set aside \(appointment\): It has no start\.$/m,
    /^ {6}→ .*source resume/m,
  ])
    expect(said).toMatch(line)
  expect(said).not.toMatch(/s3cret|test-key/)
})

it('says what to do where the database cannot be opened, or is not migrated', async () => {
  await using bridge = await startBridge()
  const environment = environmentOf(bridge.t)
  const away = await type('doctor --json', {
    ...environment,
    DATABASE_URL: 'postgres://slotbridge@127.0.0.1:1/x',
  })
  expect(away.code).toBe(2)
  expect(JSON.parse(away.said).findings).toMatchObject([{ check: 'database', status: 'fail' }])
  await bridge.stopWorker()
  await bridge.t.look('delete from schema_migrations where number = 12')
  const older = await type('doctor', environment)
  expect([older.code, older.said]).toEqual([2, expect.stringContaining('run ./slotbridge migrate')])
})
