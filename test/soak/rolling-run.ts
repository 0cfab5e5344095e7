/**
 * Three api and three worker processes behind PgBouncer under mixed load. Each is told to stop, and later killed, and
 * started again, in turn; PostgreSQL is restarted once. Judged from the practice's own journal, and from the clients' own list
 * of what was accepted.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dice, dice } from '../../src/sandbox/random.ts'
import { startPgBouncer } from '../peers/pgbouncer/start-pgbouncer.ts'
import { type RestartableDatabase, restartableDatabase } from '../support/restartable-server.ts'
import { planRequests } from './crash-plan.ts'
import { type Body, type Ground, liveThrough, readOn } from './rolling-client.ts'
import { type Asked, judgeLoad, type RollingCounts, settled } from './rolling-judge.ts'
import { openRollingStage, type RollingStage, supplies, until } from './rolling-stage.ts'
import type { Serving } from './serve-processes.ts'

export interface Judged extends RollingCounts {
  findings: string[]
  logged: string[]
}

const CLIENTS = 5
/** Fewer than one process would open by itself: all of them share it. */
export const POOL_SIZE = 12
/** More than can be asked for in the longest run. */
const REQUESTS_MAX = 6_000
/** Between the start of one process and the end of the next, so much is accepted at least. */
const ACCEPTED_BETWEEN = 4

export interface RollingOptions {
  /** The load goes on at least so long, and until every process was stopped and killed. */
  seconds: number
  /** Processes of each role. */
  each: number
}

export async function runRolling(seed: number, { seconds, each }: RollingOptions) {
  await using stack = new AsyncDisposableStack()
  const t = stack.use(await restartableDatabase())
  const pgbouncer = stack.use(await startPgBouncer(t.url, POOL_SIZE))
  const stage = await openRollingStage(t, { pooledUrl: pgbouncer.url, each }, stack)
  const deadline = Date.now() + seconds * 1_000
  return await underLoad(stage, seed, (load) => rollAll(stage, t, dice(seed, 'trouble'), load, deadline))
}

/** Told to whoever makes trouble: whether the clients have ended, which they do by themselves where one of them fails. */
export interface Load {
  isOver: boolean
}

/** Clients ask and read until `trouble` has been made; then everything comes to rest, and is judged. */
export async function underLoad<T>(
  stage: RollingStage,
  seed: number,
  trouble: (load: Load) => Promise<T>,
): Promise<Judged & T> {
  const { ground } = stage
  const load: Load = { isOver: false }
  const end = (): void => {
    load.isOver = true
  }
  const asked: Asked[] = []
  const plan = planRequests(dice(seed, 'rolling'), REQUESTS_MAX, await supplies(stage))
  const clients = Array.from({ length: CLIENTS }, async (_, number) => {
    const own = dice(seed, 'client', number)
    for (let planned = plan.shift(); planned && !load.isOver; planned = plan.shift())
      asked.push({ planned, id: await liveThrough(ground, own, planned, `${seed}-${plan.length}`) })
  })
  const parts = [
    Promise.all(clients).finally(end),
    readAlong(ground, dice(seed, 'reader'), load).finally(end),
    trouble(load).finally(end),
  ] as const
  // All come to their end before anything is taken away from under them.
  await Promise.allSettled(parts)
  const [, events, troubled] = await Promise.all(parts)
  await settled(stage)
  events.push(...(await readOn(ground, dice(seed, 'rest'), events.at(-1)?.cursor ?? null)))
  return { ...(await judgeLoad(stage, asked, events)), ...troubled }
}

async function readAlong(ground: Ground, throws: Dice, load: Load): Promise<Body[]> {
  const events: Body[] = []
  while (!load.isOver) {
    events.push(...(await readOn(ground, throws, events.at(-1)?.cursor ?? null)))
    await sleep(200)
  }
  return events
}

/** Each process is told to stop, then each is killed; PostgreSQL restarts in between. Goes on until the time is up. */
async function rollAll(
  { processes, ground }: RollingStage,
  t: RestartableDatabase,
  throws: Dice,
  load: Load,
  deadline: number,
): Promise<{ stopped: number; killed: number }> {
  const counts = { stopped: 0, killed: 0 }
  const roll = async (one: Serving, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const enough = ground.tally.accepted + ACCEPTED_BETWEEN
    await until('bookings between two restarts', async () => load.isOver || ground.tally.accepted >= enough)
    const code = await one.end(signal)
    if (signal === 'SIGKILL') counts.killed++
    else counts.stopped++
    if (signal === 'SIGTERM' && code !== 0)
      ground.tally.findings.push(`${one.role} was stopped and ended ${code}`)
    await one.start()
  }
  for (const one of processes) await roll(one, 'SIGTERM')
  await restartDatabase(t, ground)
  for (const one of processes) await roll(one, 'SIGKILL')
  while (Date.now() < deadline)
    await roll(throws.pick(processes), throws.pick(['SIGTERM', 'SIGKILL'] as const))
  return counts
}

/** The database counts as away until every api process says that it is ready. */
async function restartDatabase(t: RestartableDatabase, ground: Ground): Promise<void> {
  const met = ground.tally.unavailable
  ground.away.now = true
  await t.stopServer()
  await until('an answer without the database', async () => ground.tally.unavailable > met)
  await t.startServer()
  for (const url of ground.urls())
    await until('a process to be ready again', () =>
      fetch(`${url}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    )
  ground.away.now = false
  ground.away.times++
}
