/** `data export|import` between majors of PostgreSQL: out of the one that comes with us, into Debian's, and back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, it } from 'vitest'
import { inWork } from '../../src/db/database.ts'
import { sealAudit } from '../../src/store/audit-seals.ts'
import { serve } from '../http/served.ts'
import { type Said, type } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { atDatabase } from '../support/database-url.ts'
import { everyRow } from '../support/every-row.ts'
import { fillPractice } from '../support/full-practice.ts'
import { ask, debianGround } from './debian-postgres/start-postgres.ts'

type Look = TestDatabase['look']
const ODD = 'line\none\ttab "quoted" \\u0041 \u2028 é \u{1F9B7}'

interface Side {
  look: Look
  command(line: string): Promise<Said>
}

const majorOf = async (look: Look) =>
  Math.floor(Number((await look('show server_version_num'))[0].server_version_num) / 10_000)

/** Runs it and asks that it went well. */
async function done(side: Side, line: string): Promise<string> {
  const { code, noted, said } = await side.command(line)
  expect([line, code, noted]).toEqual([line, 0, ''])
  return said
}

async function expectSame(side: Side, wanted: Record<string, unknown[]>): Promise<void> {
  const rows = await everyRow(side)
  expect(Object.keys(rows).sort()).toEqual(Object.keys(wanted).sort())
  for (const [table, of] of Object.entries(wanted)) expect([table, rows[table]]).toEqual([table, of])
}

/** Chains are hashed by the database, and what an attempt was answered is sealed. */
async function expectReadable(side: Side, deliveryId: number): Promise<void> {
  expect(await done(side, 'audit verify')).toMatch(/willow-creek\): as it was sealed \(1 seals, \d+ rows\)/)
  expect(await done(side, `webhooks list ${deliveryId}`)).toContain('attempt 1')
}

it('moves everything from our major to that of Debian and back, with every row as it was and every chain whole', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'majors-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const s = stack.use(await serve())
  const { masterKey } = s.t.database
  const on = (name: string, url: string, directUrl: string, look: Look): Side => {
    const env = {
      DATABASE_URL: url,
      DATABASE_DIRECT_URL: directUrl,
      SLOTBRIDGE_MASTER_KEY: masterKey.toString('base64'),
      SLOTBRIDGE_HIGH_WATER: join(folder, `${name}.json`),
    }
    return { look, command: (line) => type(line, env) }
  }

  const { deliveryId } = await fillPractice(s.t, s, 'said once')
  await s.t.look(
    "update locations set latitude = 0.1::float8 + 0.2::float8, created_at = '2026-01-02 03:04:05.678901+00', street_address = $1, city = ''",
    [ODD],
  )
  // An attempt under way would be one whose outcome is not known any more.
  await s.t.look("update write_attempts set outcome = 'unavailable', ended_at = started_at")
  // Logs that reach over several partitions.
  await s.t.look('select raise_ids(\'{"event_ids": 3500000, "delivery_ids": 2000000}\')')
  await s.ask('GET', `/patients/${s.patientId}`, { query: { subdomain: s.subdomain } })
  await inWork(s.t.database, (tx) => sealAudit(tx, 100))
  const ours = on('ours', s.t.url, s.t.directUrl, s.t.look)

  const ground = stack.use(debianGround())
  ground.init('other', 'fsync = off')
  const server = await ground.start('other')
  const lookThere: Look = (text, values) => ask(server.url, text, values)
  const theirs = on('theirs', atDatabase(server.url, { login: 'slotbridge' }), server.url, lookThere)
  expect(await majorOf(theirs.look)).toBeGreaterThanOrEqual(15)
  expect(await majorOf(theirs.look)).not.toBe(await majorOf(ours.look))

  const out = join(folder, 'out.jsonl.gz')
  await done(ours, `data export ${out}`)
  const before = await everyRow(ours)
  for (const table of [
    'patients',
    'appointments',
    'events',
    'deliveries',
    'audit',
    'institution_keys',
    'busy',
  ])
    expect([table, (before[table]?.length ?? 0) > 0]).toEqual([table, true])
  await done(theirs, 'migrate')
  await done(theirs, `data import ${out}`)
  await expectSame(theirs, before)
  await expectReadable(theirs, deliveryId)

  const back = join(folder, 'back.jsonl.gz')
  await done(theirs, `data export ${back}`)
  const there = await everyRow(theirs)
  const fresh = stack.use(
    await openTestDatabase({ serverUrl: inject('serverUrl'), template: inject('template') }, { masterKey }),
  )
  const again = on('again', fresh.url, fresh.directUrl, fresh.look)
  await done(again, `data import ${back}`)
  await expectSame(again, there)
  await expectReadable(again, deliveryId)
}, 120_000)
