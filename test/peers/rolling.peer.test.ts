/** Many processes behind PgBouncer, restarted and killed in turn under load; `npm run test:soak -- --only rolling` is the long form. */
import { expect, it } from 'vitest'
import { runRolling } from '../soak/rolling-run.ts'

const SEED = Number(process.env.SEED ?? 20261122)

it(`loses nothing and does nothing twice while six processes and the database are restarted in turn (seed ${SEED})`, async () => {
  const { findings, logged, ...counts } = await runRolling(SEED, { seconds: 60, each: 3 })
  console.info(JSON.stringify(counts), logged)
  expect(findings).toEqual([])
  const { lost, twice, misreported, events_lost, events_twice, untold } = counts
  expect({ lost, twice, misreported, events_lost, events_twice, untold }).toEqual({
    ...{ lost: 0, twice: 0, misreported: 0, events_lost: 0, events_twice: 0, untold: 0 },
  })
  expect(counts.accepted).toBe(counts.as_asked)
  expect(counts.stopped).toBeGreaterThanOrEqual(6)
  expect(counts.killed).toBeGreaterThanOrEqual(6)
  expect(counts.unavailable).toBeGreaterThan(0)
}, 600_000)
