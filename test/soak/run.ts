/**
 * `npm run test:soak -- --seeds 1..200 --budget 1800 --only crash`: the long runs, one seed at a time, resumable.
 * `npm run test:soak -- --report` adds the results up.
 */
import { parseArgs } from 'node:util'
import type { Ground } from '../support/database.ts'
import { startTestServer } from '../support/server.ts'
import { makeTemplate } from '../support/template.ts'
import { openContention } from './contention-run.ts'
import { loadForCrashes, runCrash } from './crash-run.ts'
import { openReadingGround } from './reading-ground.ts'
import { runReading } from './reading-run.ts'
import { report } from './report.ts'
import { addResult, isKnown, judgedTree, KINDS, type Kind, type ResultLine, readResults } from './results.ts'
import { runRolling } from './rolling-run.ts'

const CRASH_REQUESTS = 50
const CONTENTION = { requests: 500, installations: 8, servers: 3 }
/** A seed takes its five minutes, and PgBouncer: it is played where it is asked for. */
const ROLLING = { seconds: 300, each: 3 }

interface Judged {
  isBad: boolean
  counts: Record<string, number>
  findings: string[]
}

/** Plays one seed. */
type Play = (seed: number) => Promise<Judged>

interface CrashedGround extends Ground {
  restart(): Promise<void>
}

/** What a kind needs is opened when its first seed is played, and kept for the next ones. */
function playsOn(ground: CrashedGround, stack: AsyncDisposableStack): Record<Kind, () => Promise<Play>> {
  return {
    crash: async () => {
      const loaded = stack.use(await loadForCrashes(ground))
      return async (seed) => {
        const { findings, ...counts } = await runCrash(ground, loaded, seed, { requests: CRASH_REQUESTS })
        const isMirrored = !findings.some((text) => text.startsWith('mirror'))
        return { isBad: counts.lost + counts.twice + counts.misreported > 0 || !isMirrored, counts, findings }
      }
    },
    contention: async () => {
      const contention = stack.use(openContention(ground, CONTENTION))
      return async (seed) => {
        const { findings, ...counts } = await contention.run(seed)
        return { isBad: counts.over + counts.untyped > 0, counts, findings }
      }
    },
    reading: async () => {
      const readers = stack.use(await openReadingGround(ground))
      return async (seed) => {
        const { differing, ...counts } = await runReading(readers, seed)
        return { isBad: differing.length > 0, counts, findings: differing }
      }
    },
    rolling: async () => async (seed) => {
      const { findings, logged: _, ...counts } = await runRolling(seed, ROLLING)
      return { isBad: findings.length > 0, counts, findings }
    },
  }
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { seeds: text, budget: text, only: text, results: text, report: { type: 'boolean' } },
  })
  const file = values.results ?? 'soak-results.jsonl'
  if (values.report) {
    for (const line of report(readResults(file))) print(line)
    return 0
  }
  const [, from = 0, to = 0] = (/^(\d+)\.\.(\d+)$/.exec(values.seeds ?? '') ?? []).map(Number)
  const kinds = KINDS.filter((kind) => (values.only ? values.only === kind : kind !== 'rolling'))
  const budgetMs = Number(values.budget ?? 600) * 1000
  if (from < 1 || to < from || kinds.length === 0 || !(budgetMs > 0)) {
    print(
      `usage: --seeds 1..200 [--budget <seconds>] [--only ${KINDS.join('|')}] [--results <file>], or: --report`,
    )
    return 2
  }
  return await runAll(file, kinds, { from, to, until: Date.now() + budgetMs })
}

/** Kinds take turns, seed by seed, until all are judged or the time is up. Answers the exit code. */
async function runAll(
  file: string,
  kinds: Kind[],
  { from, to, until }: { from: number; to: number; until: number },
): Promise<number> {
  const judged = judgedTree()
  const known = readResults(file)
  await using stack = new AsyncDisposableStack()
  const server = await startTestServer()
  stack.defer(() => server.stop())
  const ground = { serverUrl: server.url, template: await makeTemplate(server.url), restart: server.restart }
  const plays = playsOn(ground, stack)
  const opened = new Map<Kind, Play>()
  let isBad = false
  for (let seed = from; seed <= to; seed += 1)
    for (const kind of kinds) {
      if (isKnown(known, judged.tree, kind, seed)) continue
      if (Date.now() > until) {
        print('The time is up; the same command goes on from here.')
        return isBad ? 1 : 0
      }
      const play = opened.get(kind) ?? (await plays[kind]())
      opened.set(kind, play)
      const line = await playOne(play, judged, kind, seed)
      addResult(file, line)
      tell(line)
      isBad ||= line.verdict === 'bad'
    }
  return isBad ? 1 : 0
}

async function playOne(
  play: Play,
  judged: Pick<ResultLine, 'tree' | 'commit'>,
  kind: Kind,
  seed: number,
): Promise<ResultLine> {
  const began = performance.now()
  const seconds = (): number => Math.round((performance.now() - began) / 100) / 10
  try {
    const { isBad, counts, findings } = await play(seed)
    return { ...judged, kind, seed, verdict: isBad ? 'bad' : 'ok', seconds: seconds(), counts, findings }
  } catch (error) {
    // A run that comes to no end proves nothing, and something is wrong with us or with the run.
    const findings = [error instanceof Error ? `${error.name}: ${error.message}` : String(error)]
    return { ...judged, kind, seed, verdict: 'bad', seconds: seconds(), counts: {}, findings }
  }
}

function tell({ kind, seed, verdict, seconds, findings }: ResultLine): void {
  print(`${kind} ${seed}: ${verdict}, ${seconds} s`)
  for (const finding of findings) print(`  ${finding}`)
  if (verdict === 'bad') print(`  again: npm run test:soak -- --seeds ${seed}..${seed} --only ${kind}`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

process.exitCode = await main()
