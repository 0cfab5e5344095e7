import { expect, it } from 'vitest'
import { listDeliveries } from '../../src/store/delivery-log.ts'
import { until } from '../support/until.ts'
import { startReceiver, startTelling } from './telling.ts'

it('sets an event aside that no body can be made of, and delivers the others', async () => {
  await using telling = await startTelling()
  await using receiver = await startReceiver()
  await telling.endpoint(receiver.url)
  // A body that is none at all.
  await telling.tell({
    name: 'appointment_updated',
    resourceType: 'Appointment',
    subjectId: 1,
    body: JSON.parse('null'),
  })
  await telling.change(2, 'moved')
  const rows = () =>
    telling.tenant((tx) => listDeliveries(tx, { accountId: null, state: undefined }, { limit: 10 }))
  await until('both to end', async () => {
    const found = await rows()
    return found.length === 2 && found.every((row) => row.state !== 'pending')
  })
  expect((await rows()).map(({ state, error, attempts }) => ({ state, error, attempts }))).toEqual(
    expect.arrayContaining([
      { state: 'dead', error: 'unshapeable', attempts: 1 },
      { state: 'delivered', error: null, attempts: 1 },
    ]),
  )
  expect(receiver.received.map((one) => one.body.data.appointment.note)).toEqual(['moved'])
})
