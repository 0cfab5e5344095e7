/** What commands show or change of patients stands in the audit, with what they did; what names nobody leaves no row. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makePractice, type Served, serve } from '../http/served.ts'
import { environmentOf, type } from '../support/command-line.ts'
import { type FullPractice, fillPractice } from '../support/full-practice.ts'

const INSTALLATION = 0

let s: Served
let practice: FullPractice
let folder: string
let seen = 0
beforeAll(async () => {
  s = await serve()
  practice = await fillPractice(s.t, s, 'stays')
  folder = mkdtempSync(join(tmpdir(), 'command-audit-'))
  seen = (await s.t.look('select max(id)::int as id from audit'))[0].id
})
afterAll(async () => {
  await s?.[Symbol.asyncDispose]()
  if (folder) rmSync(folder, { recursive: true })
})

/** What was audited since this was last asked: institution, kind, command, and whom it touched. */
async function rows() {
  const found = await s.t.look(
    `select id::int, institution_id::int, kind, method, route, api_key_id, patient_ids::int[] from audit
      where id > $1 order by id`,
    [seen],
  )
  seen = found.at(-1)?.id ?? seen
  for (const { method, api_key_id } of found) expect([method, api_key_id]).toEqual([null, null])
  return found.map(({ institution_id, kind, route, patient_ids }) => [
    institution_id,
    kind,
    route,
    patient_ids,
  ])
}

const run = async (line: string) => {
  const done = await type(line, environmentOf(s.t))
  expect([line, done.code, done.noted]).toEqual([line, 0, ''])
  return done.said
}

it('writes leave a row where they name whom a patient may be, and none where they name nobody', async () => {
  const { writeId, appointmentId, patientId, institutionId: id } = practice
  await run('writes --institution willow-creek')
  await run('webhooks list --institution willow-creek')
  expect(await rows()).toEqual([])
  const [other] = await s.t.look(
    `insert into patients (institution_id, data_source_id, foreign_id, first_name, last_name, name_key, phone_keys, match_key)
      select institution_id, data_source_id, 'another', first_name, last_name, name_key, phone_keys, 'another'
      from patients where id = $1 returning id::int`,
    [patientId],
  )
  const candidates = [{ patient_id: other.id, foreign_id: 'another', agrees_on: ['name', 'birth_date'] }]
  await s.t.look(
    `update writes set state = 'needs_decision', code = 'patient_ambiguous', next_attempt_at = deadline,
      candidates = $2 where id = $1`,
    [writeId, JSON.stringify(candidates)],
  )
  await run('writes --institution willow-creek')
  await run(`writes ${appointmentId} --institution willow-creek`)
  expect(await rows()).toEqual([
    [id, 'export', 'writes', [other.id]],
    [id, 'export', 'writes', [other.id]],
  ])
  expect(await run(`writes resolve ${writeId} --institution willow-creek`)).toContain(`patient ${other.id}`)
  expect(await rows()).toEqual([[id, 'export', 'writes resolve', [patientId, other.id]]])
  const wrong = await type(`writes resolve ${writeId} --retry --institution willow-creek`, environmentOf(s.t))
  expect([wrong.code, await rows()]).toEqual([1, []])
  await run(`writes resolve ${writeId} --give-up --institution willow-creek`)
  expect(await rows()).toEqual([[id, 'request', 'writes resolve', [patientId]]])
})

it('a replay leaves a row of its own: whom it tells of stands in that of each delivery', async () => {
  await s.t.look("update deliveries set state = 'dead', ended_at = now() where id = $1", [
    practice.deliveryId,
  ])
  expect(await run(`webhooks replay ${practice.deliveryId} --institution willow-creek`)).toContain(
    '1 deliver',
  )
  expect(await rows()).toEqual([[practice.institutionId, 'request', 'webhooks replay', []]])
})

it('an export of all data leaves a row in every chain, before it is made', async () => {
  const other = await makePractice(s.t, s.accountId, 'elm')
  const file = join(folder, 'all.jsonl.gz')
  await run(`data export ${file}`)
  const all = [practice.institutionId, other.institutionId, INSTALLATION]
  expect(await rows()).toEqual(all.map((id) => [id, 'export', 'data export', null]))
  await s.t.look('revoke insert on audit from slotbridge_work')
  try {
    const unseen = join(folder, 'unseen.jsonl.gz')
    const { code } = await type(`data export ${unseen}`, environmentOf(s.t))
    expect([code, existsSync(unseen), existsSync(`${unseen}.part`)]).toEqual([1, false, false])
  } finally {
    await s.t.look('grant insert on audit to slotbridge_work')
  }
})

it('a deletion leaves a row that stays, of every patient that there was', async () => {
  await run('institution delete elm --confirm elm')
  const [row, ...others] = await rows()
  expect([row?.slice(1), others]).toEqual([['request', 'institution delete', null], []])
})
