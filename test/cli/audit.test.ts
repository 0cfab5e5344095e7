/** `audit verify|head|export`, and what they say after a superuser changed what was sealed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { inWork } from '../../src/db/database.ts'
import { appendAudit, type NewAudit } from '../../src/store/audit.ts'
import { sealAudit } from '../../src/store/audit-seals.ts'
import { setUpPractice } from '../support/bridge.ts'
import { environmentOf, type } from '../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

const TAMPERED = 3
const TABLES = ['audit', 'audit_unsealed', 'audit_seals', 'audit_heads']

let t: TestDatabase
let institutionId: number
/** Ids of the rows, three to a seal. */
let ids: number[]
const run = (line: string) => type(line, environmentOf(t))
const row = (patientId: number): NewAudit => ({
  institutionId,
  kind: 'request',
  method: 'GET',
  route: '/patients/:id',
  status: 200,
  apiKeyId: 1,
  requestId: `request-of-${patientId}`,
  webhookEndpointId: null,
  patientIds: [patientId],
})

beforeAll(async () => {
  t = await testDatabase()
  const source = { connector: 'sandbox', configuration: { url: 'http://127.0.0.1:1', key: 'k' } }
  institutionId = (await setUpPractice(t, source, 'willow')).institutionId
  for (const first of [1, 4, 7]) {
    await inWork(t.database, (tx) =>
      appendAudit(
        tx,
        [0, 1, 2].map((more) => row(first + more)),
      ),
    )
    await inWork(t.database, (tx) => sealAudit(tx, 100))
  }
  ids = (await t.look('select id::int from audit order by id')).map(({ id }) => id)
  for (const table of TABLES) await t.look(`create table kept_${table} as table ${table}`)
})
afterAll(async () => {
  await t?.[Symbol.asyncDispose]()
})
afterEach(async () => {
  for (const table of TABLES) await t.look(`truncate ${table}; insert into ${table} table kept_${table}`)
})

const verify = async (more = '') => {
  const { code, said } = await run(`audit verify --institution willow ${more}`)
  return {
    code,
    lines: said
      .split('\n')
      .slice(1)
      .map((line) => line.trim()),
  }
}
const headOf = async (): Promise<string> =>
  JSON.parse((await run('audit head --institution willow --json')).said)[0].hash

describe('audit verify', () => {
  it('finds every chain as it was sealed, with exit code 0', async () => {
    expect(await run('audit verify')).toMatchObject({
      code: 0,
      said: `chain 0 (installation): nothing is sealed\nchain ${institutionId} (willow): as it was sealed (3 seals, 9 rows)`,
    })
  })

  /** Changes a row and its hash in the seal. */
  const forgeRow = () =>
    `update audit set patient_ids = '{99}' where id = ${ids[4]};
         update audit_seals s set row_hashes = overlay(row_hashes placing (select audit_hash(a.institution_id, a.id, a.at,
           a.kind, a.method, a.route, a.status, a.api_key_id, a.request_id, a.webhook_endpoint_id, a.patient_ids)
           from audit a where a.id = ${ids[4]}) from 33 for 32) where number = 2`
  const tampered: [string, () => [statement: string, lines: string[]]][] = [
    [
      'a value that was changed',
      () => [
        `update audit set patient_ids = '{99}' where id = ${ids[4]}`,
        [`row ${ids[4]} was changed after seal 2`],
      ],
    ],
    [
      'a row that was removed',
      () => [`delete from audit where id = ${ids[2]}`, [`row ${ids[2]} of seal 1 is gone`]],
    ],
    [
      'rows that were exchanged',
      () => [
        `create temp table two as select * from audit where id in (${ids[3]}, ${ids[5]});
         delete from audit where id in (${ids[3]}, ${ids[5]});
         update two set id = ${ids[3]} + ${ids[5]} - id;
         insert into audit select * from two`,
        [ids[3], ids[5]].map((id) => `row ${id} is another one of seal 2: rows were exchanged`),
      ],
    ],
    [
      'a last seal that was removed',
      () => ['delete from audit_seals where number = 3', ['seal 3 is gone', ...ids.slice(6).map(strayOf)]],
    ],
    [
      'a last seal that was removed, and the head set back',
      () => [
        `delete from audit_seals where number = 3;
         update audit_heads h set number = s.number, hash = s.hash from audit_seals s where s.number = 2`,
        ids.slice(6).map(strayOf),
      ],
    ],
    [
      'a seal that was removed from the middle',
      () => ['delete from audit_seals where number = 2', ['seal 2 is gone', ...ids.slice(3, 6).map(strayOf)]],
    ],
    [
      'a first seal that was removed',
      () => ['delete from audit_seals where number = 1', ['seal 1 is gone', ...ids.slice(0, 3).map(strayOf)]],
    ],
    [
      'a row and its place in the seal that were changed together',
      () => [forgeRow(), ['seal 2 was changed, or does not follow the one before it']],
    ],
    [
      'a seal that was made anew around a changed row',
      () => [
        `${forgeRow()};
         update audit_seals set hash = sha256(convert_to(concat_ws(E'\\n', institution_id, number,
           to_char(sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), row_count,
           array_to_string(audit_ids, ','), encode(row_hashes, 'hex'), encode(previous_hash, 'hex')), 'UTF8'))
         where number = 2`,
        ['seal 3 was changed, or does not follow the one before it'],
      ],
    ],
    [
      'seals whose order was changed',
      () => [
        'update audit_seals set number = case number when 1 then 2 when 2 then 1 else 3 end',
        expect.arrayContaining(['seal 1 was changed, or does not follow the one before it']),
      ],
    ],
    [
      'a row that was added past the log',
      () => [
        `insert into audit (institution_id, at, kind, request_id) values (${institutionId}, now(), 'request', 'x')`,
        [expect.stringMatching(/^row \d+ is in no seal/)],
      ],
    ],
  ]
  const strayOf = (id: number) =>
    `row ${id} is in no seal: it was added past the log, or its seal was taken away`

  it.each(tampered)('names %s, with an exit code of its own', async (_what, tamper) => {
    const [statement, lines] = tamper()
    await t.look(statement)
    expect(await verify()).toEqual({ code: TAMPERED, lines })
  })

  it('proves by a hash kept elsewhere that a whole chain was rewritten', async () => {
    const head = await headOf()
    expect(await verify(`--head ${head}`)).toEqual({ code: 0, lines: [] })
    await t.look(`delete from audit_seals; delete from audit_heads;
      update audit set patient_ids = '{99}' where id = ${ids[4]};
      insert into audit_unsealed select institution_id, id, audit_hash(institution_id, id, at, kind, method, route, status,
        api_key_id, request_id, webhook_endpoint_id, patient_ids) from audit`)
    for (const limit of [3, 3, 3]) await inWork(t.database, (tx) => sealAudit(tx, limit))
    expect(await verify()).toEqual({ code: 0, lines: [] })
    const { code, lines } = await verify(`--head ${head}`)
    expect([code, lines]).toEqual([TAMPERED, [expect.stringContaining(`no chain holds ${head}`)]])
  })

  it('takes every hash of a file that audit head wrote, and finds older ones too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'audit-'))
    try {
      const file = join(folder, 'heads.txt')
      writeFileSync(file, (await run('audit head')).said)
      await inWork(t.database, (tx) => appendAudit(tx, [row(10)]))
      await inWork(t.database, (tx) => sealAudit(tx, 100))
      expect((await run(`audit verify --heads ${file}`)).code).toBe(0)
      await t.look('delete from audit_seals where number = 3')
      expect((await run(`audit verify --heads ${file}`)).said).toContain('no chain holds')
      writeFileSync(file, 'none')
      expect((await run(`audit verify --heads ${file}`)).noted).toContain('holds no hash')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('verifies the chain of an institution whose key is gone', async () => {
    await t.look('create table kept_keys as table institution_keys; delete from institution_keys')
    try {
      expect(await verify()).toEqual({ code: 0, lines: [] })
    } finally {
      await t.look('insert into institution_keys table kept_keys; drop table kept_keys')
    }
  })
})

describe('audit export', () => {
  const exported = async (more = '') => {
    const { code, said } = await run(`audit export --institution willow ${more}`)
    expect(code).toBe(0)
    return said
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  }

  it('prints a line of JSON for each row, narrowed to a time or a patient, and is audited itself', async () => {
    const all = await exported()
    expect(all.map(({ patient_ids }) => patient_ids)).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => [id]),
      null,
    ])
    expect(all.at(-1)).toMatchObject({ kind: 'export', route: 'audit export', institution_id: institutionId })
    const ofFive = await exported('--patient 5')
    expect(ofFive.map(({ kind, patient_ids }) => [kind, patient_ids])).toEqual([
      ['request', [5]],
      ['export', null],
      ['export', [5]],
    ])
    await t.look(`update audit set at = '2026-01-02T03:04:05.678Z' where id = ${ids[4]}`)
    expect(await exported('--from 2026-01-02 --to 2026-01-02T03:04:06Z')).toMatchObject([
      { id: ids[4], at: '2026-01-02T03:04:05.678Z' },
    ])
  })

  it('prints the seals beside them, from which anybody can compute the chain', async () => {
    const seals = (await exported('--seals')).filter((line) => 'seal' in line)
    expect(seals.map(({ seal, audit_ids }) => [seal, audit_ids.length])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ])
    expect(seals[1].previous_hash).toBe(seals[0].hash)
  })
})
