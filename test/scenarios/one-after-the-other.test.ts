/** Changes that come while an earlier one of the same appointment is still owed. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { changeAppointment } from '../../src/booking/change.ts'
import { book, freeStarts, newPatient, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge } from '../support/bridge.ts'

let bridge: Bridge
let starts: string[]
beforeAll(async () => {
  bridge = await startBridge()
  starts = await freeStarts(bridge, await somePlace(bridge), 30)
})
afterEach(async () => {
  await bridge.stopWorker()
  bridge.startWorker()
})
afterAll(async () => await bridge?.[Symbol.asyncDispose]())

const nextStart = () => new Date(starts.shift() ?? '').toISOString()
const change = async (id: number, fields: Record<string, unknown>, version: 'v2' | 'v3' = 'v3') =>
  await bridge.tenant((tx) =>
    changeAppointment(tx, { apiKeyId: bridge.apiKeyId, appointmentId: id, version, fields }),
  )
const booked = async (start = nextStart()) =>
  (await book(bridge, { patientId: await newPatient(bridge), start })).id

/** An appointment that stands in the record system, and a worker that has stopped. */
async function written() {
  const id = await booked()
  await bridge.settled(id)
  await bridge.stopWorker()
  return id
}

it('keeps the time of an owed move taken under a local edit, and shows it again when the edit is undone', async () => {
  const id = await written()
  const owed = nextStart()
  const local = nextStart()
  await change(id, { start_time: owed })
  await change(id, { start_time: local }, 'v2')
  expect((await bridge.appointment(id)).start_time).toBe(local)
  await expect(booked(owed)).rejects.toMatchObject({ code: 'slot_taken' })
  // Nothing is written, so that the pull comes first.
  await bridge.t.look('update data_sources set writing_stopped_at = now()')
  bridge.startWorker()
  await bridge.pulled()
  expect((await bridge.appointment(id)).start_time).toBe(owed)
  await bridge.t.look('update data_sources set writing_stopped_at = null')
  await bridge.t.look(`insert into wakes (work_id) select id from work where kind = 'push'`)
  expect((await bridge.settled(id)).start_time).toBe(owed)
})
