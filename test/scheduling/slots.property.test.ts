import { expect, it } from 'vitest'
import { compareRandom } from './random-schedules.ts'

/** `SLOTS_SEED` runs another; a failure prints the seed it ran with. */
const seed = Number(process.env.SLOTS_SEED ?? 20261122)
const RUNS = 2000

it(`the engine agrees with the oracle on ${RUNS} random schedules (seed ${seed})`, () => {
  // Schedules that offer nothing would agree about nothing.
  expect(compareRandom(seed, RUNS)).toBeGreaterThan(RUNS)
})
