/** The practice restores its backup: what it lost of ours is told and listed, and writing goes on when somebody looked. */
import { expect, it } from 'vitest'
import { changeAppointment } from '../../src/booking/change.ts'
import { findDataSource } from '../../src/store/data-sources.ts'
import { listWrites } from '../../src/store/writes.ts'
import { serveApi } from '../support/api.ts'
import { book, newPatient } from '../support/booking.ts'
import { until } from '../support/bridge.ts'
import { environmentOf, type } from '../support/command-line.ts'
import { type FaultBridge, held, mirrored, startFaultBridge } from './fault-run.ts'

async function confirm({ bridge }: FaultBridge, id: number): Promise<void> {
  await bridge.tenant((tx) =>
    changeAppointment(tx, {
      apiKeyId: bridge.apiKeyId,
      appointmentId: id,
      version: 'v3',
      fields: { confirmed: true },
    }),
  )
  await bridge.settled(id)
}

/** A booking of somebody whom the practice knew before. */
async function bookKnown(run: FaultBridge, patientId: number): Promise<number> {
  const { id } = await book(run.bridge, { patientId, start: run.nextStart() })
  await run.ended(id)
  return id
}

/** Goes back behind a confirmation and a booking of ours; the id that this had is given out again, to the same patient. */
async function goBack(run: FaultBridge) {
  const { bridge } = run
  const kept = await run.booked()
  await run.ended(kept.id)
  await bridge.pulled()
  await bridge.practice('POST', '/faults/backup', {})
  await confirm(run, kept.id)
  const lost = await bookKnown(run, kept.patientId)
  const { foreign_id } = await bridge.appointment(lost)
  await run.readAll()
  await run.pass(60_000)
  await bridge.practice('POST', '/faults/restore', {})
  const [{ person }] = await bridge.t.look('select foreign_id as person from patients where id = $1', [
    kept.patientId,
  ])
  const begins = new Date(run.nextStart()).toISOString()
  const again = await bridge.practice('POST', '/desk/book', { person_id: person, chair_id: '1', begins })
  expect((again.body.visit as { visit_id: string }).visit_id).toBe(foreign_id)
  return { kept: kept.id, lost, foreign_id }
}

it('stops writing, tells what it lost of ours, and goes on when somebody who saw that says so', async () => {
  await using run = await startFaultBridge()
  const { bridge } = run
  const env = environmentOf(bridge.t)
  const { kept, lost, foreign_id } = await goBack(run)
  await run.readAll()
  const { id: owed } = await run.booked()
  await run.pass(10_000)

  expect(await bridge.appointment(lost)).toMatchObject({ deleted: true, cancelled: true, foreign_id: null })
  const [other] = await bridge.t.look(
    'select id, booked_by_api_key_id from appointments where foreign_id = $1',
    [foreign_id],
  )
  expect(Number(other.id)).not.toBe(lost)
  const told = await bridge.events(['appointment_updated'])
  const attributes = (id: number) =>
    told
      .filter(({ body }) => (body.appointment as { id: number }).id === id)
      .map(({ body }) => body.previous_attributes)
  expect(attributes(lost).at(-1)).toMatchObject({ deleted: false })
  expect(attributes(kept).at(-1)).toMatchObject({ confirmed: true })

  const shown = JSON.parse((await type(`source show ${bridge.sourceId} --json`, env)).said)
  expect(shown).toMatchObject({
    write: 'stopped',
    read_again: true,
    write_reason: expect.stringContaining('backup'),
  })
  expect(shown.lost).toMatchObject([
    { appointment_id: kept, gone: false, fields: ['confirmed'] },
    { appointment_id: lost, gone: true },
  ])
  const asked = await type(`source resume ${bridge.sourceId}`, env)
  expect([asked.code, asked.said]).toEqual([1, expect.stringContaining('--yes')])
  // Whose appointments these are stands in the audit.
  const named = await bridge.t.look(
    'select array_agg(distinct patient_id::int) as ids from appointments where id = any($1)',
    [[kept, lost]],
  )
  expect(
    await bridge.t.look(
      "select route, patient_ids::int[] as ids from audit where kind = 'export' order by id",
    ),
  ).toEqual(['source show', 'source resume'].map((route) => ({ route, ids: named[0].ids })))
  expect((await bridge.tenant((tx) => listWrites(tx, owed)))[0]).toMatchObject({
    state: 'pending',
    attempts: [],
  })
  expect((await type(`source resume ${bridge.sourceId} --yes`, env)).code).toBe(0)
  expect(await run.ended(owed)).toMatchObject({ state: 'complete' })
  expect(await type(`source resume ${bridge.sourceId} --yes`, env)).toMatchObject({
    code: 1,
    noted: expect.stringContaining('has not stopped'),
  })
  await run.readAll()
  expect(await mirrored(run)).toEqual(await held(run))
  await using api = await serveApi(bridge)
  const { body } = await api.ask('GET', '/sync_status')
  expect(body.data).toMatchObject([{ write_status: 'green', write_reason: null, set_aside: 0 }])

  await expectAside(run, env)
}, 120_000)

/** A row that cannot be read is counted and listed, and no longer once it can. */
async function expectAside(run: FaultBridge, env: Record<string, string>): Promise<void> {
  const { bridge } = run
  await run.dial({ faults: [{ kind: 'poisoned_row', always: true }] })
  const patientId = await newPatient(bridge)
  const { id } = await book(bridge, { patientId, start: run.nextStart() })
  await run.ended(id)
  const show = async () => JSON.parse((await type(`source show ${bridge.sourceId} --json`, env)).said)
  const [aside] = await until('a row set aside', [], async () => {
    await bridge.pulled()
    const { set_aside } = await show()
    return set_aside.length > 0 ? set_aside : null
  })
  expect(aside).toMatchObject({ noun: 'appointment', reason: expect.stringMatching(/\w/) })
  await run.dial({})
  await run.readAll()
  expect((await show()).set_aside).toEqual([])
  expect((await bridge.tenant((tx) => findDataSource(tx, bridge.sourceId)))?.read_status).toBe('green')
}
