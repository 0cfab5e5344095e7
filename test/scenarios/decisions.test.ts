/** The rows of the decision table that only a whole bridge can prove. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Api, serveApi } from '../support/api.ts'
import { book, freeStarts, newPatient, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge } from '../support/bridge.ts'
import { until } from '../support/until.ts'

let bridge: Bridge
let api: Api
let starts: string[]
beforeAll(async () => {
  bridge = await startBridge()
  api = await serveApi(bridge)
  starts = await freeStarts(bridge, await somePlace(bridge), 20)
})
afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  await bridge?.[Symbol.asyncDispose]()
})

const deskBook = (start: string) =>
  bridge.practice('POST', '/desk/book', {
    chair_id: '1',
    begins: new Date(start).toISOString(),
    overbook: true,
  })
const eventsOf = async (id: number) =>
  (await bridge.events()).filter(
    (event) => (event.body.appointment as { id?: number } | undefined)?.id === id,
  )

it('decision 8: a failed insertion leaves a cancelled appointment without a foreign id that says why', async () => {
  await bridge.stopWorker()
  const start = starts.shift() ?? ''
  const { id } = await book(bridge, { patientId: await newPatient(bridge), start })
  await deskBook(start)
  bridge.startWorker()
  await bridge.settled(id)
  const { body } = await api.ask('GET', `/appointments/${id}`)
  expect(body.data).toMatchObject({
    cancelled: true,
    foreign_id: null,
    insertion: { status: 'failed', code: 'slot_taken', retriable: false, attempts: 1 },
  })
  expect(body.data.cancelled_at).not.toBeNull()
  expect(body.data.insertion.message).toMatch(/\w+/)
})

it('decision 8: an insertion that was never reached ends timed_out when its start has passed', async () => {
  await bridge.stopWorker()
  const { id } = await book(bridge, { patientId: await newPatient(bridge), start: starts.shift() ?? '' })
  await bridge.t.moveClock(60 * 24 * 3_600_000)
  bridge.startWorker()
  const row = await bridge.settled(id)
  await bridge.t.moveClock(0)
  expect(row).toMatchObject({
    cancelled: true,
    foreign_id: null,
    insertion: { status: 'timed_out', code: 'deadline_passed' },
  })
  expect((await eventsOf(id)).map((event) => event.name)).toContain('appointment_insertion.timed_out')
})

it('decision 13: a patient keeps its id when the record system takes it up', async () => {
  const patientId = await newPatient(bridge)
  const before = (await api.ask('GET', `/patients/${patientId}`)).body.data
  expect(before).toMatchObject({ id: patientId, foreign_id: null })
  const { id } = await book(bridge, { patientId, start: starts.shift() ?? '' })
  await bridge.settled(id)
  await bridge.pulled()
  const after = (await api.ask('GET', `/patients/${patientId}`)).body.data
  expect(after.id).toBe(patientId)
  expect(after.foreign_id).toMatch(/^\d+$/)
  expect((await api.ask('GET', `/appointments/${id}`)).body.data.patient_id).toBe(patientId)
})

it('decision 28: a change that could not be made is told with the values from before, and shown no longer', async () => {
  const { id } = await book(bridge, {
    patientId: await newPatient(bridge),
    start: starts.shift() ?? '',
    note: 'first',
  })
  const { foreign_id } = await bridge.settled(id)
  await bridge.stopWorker()
  await api.ask('PATCH', `/appointments/${id}`, { appt: { note: 'ours' } }, 'v20240412')
  await bridge.practice('POST', '/desk/remark', { visit_id: foreign_id, remark: 'theirs' })
  bridge.startWorker()
  await bridge.settled(id)
  await bridge.pulled()
  expect((await bridge.appointment(id)).note).toBe('theirs')
  const failed = (await eventsOf(id)).find((event) => event.name === 'appointment_updated.failed')
  expect(failed?.body).toMatchObject({ previous_attributes: { note: 'ours' } })
  const { body } = await api.ask('GET', `/appointments/${id}/writes`)
  expect(body.data.at(-1)).toMatchObject({ kind: 'note', status: 'failed', code: 'changed_meanwhile' })
})

it('tells once when an insertion is not written within the promise of its location', async () => {
  await bridge.stopWorker()
  const { id } = await book(bridge, { patientId: await newPatient(bridge), start: starts.shift() ?? '' })
  // The practice goes away, so that the promise runs out; then it comes back.
  await bridge.t.look(`update data_sources set writing_stopped_at = now()`)
  await bridge.t.moveClock(3 * 3_600_000)
  bridge.startWorker()
  bridge.wake()
  await until('the delay to be told', async () =>
    (await eventsOf(id)).some((event) => event.name === 'appointment_insertion.delayed'),
  )
  await bridge.t.look(`update data_sources set writing_stopped_at = null`)
  await bridge.t.look(`insert into wakes (work_id) select id from work where kind = 'push'`)
  const row = await bridge.settled(id)
  await bridge.t.moveClock(0)
  expect(row.insertion?.status).toBe('complete')
  const names = (await eventsOf(id)).map((event) => event.name)
  expect(names.filter((name) => name === 'appointment_insertion.delayed')).toHaveLength(1)
  expect(names).toContain('appointment_insertion.complete')
})
