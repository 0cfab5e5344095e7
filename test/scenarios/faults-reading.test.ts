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
