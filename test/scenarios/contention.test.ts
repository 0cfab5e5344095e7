/** Few of many at once; `npm run test:soak -- --only contention` has five hundred, three servers and eight installations. */
import { expect, inject, it } from 'vitest'
import { openContention } from '../soak/contention-run.ts'

const SEED = Number(process.env.SEED ?? 3)
const REQUESTS = 30

it(`puts nothing over what stands when ${REQUESTS} ask for one slot at once, and two installations and the desk book too (seed ${SEED})`, async () => {
  const ground = { serverUrl: inject('serverUrl'), template: inject('template') }
  await using contention = openContention(ground, { requests: REQUESTS, installations: 2, servers: 2 })
  const result = await contention.run(SEED)
  expect(result).toMatchObject({ findings: [], over: 0, untyped: 0 })
  expect(result.refused + result.accepted).toBe(result.asked)
  expect(result.complete + result.beaten).toBe(result.accepted)
  expect(result.refused).toBeGreaterThan(0)
}, 300_000)
