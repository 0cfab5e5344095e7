/** Setting a practice up in the order that people do: the data source first, its location later. */
import { expect, it } from 'vitest'
import { findDataSource } from '../../src/store/data-sources.ts'
import { createLocation } from '../../src/store/locations.ts'
import { startBridge, until } from '../support/bridge.ts'

it('waits with a reason while a data source has no location, and reads everything for one that is set up later', async () => {
  await using bridge = await startBridge()
  await bridge.t.look('update locations set data_source_id = null')
  await bridge.t.look('update data_sources set loaded_at = null, pull_completed_at = null')
  bridge.wake()
  const source = () => bridge.tenant((tx) => findDataSource(tx, bridge.sourceId))
  await until('the reason', [], async () => {
    const [row] = await bridge.t.look('select read_reason from data_sources')
    return row.read_reason === 'No location of this data source is set up yet.' ? true : null
  })
  const id = await bridge.tenant((tx) =>
    createLocation(tx, { name: 'New', tz: 'America/New_York', data_source_id: bridge.sourceId }),
  )
  bridge.wake()
  await until('the load', [], async () => (await source())?.loaded_at ?? null)
  const [row] = await bridge.t.look('select count(*)::int as n from appointments where location_id = $1', [
    id,
  ])
  expect(row.n).toBeGreaterThan(500)
})
