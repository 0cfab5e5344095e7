/** What befalls a crash run, one thing after the other at instants that the seed throws, until all requests are accepted. */
import type { Dice } from '../../src/sandbox/random.ts'
import type { CrashGround } from './crash-run.ts'
import type { Stage } from './crash-stage.ts'
import type { Program } from './programs.ts'

export interface TroubleCounts {
  worker_kills: number
  server_kills: number
  practice_kills: number
  database_restarts: number
  outages: number
  /** Connections lost before or after a message, and answers kept back. */
  cuts: number
}

const CUT_CHANCE = { database: 0.0015, practice: 0.1 }
const PAUSE_MS = { least: 100, spread: 700 }
const OUTAGE_MS = { least: 100, spread: 400 }
/** So often a practice and a database go down at most, of all that befalls a run. */
const PRACTICE_KILLS_MAX = 2
const RESTARTS_MAX = 2
const TROUBLES_FIRST = 4
const REQUESTS_PER_TROUBLE = 3
const LOOK_MS = 30

/** @param progress told by the clients: how many requests were accepted, and when all were */
export async function makeTrouble(
  stage: Stage,
  ground: CrashGround,
  throws: Dice,
  requests: number,
  progress: { accepted: number; isOver: boolean },
): Promise<TroubleCounts> {
  const counts = {
    ...{ worker_kills: 0, server_kills: 0, practice_kills: 0, database_restarts: 0, outages: 0, cuts: 0 },
  }
  const { database, practice } = stage.wires
  database.settings = { throws, chance: CUT_CHANCE.database, maySilence: false }
  practice.settings = { throws, chance: CUT_CHANCE.practice, maySilence: true }
  const restartAt = throws.below(requests)
  // Bounded, so that a slow machine comes to an end too.
  for (let left = TROUBLES_FIRST + Math.floor(requests / REQUESTS_PER_TROUBLE); left > 0; left -= 1) {
    await sleep(PAUSE_MS.least + throws.below(PAUSE_MS.spread))
    await someUp(stage, progress)
    if (progress.isOver) break
    if (counts.database_restarts === 0 && progress.accepted >= restartAt) await restart(ground, counts)
    else await befall(stage, ground, throws, counts)
  }
  while (!progress.isOver) await someUp(stage, progress)
  database.settings = null
  practice.settings = null
  const sum = (cuts: Map<string, number>): number => [...cuts.values()].reduce((all, one) => all + one, 0)
  counts.cuts = sum(database.cuts) + sum(practice.cuts)
  return counts
}

/** Whatever ended starts again; waits until of each sort there is one that is up. */
async function someUp({ programs }: Stage, progress: { isOver: boolean }): Promise<void> {
  const { practice, workers, servers } = programs
  do {
    for (const program of [practice, ...workers, ...servers]) program.ensure()
    await sleep(LOOK_MS)
  } while (
    !progress.isOver &&
    [[practice], workers, servers].some((group) => group.every(({ said }) => said === null))
  )
}

async function befall(
  { programs, wires }: Stage,
  ground: CrashGround,
  throws: Dice,
  counts: TroubleCounts,
): Promise<void> {
  const thrown = throws.below(100)
  if (thrown < 50) counts.worker_kills += await killOne(throws, programs.workers)
  else if (thrown < 70) counts.server_kills += await killOne(throws, programs.servers)
  else if (thrown < 78 && counts.practice_kills < PRACTICE_KILLS_MAX)
    counts.practice_kills += await killOne(throws, [programs.practice])
  else if (thrown < 83 && counts.database_restarts < RESTARTS_MAX) await restart(ground, counts)
  else {
    // One side is away for a while.
    const wire = throws.pick([wires.database, wires.practice])
    wire.isDown = true
    wire.cutAll()
    await sleep(OUTAGE_MS.least + throws.below(OUTAGE_MS.spread))
    wire.isDown = false
    counts.outages += 1
  }
}

/**
 * Kills one of them; mostly one that is up, so that on a slow machine not everybody is for ever starting. Answers how many
 * were killed.
 */
async function killOne(throws: Dice, programs: Program[]): Promise<number> {
  const up = throws.chance(0.1) ? programs : programs.filter(({ said }) => said !== null)
  if (up.length === 0) return 0
  const program = throws.pick(up)
  await program.kill()
  program.ensure()
  return 1
}

async function restart(ground: CrashGround, counts: TroubleCounts): Promise<void> {
  await ground.restart()
  counts.database_restarts += 1
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
