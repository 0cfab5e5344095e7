/** A few sequences of lossless reading; `npm run test:soak -- --only reading` has a thousand. */
import { expect, inject, it } from 'vitest'
import { openReadingGround } from '../soak/reading-ground.ts'
import { runReading } from '../soak/reading-run.ts'

const [, FIRST = 1, LAST = 6] = (/^(\d+)\.\.(\d+)$/.exec(process.env.SEEDS ?? '') ?? []).map(Number)

it(`mirrors the practice after whatever its feed has told (seeds ${FIRST} to ${LAST}), where a naive cursor does not`, async () => {
  await using ground = await openReadingGround({
    serverUrl: inject('serverUrl'),
    template: inject('template'),
  })
  let naiveWrong = 0
  let faults = 0
  for (let seed = FIRST; seed <= LAST; seed += 1) {
    const result = await runReading(ground, seed)
    expect({ seed, differing: result.differing }).toEqual({ seed, differing: [] })
    expect(result.compared).toBeGreaterThan(100)
    naiveWrong += result.naive_wrong
    faults += result.faults
  }
  expect(naiveWrong).toBeGreaterThan(0)
  expect(faults).toBeGreaterThan(0)
}, 600_000)
