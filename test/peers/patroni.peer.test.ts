/** Three nodes with a synchronous standby: the primary is killed under load, with its Patroni, and comes back as a standby. */
import { expect, it } from 'vitest'
import { type Load, POOL_SIZE, underLoad } from '../soak/rolling-run.ts'
import { openRollingStage, type RollingStage, until } from '../soak/rolling-stage.ts'
import { atDatabase } from '../support/database-url.ts'
import { openMigrated } from '../support/restartable-server.ts'
import { type PatroniCluster, startPatroni } from './patroni/start-patroni.ts'
import { startPgBouncer } from './pgbouncer/start-pgbouncer.ts'

const SEED = Number(process.env.SEED ?? 20261122)
const PASSWORD = 'a-made-up-password'
/** Accepted before the trouble, after the failover, and before the end. */
const ACCEPTED = 25

/** Kills the primary, waits for another that takes bookings, and for the killed node to follow it. */
async function failOver(cluster: PatroniCluster, { ground }: RollingStage, load: Load) {
  const { tally, away } = ground
  const goOn = async (): Promise<void> => {
    const enough = tally.accepted + ACCEPTED
    await until('bookings', async () => load.isOver || tally.accepted >= enough)
  }
  await goOn()
  const killed = (await cluster.primary()) ?? ''
  const standbys = await cluster.synchronous()
  away.now = true
  const began = performance.now()
  cluster.kill(killed)
  const promoted = await until('another primary', async () => {
    const primary = await cluster.primary()
    return primary === killed ? null : primary
  })
  const before = tally.accepted
  await until('a booking after the failover', async () => load.isOver || tally.accepted > before)
  const seconds = Math.round((performance.now() - began) / 1_000)
  cluster.start(killed)
  await cluster.ready()
  away.now = false
  away.times++
  await goOn()
  return { seconds, standbys, promoted }
}

it(`promotes the synchronous standby when the primary is killed under load, and loses nothing (seed ${SEED})`, async () => {
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(await startPatroni())
  const login = new URL(atDatabase(cluster.url, { login: 'slotbridge' }))
  login.password = PASSWORD
  const t = stack.use(
    await openMigrated(cluster.url, login.href, (look) =>
      look(`alter role slotbridge password '${PASSWORD}'`),
    ),
  )
  const pgbouncer = stack.use(await startPgBouncer(login.href, POOL_SIZE, cluster.runAs))
  const stage = await openRollingStage(t, { pooledUrl: pgbouncer.url, each: 2 }, stack)
  const judged = await underLoad(stage, SEED, (load) => failOver(cluster, stage, load))
  const { findings, logged, standbys, promoted, seconds, ...counts } = judged
  console.info(`accepting again after ${seconds} s`, JSON.stringify(counts), logged)
  expect(findings).toEqual([])
  expect(standbys).toContain(promoted)
  const { lost, twice, misreported, events_lost, events_twice, untold } = counts
  expect({ lost, twice, misreported, events_lost, events_twice, untold }).toEqual({
    ...{ lost: 0, twice: 0, misreported: 0, events_lost: 0, events_twice: 0, untold: 0 },
  })
  expect(counts.accepted).toBe(counts.as_asked)
  expect(counts.accepted).toBeGreaterThanOrEqual(2 * ACCEPTED)
}, 900_000)
