/** A row that cannot be read at all. Lossless reading through every other lie of the feed is in `lossless.test.ts`. */
import { expect, it } from 'vitest'
import { held, mirrored, startFaultBridge } from './fault-run.ts'

const fault = (kind: string, chance: number, more: Record<string, unknown> = {}) => ({
  kind,
  chance,
  always: true,
  ...more,
})

it('sets a row aside that cannot be read, finishes the window without it, and takes it back when it can', async () => {
  await using run = await startFaultBridge()
  const { bridge } = run
  const aside = async () => (await bridge.t.look('select noun, reason from set_aside')).length
  await run.dial({
    faults: [
      fault('poisoned_row', 1, { on: 'GET /schedule' }),
      // Asked for by itself it cannot be had either.
      fault('error_before', 1, { on: 'GET /visits/' }),
    ],
  })
  await run.readAll()
  expect(await aside()).toBeGreaterThan(0)
  await run.dial({})
  await run.readAll()
  expect(await aside()).toBe(0)
  expect(await mirrored(run)).toEqual(await held(run))
})

it('takes a row back from aside that went with a restored backup, when the practice says so, and not before', async () => {
  await using run = await startFaultBridge()
  const { bridge } = run
  const aside = () => bridge.t.look('select foreign_id from set_aside')
  const [known] = await bridge.t.look('select foreign_id as id from patients limit 1')
  await run.readAll()
  await bridge.practice('POST', '/faults/backup', {})
  // Before it is booked, since a pull may be under way at any moment; a page without rows has none to poison.
  await run.dial({ faults: [fault('poisoned_row', 1, { on: 'GET /changes' })] })
  const begins = new Date(run.nextStart()).toISOString()
  const { body } = await bridge.practice('POST', '/desk/book', { person_id: known.id, chair_id: '1', begins })
  const { visit_id } = body.visit as { visit_id: string }
  await bridge.pulled()
  expect(await aside()).toEqual([{ foreign_id: visit_id }])
  // It was never read, so that no row of ours can be found missing.
  expect(await bridge.t.look('select 1 from appointments where foreign_id = $1', [visit_id])).toEqual([])
  await bridge.practice('POST', '/faults/restore', {})
  await run.dial({ faults: [fault('error_before', 1, { on: 'GET /visits/' })] })
  await run.readAll()
  expect(await aside()).toEqual([{ foreign_id: visit_id }])
  await run.dial({})
  await run.readAll()
  expect(await aside()).toEqual([])
})
