import { expect, it } from 'vitest'
import { until } from '../support/until.ts'
import { startReceiver, startTelling } from './telling.ts'

it('each attempt of a delivery is audited before it leaves, with the patients that its body names', async () => {
  await using telling = await startTelling()
  await using receiver = await startReceiver()
  const events: [string, string][] = [
    ['Appointment', 'appointment_updated'],
    ['Patient', 'patient_updated'],
    ['Patient', 'patient_merged'],
  ]
  const { id: endpointId } = await telling.endpoint(receiver.url, events)
  const audited = () =>
    telling.t.look(
      'select institution_id::int, kind, request_id, webhook_endpoint_id::int, status, patient_ids::int[] from audit order by id',
    )
  // What was audited when each attempt arrived.
  const known: string[][] = []
  let isRefused = true
  receiver.answer(async () => {
    known.push((await audited()).map(({ request_id }) => request_id))
    const status = isRefused ? 500 : 200
    isRefused = false
    return { status }
  })
  const candidates = [{ patient_id: 14, foreign_id: '9', agrees_on: ['name', 'phone'] }]
  const appointment = { id: 17, patient_id: 11, note: 'x', deleted: false, insertion: { candidates } }
  await telling.tell({
    name: 'appointment_updated',
    resourceType: 'Appointment',
    subjectId: 17,
    body: { appointment },
  })
  await until('the first attempt to fail', async () => known.length === 1)
  await until('it to be tried again', async () => {
    await telling.t.look(`update delivery_lanes set next_attempt_at = app_now() - interval '1 second';
      insert into wakes (work_id) select id from work where kind = 'deliver'`)
    telling.wake()
    return known.length === 2
  })
  const person = { first_name: 'Imani', last_name: 'Okafor' }
  await telling.tell({
    name: 'patient_merged',
    resourceType: 'Patient',
    subjectId: 12,
    body: { patient: { ...person, id: 12, guarantor_id: 13 }, merged_into: 15 },
  })
  await until('the patient to be told', async () => known.length === 3)
  const rows = await audited()
  const row = { institution_id: telling.institutionId, kind: 'delivery', webhook_endpoint_id: endpointId }
  expect(rows).toEqual([
    { ...row, request_id: 'msg_1', status: null, patient_ids: [11, 14] },
    { ...row, request_id: 'msg_1', status: null, patient_ids: [11, 14] },
    { ...row, request_id: 'msg_2', status: null, patient_ids: [12, 13, 15] },
  ])
  expect(known).toEqual([['msg_1'], ['msg_1', 'msg_1'], ['msg_1', 'msg_1', 'msg_2']])
})
