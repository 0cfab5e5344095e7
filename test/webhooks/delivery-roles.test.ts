/** What of deliveries a role of the database can see. */
import { expect, it } from 'vitest'
import { inTenant, inWork } from '../../src/db/database.ts'
import { listDeliveries } from '../../src/store/delivery-log.ts'
import { until } from '../support/until.ts'
import { startReceiver, startTelling } from './telling.ts'

it('the work role sees who is owed something, and no delivery; another institution neither', async () => {
  await using telling = await startTelling()
  await using receiver = await startReceiver()
  receiver.answer(() => ({ status: 500 }))
  await telling.endpoint(receiver.url)
  await telling.change(7, 'secret words')
  await until('an attempt', async () => receiver.received.length === 1)
  const { database } = telling.t
  const lanes = await inWork(database, ({ db }) => db.selectFrom('delivery_lanes').selectAll().execute())
  expect(lanes).toMatchObject([{ lane: 'Appointment/7', institution_id: telling.institutionId }])
  for (const table of ['deliveries', 'delivery_attempts', 'webhook_endpoints', 'events'] as const)
    await expect(inWork(database, ({ db }) => db.selectFrom(table).select('id').execute())).rejects.toThrow(
      /permission denied/,
    )
  const other = await telling.t.look(
    "insert into institutions (subdomain, name) values ('other', 'Other') returning id",
  )
  await telling.t.look(
    'insert into institution_keys select $1, wrapped_key from institution_keys where institution_id = $2',
    [other[0].id, telling.institutionId],
  )
  const seen = await inTenant(database, Number(other[0].id), (tx) =>
    listDeliveries(tx, { accountId: null }, { limit: 10 }),
  )
  expect(seen).toEqual([])
})
