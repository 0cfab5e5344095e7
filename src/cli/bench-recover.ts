/** `bench recover`: how soon another worker runs what a killed one held. */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Installation } from '../installation.ts'
import { medianOf } from './bench-figures.ts'
import { connectAsOwner, environmentOf, openOwn } from './bench-own.ts'
import { startSilent } from './bench-silent.ts'
import { turn, untilLoaded } from './bench-tenants.ts'
import { seedTenants, startEmptyPractice } from './bench-tenants-seed.ts'
import type { Command, Input } from './command.ts'
import { asJson, showMade } from './output.ts'
import { type OwnProcess, startOwn } from './own-process.ts'

const RUNS = 5
const LOOK_MS = 20
const PATIENCE_MS = 60_000

export const benchRecover: Command = {
  name: 'bench recover',
  about: 'Measure how soon another worker runs what a worker held that is killed (kill -9)',
  options: {
    runs: { type: 'string', value: '<n>', about: `Workers killed (default ${RUNS})` },
    ...asJson,
  },
  details:
    'The killed worker is within a pull, whose record system answers nothing; from the kill until the other one has the unit.',
  run,
}

async function run(input: Input): Promise<number> {
  const { terminal, values } = input
  const runs = values.whole('runs', 1, 100) ?? RUNS
  await using stack = new AsyncDisposableStack()
  const installation = await openOwn(stack, input)
  const look = await connectAsOwner(installation)
  stack.defer(() => look.end())
  const practiceUrl = await startEmptyPractice(stack)
  const nobody = stack.use(await startSilent())
  const wanted = { tenants: 2, silent: 1, pollSeconds: 1 }
  const seeded = await seedTenants(installation.database, practiceUrl, wanted)
  let holder = stack.use(startWorker(installation))
  await untilLoaded({ look, seeded, worker: holder })
  const took: number[] = []
  for (let n = 1; n <= runs; n++) {
    terminal.note(`Killing worker ${n} of ${runs} ...`)
    await turn({ installation, look, seeded }, `http://127.0.0.1:${nobody.port}`)
    await untilHeld(look, seeded.silent, null)
    // The next one comes up while the unit is held.
    const other = stack.use(startWorker(installation))
    await until(async () => (await countWorkers(look)) === 2, 'The other worker did not start.')
    const held = await untilHeld(look, seeded.silent, null)
    process.kill(holder.pid, 'SIGKILL')
    const killed = performance.now()
    await untilHeld(look, seeded.silent, held)
    took.push(performance.now() - killed)
    await turn({ installation, look, seeded }, practiceUrl)
    await until(async () => (await countWorkers(look)) === 1, 'The killed worker is still there.')
    holder = other
  }
  const { median, least, most } = medianOf(took)
  const result = { ms: { median: Math.round(median), least: Math.round(least), most: Math.round(most) } }
  showMade(
    input,
    result,
    `From kill -9 to the work running elsewhere: median ${result.ms.median} ms (${result.ms.least} to ${result.ms.most}).`,
  )
  return 0
}

const startWorker = (installation: Installation): OwnProcess =>
  startOwn(['serve', '--role', 'worker'], environmentOf(installation))

/** Each listens on a connection of its own. */
async function countWorkers(look: pg.Client): Promise<number> {
  const { rows } = await look.query(
    "select count(*)::int as n from pg_stat_activity where application_name = 'slotbridge listen'",
  )
  return rows[0].n
}

/** Waits until somebody other than `before` holds the pull; answers who. */
async function untilHeld(look: pg.Client, sourceIds: number[], before: string | null): Promise<string> {
  let holder: string | null = null
  await until(async () => {
    const { rows } = await look.query<{ holder: string | null }>(
      "select holder from work where kind = 'pull' and subject_id = any($1)",
      [sourceIds],
    )
    holder = rows[0]?.holder ?? null
    return holder !== null && holder !== before
  }, 'Nobody took the work up.')
  return holder ?? ''
}

async function until(isSo: () => Promise<boolean>, otherwise: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(otherwise)
    await sleep(LOOK_MS)
  }
}
