/** When a data source is turned to again for its writes. */
import { expect, it } from 'vitest'
import { changeAppointment } from '../../src/booking/change.ts'
import { listDueWrites, nextDeadline, nextDue } from '../../src/store/due-writes.ts'
import { book, freeStarts, newPatient, somePlace } from '../support/booking.ts'
import { startBridge } from '../support/bridge.ts'

it('is when the first write of an appointment is due, whatever waits behind it', async () => {
  await using bridge = await startBridge()
  await bridge.stopWorker()
  const { sourceId, apiKeyId } = bridge
  expect(await bridge.tenant((tx) => nextDue(tx, sourceId))).toBeNull()
  const [start = ''] = await freeStarts(bridge, await somePlace(bridge), 1)
  const { id } = await book(bridge, { patientId: await newPatient(bridge), start })
  const fields = { confirmed: true }
  await bridge.tenant((tx) => changeAppointment(tx, { apiKeyId, appointmentId: id, version: 'v3', fields }))
  const inAnHour = "date_trunc('second', app_now()) + interval '1 hour'"
  const [first] = await bridge.t.look(
    `update writes set next_attempt_at = ${inAnHour} where appointment_id = $1 and kind = 'insert' returning next_attempt_at as at`,
    [id],
  )
  const waits = new Date(String(first?.at)).toISOString()
  expect(await bridge.tenant((tx) => listDueWrites(tx, sourceId, 10))).toEqual([])
  expect(await bridge.tenant((tx) => nextDue(tx, sourceId))).toBe(waits)
  await bridge.t.look("update writes set next_attempt_at = app_now() where kind = 'insert'")
  bridge.startWorker()
  expect(await bridge.settled(id)).toMatchObject({ confirmed: true, insertion: { status: 'complete' } })
  expect(await bridge.tenant((tx) => nextDue(tx, sourceId))).toBeNull()
})

it('is at once for a deadline that passed since the last look, of the first write of an appointment', async () => {
  await using bridge = await startBridge()
  await bridge.stopWorker()
  const { sourceId, apiKeyId } = bridge
  const [start = '', earlier = ''] = (await freeStarts(bridge, await somePlace(bridge), 2)).reverse()
  const inTime = new Date(start).toISOString()
  const { id } = await book(bridge, { patientId: await newPatient(bridge), start })
  expect(await bridge.tenant((tx) => nextDeadline(tx, sourceId))).toBe(inTime)
  const fields = { confirmed: true }
  await bridge.tenant((tx) => changeAppointment(tx, { apiKeyId, appointmentId: id, version: 'v3', fields }))
  const passed = '2026-01-01T00:00:00.000Z'
  await bridge.t.look("update writes set deadline = $1 where kind = 'confirm'", [passed])
  expect(await bridge.tenant((tx) => nextDeadline(tx, sourceId))).toBe(inTime)
  await bridge.t.look("update writes set deadline = $1 where kind = 'insert'", [passed])
  expect(await bridge.tenant((tx) => nextDeadline(tx, sourceId))).toBe(passed)
  await bridge.t.look('delete from wakes')
  const sooner = { start_time: earlier }
  await bridge.tenant((tx) =>
    changeAppointment(tx, { apiKeyId, appointmentId: id, version: 'v3', fields: sooner }),
  )
  expect(await bridge.tenant((tx) => nextDeadline(tx, sourceId))).toBe(new Date(earlier).toISOString())
  const woken = await bridge.t.look('select k.kind from wakes join work k on k.id = work_id')
  expect(woken).toContainEqual({ kind: 'push' })
})
