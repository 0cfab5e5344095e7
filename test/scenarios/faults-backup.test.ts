/** The practice restores a backup: writing stops, the mirror follows, and ids that are given out again mean what they mean now. */
import { expect, it } from 'vitest'
import { findPatient } from '../../src/store/patients.ts'
import { listOwed } from '../../src/store/writes.ts'
import { until } from '../support/bridge.ts'
import { held, mirrored, outcomeOf, startFaultBridge } from './fault-run.ts'
import { EXPECTED } from './fault-table.ts'

it('ends as the table says under the fault backup_restored, stops writing, and mirrors what is there now', async () => {
  await using run = await startFaultBridge()
  const { bridge } = run
  await run.dial({ faults: [{ kind: 'backup_restored', ms: 600_000 }] })
  const lost = await run.booked()
  const before = await run.ended(lost.id)
  const { foreign_id } = await bridge.appointment(lost.id)
  await run.readAll()
  await until('the backup', [], async () => {
    await run.pass(20_000)
    const { body } = await bridge.practice('GET', '/faults')
    return body.waiting === 0 ? true : null
  })
  // The id that ours had is given to somebody else's visit.
  const begins = new Date(run.nextStart()).toISOString()
  const other = await bridge.practice('POST', '/desk/book', { person_id: '9', chair_id: '1', begins })
  expect((other.body.visit as { visit_id: string }).visit_id).toBe(foreign_id)
  await run.readAll()
  expect(before).toMatchObject({ state: 'complete' })
  expect(await outcomeOf(run, lost.id, lost.patientId, await run.journal())).toEqual(EXPECTED.backup_restored)
  const [source] = await bridge.t.look(
    'select write_status, write_reason, writing_stopped_at from data_sources',
  )
  expect(source).toMatchObject({ write_status: 'red', write_reason: expect.stringContaining('backup') })
  expect(source.writing_stopped_at).not.toBeNull()
  expect(await mirrored(run)).toEqual(await held(run))
  expect(await bridge.appointment(lost.id)).toMatchObject({
    deleted: true,
    cancelled: true,
    foreign_id: null,
  })
  // The id that our new patient had is given to a stranger.
  const patientBefore = await bridge.tenant((tx) => findPatient(tx, lost.patientId))
  const stranger = await bridge.practice('POST', '/desk/book', {
    chair_id: '1',
    begins: new Date(run.nextStart()).toISOString(),
    person: { first_name: 'Hal', last_name: 'Fremd', birth_date: '1944-04-04', phone: '5035550177' },
  })
  expect((stranger.body.visit as { person_id: string }).person_id).toBe(patientBefore?.foreign_id)
  await run.readAll()
  // Nobody's data is shown as another's: the stranger is a patient of their own, and ours is none of the practice's any more.
  const { first_name, last_name, birth_date } = patientBefore ?? {}
  expect(await bridge.tenant((tx) => findPatient(tx, lost.patientId))).toMatchObject({
    id: lost.patientId,
    foreign_id: null,
    first_name,
    last_name,
    birth_date,
  })
  const [fremd] = await bridge.t.look("select id, foreign_id from patients where last_name = 'Fremd'")
  expect(fremd.foreign_id).toBe(patientBefore?.foreign_id)
  expect(
    (await bridge.t.look('select foreign_id from appointments where patient_id = $1', [fremd.id])).map(
      (row) => row.foreign_id,
    ),
  ).toEqual([(stranger.body.visit as { visit_id: string }).visit_id])
  const owed = await run.booked()
  await run.pass(10_000)
  await run.readAll()
  expect(await bridge.tenant((tx) => listOwed(tx, 10))).toMatchObject([
    { appointment_id: owed.id, state: 'pending', attempts: [] },
  ])
})
