/** `bench tenants`: how late the polls of many data sources begin, and whether those that never answer make the others later. */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { inTenant } from '../db/database.ts'
import type { Installation } from '../installation.ts'
import { SANDBOX_KEY } from '../sandbox/key.ts'
import { updateDataSource } from '../store/data-sources.ts'
import { type Spread, spreadOf } from './bench-figures.ts'
import { analyze, connectAsOwner, environmentOf, openOwn } from './bench-own.ts'
import { startSilent } from './bench-silent.ts'
import { type SeededTenants, seedTenants, startEmptyPractice } from './bench-tenants-seed.ts'
import type { Command, Input } from './command.ts'
import { asJson, showMade } from './output.ts'
import { type OwnProcess, startOwn } from './own-process.ts'
import { table } from './terminal.ts'

const TENANTS = 2_000
const SILENT = 200
const POLL_SECONDS = 60
const RUNS = 5
const LOAD_MAX_MS = 1_800_000
const MEGABYTE = 1024 * 1024

export const benchTenants: Command = {
  name: 'bench tenants',
  about: 'Measure how late one worker polls many data sources, without and with some that never answer',
  options: {
    tenants: {
      type: 'string',
      value: '<n>',
      about: `Tenants, each with a data source (default ${TENANTS.toLocaleString('en')})`,
    },
    silent: { type: 'string', value: '<n>', about: `Of them, how many fall silent (default ${SILENT})` },
    poll: { type: 'string', value: '<seconds>', about: `Between two polls (default ${POLL_SECONDS})` },
    runs: { type: 'string', value: '<n>', about: `Without and with them, in turn (default ${RUNS})` },
    ...asJson,
  },
  details: [
    'One worker process, a database and a simulated practice of its own. A run takes two intervals between polls.',
    'Late: between the start of a poll and the one before it, less the interval. Those that answer alone are counted.',
  ].join('\n'),
  run,
}

interface Bench {
  installation: Installation
  look: pg.Client
  worker: OwnProcess
  seeded: SeededTenants
  practiceUrl: string
  pollMs: number
}

async function run(input: Input): Promise<number> {
  const { terminal, values } = input
  const tenants = values.whole('tenants', 2, 20_000) ?? TENANTS
  const silent = values.whole('silent', 1, tenants - 1) ?? Math.min(SILENT, Math.ceil(tenants / 10))
  const pollSeconds = values.whole('poll', 1, 3_600) ?? POLL_SECONDS
  const runs = values.whole('runs', 1, 100) ?? RUNS
  await using stack = new AsyncDisposableStack()
  const installation = await openOwn(stack, input)
  const look = await connectAsOwner(installation)
  stack.defer(() => look.end())
  const practiceUrl = await startEmptyPractice(stack)
  const nobody = stack.use(await startSilent())
  terminal.note(`Making ${tenants} tenants ...`)
  const seeded = await seedTenants(installation.database, practiceUrl, { tenants, silent, pollSeconds })
  await analyze(installation)
  const worker = stack.use(startOwn(['serve', '--role', 'worker'], environmentOf(installation)))
  const bench: Bench = { installation, look, worker, seeded, practiceUrl, pollMs: pollSeconds * 1000 }
  terminal.note('Loading them ...')
  await untilLoaded(bench)
  const rows: Measured[] = []
  for (let n = 0; n < runs * 2; n++) {
    const isSilent = n % 2 === 1
    terminal.note(`${isSilent ? 'With' : 'Without'} ${silent} that never answer ...`)
    await turn(bench, isSilent ? `http://127.0.0.1:${nobody.port}` : practiceUrl)
    rows.push(await measure(bench, isSilent))
  }
  showMade(input, { tenants, silent, poll_seconds: pollSeconds, runs: rows }, textOf(rows, silent))
  return 0
}

function textOf(rows: Measured[], silent: number): string {
  const headings = ['silent', 'polls', 'late ms p50', 'p99', 'max', 'CPU ms/poll', 'transactions/poll', 'MB']
  const cells = rows.map(({ late, ...row }) => [
    row.is_silent ? silent : 0,
    late.n,
    Math.round(late.p50),
    Math.round(late.p99),
    Math.round(late.max),
    row.cpu_ms_per_poll,
    row.transactions_per_poll,
    row.memory_mb,
  ])
  return table(headings, cells)
}

export async function untilLoaded({
  look,
  worker,
  seeded,
}: Pick<Bench, 'look' | 'worker' | 'seeded'>): Promise<void> {
  const all = seeded.living.length + seeded.silent.length
  const until = performance.now() + LOAD_MAX_MS
  for (;;) {
    worker.mustRun()
    const { rows } = await look.query(
      'select count(*)::int as n from data_sources where loaded_at is not null',
    )
    if (rows[0].n === all) return
    if (performance.now() > until) throw new Error(`Only ${rows[0].n} of ${all} data sources were loaded.`)
    await sleep(200)
  }
}

/** Points those that fall silent there, and has them polled at once: they all fall silent together. */
export async function turn(
  { installation, look, seeded }: Pick<Bench, 'installation' | 'look' | 'seeded'>,
  url: string,
): Promise<void> {
  const { rows } = await look.query<{ id: string; institution_id: string }>(
    'select id, institution_id from data_sources where id = any($1)',
    [seeded.silent],
  )
  for (const { id, institution_id } of rows)
    await inTenant(installation.database, Number(institution_id), (tx) =>
      updateDataSource(tx, Number(id), { configuration: { url, key: SANDBOX_KEY } }),
    )
}

interface Measured {
  is_silent: boolean
  /** Milliseconds. */
  late: Spread
  /** Of the worker, for a poll that was answered. */
  cpu_ms_per_poll: number
  /** Of everybody on the database. */
  transactions_per_poll: number
  /** The most seen. */
  memory_mb: number
}

async function measure(bench: Bench, isSilent: boolean): Promise<Measured> {
  const { look, worker, seeded, pollMs } = bench
  const transactions = async () => {
    const { rows } = await look.query(
      'select xact_commit::int as n from pg_stat_database where datname = current_database()',
    )
    return rows[0].n as number
  }
  const last = new Map<number, number>()
  const late: number[] = []
  let memory = 0
  let polls = 0
  const readStarts = async () => {
    const { rows } = await look.query(
      'select id::int, extract(epoch from pull_started_at)::float8 * 1000 as at from data_sources where id = any($1)',
      [seeded.living],
    )
    for (const { id, at } of rows as { id: number; at: number }[]) {
      const before = last.get(id)
      last.set(id, at)
      if (before === undefined || before === at) continue
      polls += 1
      late.push(at - before - pollMs)
    }
    memory = Math.max(memory, worker.memory())
  }
  await readStarts()
  const [cpuBefore, before] = [worker.cpuSeconds(), await transactions()]
  const until = performance.now() + 2 * pollMs
  while (performance.now() < until) {
    worker.mustRun()
    // Often enough to see every poll.
    await sleep(pollMs / 4)
    await readStarts()
  }
  const perPoll = (amount: number) => Math.round((amount / Math.max(polls, 1)) * 10) / 10
  return {
    is_silent: isSilent,
    late: spreadOf(late),
    cpu_ms_per_poll: perPoll((worker.cpuSeconds() - cpuBefore) * 1000),
    transactions_per_poll: perPoll((await transactions()) - before),
    memory_mb: Math.round(memory / MEGABYTE),
  }
}
