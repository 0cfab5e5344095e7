/** The pace of a record system: nobody asks it faster than it wants, over any number of processes, and nobody before it wants. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Unavailable } from '../../src/connectors/connector.ts'
import { inTenant } from '../../src/db/database.ts'
import { openPool } from '../../src/db/pool.ts'
import { closeSource, takeTurn } from '../../src/store/source-pace.ts'
import { heedRetryAfter, type InTenant, paceOf, refuseWhileClosed } from '../../src/sync/pace.ts'
import { setUpPractice } from '../support/bridge.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let t: TestDatabase
let sourceId: number
let institutionId: number
let run: InTenant

beforeAll(async () => {
  t = await testDatabase()
  const configuration = { url: 'http://127.0.0.1:1', key: 'k' }
  const practice = await setUpPractice(t, { connector: 'sandbox', configuration })
  ;({ sourceId, institutionId } = practice)
  run = (act) => inTenant(t.database, institutionId, act)
})
afterAll(async () => {
  await t?.[Symbol.asyncDispose]()
})

it('has one request on its way at a time, and leaves the space between two after each answer', async () => {
  // As in two processes: each knows nothing of the other but the database.
  const pool = openPool({ url: t.url, max: 4, prepare: true, applicationName: 'test other' })
  const other = { ...t.database, pool }
  const paces = [run, ((act) => inTenant(other, institutionId, act)) as InTenant].map((one) =>
    paceOf({ id: sourceId, requests_per_second: 20 }, one),
  )
  const calls: { began: number; ended: number }[] = []
  const call = async () => {
    const began = Date.now()
    await sleep(15)
    calls.push({ began, ended: Date.now() })
  }
  try {
    await Promise.all(Array.from({ length: 16 }, (_, at) => paces[at % 2]?.(call)))
  } finally {
    await pool.end()
  }
  expect(calls).toHaveLength(16)
  for (const [at, { ended }] of calls.entries()) {
    const next = calls[at + 1]
    // A millisecond is lost to rounding at either end.
    if (next) expect(next.began - ended).toBeGreaterThanOrEqual(48)
  }
})

it('lets everyone ask at once where no limit is known', async () => {
  const pace = paceOf({ id: sourceId, requests_per_second: null }, () => {
    throw new Error('nobody need be asked')
  })
  let running = 0
  let most = 0
  const call = async () => {
    running += 1
    most = Math.max(most, running)
    await sleep(10)
    running -= 1
  }
  await Promise.all([pace(call), pace(call), pace(call)])
  expect(most).toBe(3)
})

it('gives the turn of a request that failed to the next, and that of a holder that died when its time runs out', async () => {
  const pace = paceOf({ id: sourceId, requests_per_second: 1000 }, run)
  await expect(pace(() => Promise.reject(new Error('cut')))).rejects.toThrow('cut')
  expect(await pace(() => Promise.resolve('next'))).toBe('next')
  await sleep(5)
  expect(await run((tx) => takeTurn(tx, sourceId, 60_000))).toHaveProperty('held')
  expect(await run((tx) => takeTurn(tx, sourceId, 60_000))).toHaveProperty('waitMs')
  await t.look('update data_sources set next_call_at = clock_timestamp()')
  expect(await run((tx) => takeTurn(tx, sourceId, 1))).toHaveProperty('held')
})

it('asks nothing of a system before the time that it named, whoever heard it', async () => {
  const error = new Unavailable('busy', 90_000)
  const until = await run((tx) => heedRetryAfter(tx, sourceId, error))
  expect(until).not.toBeNull()
  await expect(run((tx) => refuseWhileClosed(tx, sourceId))).rejects.toThrow(Unavailable)
  expect(await run((tx) => takeTurn(tx, sourceId, 1))).toHaveProperty('waitMs')
  // A shorter wait that somebody else was told takes nothing from it.
  await run((tx) => closeSource(tx, sourceId, 1_000))
  await t.moveClock(80_000)
  await expect(run((tx) => refuseWhileClosed(tx, sourceId))).rejects.toThrow(Unavailable)
  await t.moveClock(95_000)
  await run((tx) => refuseWhileClosed(tx, sourceId))
  expect(await run((tx) => heedRetryAfter(tx, sourceId, new Unavailable('away')))).toBeNull()
})
