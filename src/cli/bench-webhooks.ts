/** `bench webhooks`: deliveries a second, how soon the first attempt comes, and what a hundred dead receivers cost the living. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bench, openBench } from './bench-webhooks-setup.ts'
import type { Command, Input } from './command.ts'
import { asJson, showMade } from './output.ts'
import { table } from './terminal.ts'

const RUNS = 5
const DELIVERIES = 5_000
const ENDPOINTS = 10_000
const DEAD = 100
const RATE = 100
const SECONDS = 10
/** So many endpoints share an institution in the third part, and each of its events goes to all of them. */
const SHARED = 100

export const benchWebhooks: Command = {
  name: 'bench webhooks',
  about: 'Measure deliveries to receivers on this machine, with workers as processes of their own',
  options: {
    deliveries: { type: 'string', value: '<n>', about: `For the rate (default ${DELIVERIES})` },
    endpoints: {
      type: 'string',
      value: '<n>',
      about: `Beside the dead ones (default ${ENDPOINTS}, at least ${SHARED})`,
    },
    seconds: { type: 'string', value: '<n>', about: `Of each run of latencies (default ${SECONDS})` },
    runs: { type: 'string', value: '<n>', about: `Without and with the dead (default ${RUNS})` },
    ...asJson,
  },
  details: 'Starts a database of its own in a temporary folder, and removes it again.',
  run,
}

async function run(input: Input): Promise<number> {
  const { terminal, values } = input
  const deliveries = values.whole('deliveries', 100, 1_000_000) ?? DELIVERIES
  const endpoints = values.whole('endpoints', SHARED, 100_000) ?? ENDPOINTS
  const seconds = values.whole('seconds', 1, 600) ?? SECONDS
  const runs = values.whole('runs', 1, 100) ?? RUNS
  const result: Record<string, Record<string, number>> = {}
  for (const workers of [1, 3]) {
    terminal.note(`${deliveries} deliveries with ${workers} ${workers === 1 ? 'worker' : 'workers'} ...`)
    result[`rate, workers ${workers}`] = { 'deliveries/s': await measureRate(input, deliveries, workers) }
  }
  terminal.note(`${RATE} events a second for ${seconds} s ...`)
  result['first attempt'] = await measureLatency(input, seconds)
  terminal.note(`${endpoints} endpoints, ${runs} runs of ${seconds} s without and with ${DEAD} dead ones ...`)
  Object.assign(result, await measureDead(input, { endpoints, seconds, runs }))
  const rows = Object.entries(result).map(([name, figures]) => [
    name,
    Object.entries(figures)
      .map(([unit, value]) => `${unit} ${value}`)
      .join('   '),
  ])
  showMade(input, result, table(['measured', 'figures (ms where nothing else is said)'], rows))
  return 0
}

/** A backlog over thirty endpoints that are not active, so many workers, then all active: from the first arrival to the last. */
async function measureRate(input: Input, deliveries: number, workers: number): Promise<number> {
  await using bench = await openBench(input)
  await bench.institution({ endpoints: 30, dead: 0 })
  const [institution] = bench.institutions
  const appointments = Math.ceil(deliveries / 30)
  await bench.setActive(false)
  await bench.startWorkers(workers)
  for (let id = 1; id <= appointments; id += 1) await bench.commit(institution ?? 0, id)
  const arrivals: number[] = []
  bench.onArrival = () => void arrivals.push(performance.now())
  await bench.untilFannedOut()
  await bench.setActive(true)
  await bench.untilArrived(appointments * 30)
  const took = (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)
  return Math.round((arrivals.length / took) * 1000)
}

/** Commits at a steady pace, and the time from each commit to its first arrival. */
async function measureLatency(input: Input, seconds: number): Promise<Record<string, number>> {
  await using bench = await openBench(input)
  await bench.institution({ endpoints: 1, dead: 0 })
  await bench.startWorkers(1)
  await pace(bench, { rate: RATE, seconds: 1, each: 1 })
  return summarize(await pace(bench, { rate: RATE, seconds, each: 1 }))
}

async function measureDead(
  input: Input,
  { endpoints, seconds, runs }: { endpoints: number; seconds: number; runs: number },
): Promise<Record<string, Record<string, number>>> {
  const result: Record<string, Record<string, number>> = {}
  await using bench = await openBench(input)
  const institutions = Math.round(endpoints / SHARED)
  for (let n = 0; n < institutions; n += 1)
    await bench.institution({ endpoints: SHARED, dead: Math.ceil(DEAD / institutions) })
  await bench.startWorkers(1)
  for (const state of ['without', 'with']) {
    await bench.setDead(state === 'with')
    await pace(bench, { rate: 1, seconds: 3, each: SHARED })
    for (let n = 1; n <= runs; n += 1)
      result[`living, ${state} the dead, run ${n}`] = summarize(
        await pace(bench, { rate: 1, seconds, each: SHARED }),
      )
  }
  return result
}

let nextAppointment = 1_000_000

/** Commits events round the institutions; answers milliseconds from commit to arrival at each living endpoint. */
async function pace(
  bench: Bench,
  { rate, seconds, each }: { rate: number; seconds: number; each: number },
): Promise<number[]> {
  const committed = new Map<number, number>()
  const latencies: number[] = []
  bench.onArrival = (appointmentId) => {
    const at = committed.get(appointmentId)
    // An arrival can outrun the answer to the commit by a hair.
    latencies.push(at === undefined ? 0 : performance.now() - at)
  }
  const began = performance.now()
  const commits: Promise<void>[] = []
  for (let n = 0; n < rate * seconds; n += 1) {
    await sleep(Math.max(0, began + (n * 1000) / rate - performance.now()))
    const id = nextAppointment++
    const institution = bench.institutions[n % bench.institutions.length] ?? 0
    commits.push(bench.commit(institution, id).then(() => void committed.set(id, performance.now())))
  }
  await Promise.all(commits)
  await bench.untilArrived(rate * seconds * each)
  return latencies
}

function summarize(values: number[]): Record<string, number> {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => Math.round(sorted[Math.ceil(sorted.length * part) - 1] ?? 0)
  return { n: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) }
}
