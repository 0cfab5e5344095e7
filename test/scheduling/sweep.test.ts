import { expect, it } from 'vitest'
import { openZone } from '../../src/scheduling/zone.ts'
import { differenceAround, everyChange } from './clock-changes.ts'

/** Some twelve seconds of one processor; on a busy machine it gets its turn late. */
const SWEEP_MS = 300_000

const changes = everyChange()

it('every zone changes its clocks when the wall says so, from 2020 to 2037', () => {
  expect(changes.length).toBeGreaterThan(4000)
  const wrong = changes.filter(({ zone, at, before, after }) => {
    const known = openZone(zone)
    return known.offsetAt(at - 1) !== before || known.offsetAt(at) !== after
  })
  expect(wrong).toEqual([])
})

it(
  'engine and oracle agree on rules around every change of every zone',
  () => {
    expect(changes.flatMap((change) => differenceAround(change) ?? [])).toEqual([])
  },
  SWEEP_MS,
)
