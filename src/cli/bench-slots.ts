/** `bench slots`: how long the server takes for slots, how much of that is PostgreSQL's, and by which plan. */
import type { AddressInfo } from 'node:net'
import { readTaken, takenFilter } from '../booking/find-slots.ts'
import { readQuestion, type SlotTerms } from '../booking/slot-question.ts'
import { type Database, inTenant } from '../db/database.ts'
import { buildServer } from '../http/server.ts'
import type { Installation } from '../installation.ts'
import { type DayNumber, toDate } from '../scheduling/calendar.ts'
import { findSlots } from '../scheduling/slots.ts'
import { takenOf } from '../scheduling/taken.ts'
import { explainTaken } from '../store/taken-time.ts'
import { startBenchClient } from './bench-client.ts'
import { analyze, openOwn } from './bench-own.ts'
import { type SeededGroup, seedGroup } from './bench-slots-seed.ts'
import type { Command, Input } from './command.ts'
import { asJson, showMade } from './output.ts'
import { table } from './terminal.ts'

const REQUESTS = 1_500
/** So that V8 has compiled what is asked again and again: its compiler would share the processors with the first requests. */
const WARM_UP = 500
const ENGINE_RUNS = 2000
const SLOT_LENGTH = 30
const TERMS: SlotTerms = {
  appointmentTypeId: null,
  slotLength: SLOT_LENGTH,
  slotInterval: null,
  everyOperatory: false,
  labelId: null,
  source: null,
  minNotice: null,
  buffer: null,
  perSlot: null,
}

export const benchSlots: Command = {
  name: 'bench slots',
  about:
    'Measure slots of a location with 100,000 appointments, in a database of its own that is removed again',
  options: {
    requests: {
      type: 'string',
      value: '<n>',
      about: `Requests of each kind, one after the other (default ${REQUESTS})`,
    },
    ...asJson,
  },
  run,
}

async function run(input: Input): Promise<number> {
  const { terminal, values } = input
  const requests = values.whole('requests', 10, 100_000) ?? REQUESTS
  await using stack = new AsyncDisposableStack()
  const installation = await openOwn(stack, input)
  const { database } = installation
  const waits = watchWaits(database)
  terminal.note('Making ten locations, fifty operatories and a hundred providers ...')
  const group = await seedGroup(database)
  await analyze(installation)
  const ask = await serve(stack, installation, group, waits)
  const today = Math.floor(installation.clock.now() / 86_400_000)
  const rows: Measured[] = []
  for (const question of questionsOf(group, today + 1)) {
    terminal.note(`Asking ${requests} times for ${question.name} ...`)
    rows.push(await measure(question, ask, requests))
  }
  const engine = await measureEngine(database, group, today + 1)
  const plan = await planOf(database, group, today + 1)
  const { appointments } = group
  const result = { appointments, requests: rows, engine_us: engine, plan }
  const cells = rows.map((row) => [
    row.name,
    row.slots,
    row.kilobytes,
    row.p50_ms,
    row.p99_ms,
    `${row.postgres_percent} %`,
  ])
  const headings = ['question', 'slots', 'kB', 'p50 ms', 'p99 ms', 'of it in PostgreSQL']
  const text = [
    `A location with ${appointments} appointments; milliseconds in the server, ${requests} requests each.`,
    table(headings, cells),
    '',
    `The engine alone, 14 days x 10 providers x 5 operatories: p50 ${engine.p50} µs, p99 ${engine.p99} µs.`,
    '',
    'The plan, as slotbridge_app under its policies:',
    ...plan,
  ]
  showMade(input, result, text.join('\n'))
  return 0
}

/** Milliseconds since the last look in which at least one answer of PostgreSQL was awaited or read. */
function watchWaits({ pool }: Database): () => number {
  let waited = 0
  let open = 0
  let since = 0
  const count = (change: 1 | -1 | 0) => {
    const now = performance.now()
    if (open > 0) waited += now - since
    since = now
    open += change
  }
  const watched = new WeakSet<object>()
  pool.on('acquire', (client) => {
    if (watched.has(client)) return
    watched.add(client)
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    const timed = (...args: unknown[]) => {
      count(1)
      const answer = query(...args)
      return answer instanceof Promise ? answer.finally(() => count(-1)) : count(-1)
    }
    Object.assign(client, { query: timed })
  })
  return () => {
    count(0)
    const sum = waited
    waited = 0
    return sum
  }
}

interface Answer {
  milliseconds: number
  /** Of these, with PostgreSQL. */
  waited: number
  bytes: number
  slots: number
}
/** Null asks for nothing but the round trips. */
type Ask = (query: string | null) => Promise<Answer>

/** A server on a port of its own; the time is its own, from the request's arrival to the answer's last byte. */
async function serve(
  stack: AsyncDisposableStack,
  installation: Installation,
  group: SeededGroup,
  waits: () => number,
): Promise<Ask> {
  const { database, clock } = installation
  const app = buildServer({ database, clock, connectors: [], wake: () => undefined })
  app.get(BARE, async () => {
    for (let n = 0; n < ROUND_TRIPS; n++) await database.pool.query('select 1')
    return 'ok'
  })
  let milliseconds = 0
  let waited = 0
  let told: (() => void) | null = null
  app.addHook('onRequest', async () => {
    waits()
  })
  app.addHook('onResponse', async (_request, reply) => {
    milliseconds = reply.elapsedTime
    waited = waits()
    told?.()
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  stack.defer(() => app.close())
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const exchanged = await fetch(`${url}/authenticates`, {
    method: 'POST',
    headers: { authorization: group.apiKey },
  })
  const { data } = (await exchanged.json()) as { data: { token: string } }
  const headers = { authorization: `Bearer ${data.token}`, 'nex-api-version': 'v3.0.0' }
  const client = stack.use(startBenchClient())
  return async (query) => {
    const responded = new Promise<void>((resolve) => {
      told = resolve
    })
    const asked = query === null ? url + BARE : `${url}/available_slots?subdomain=${group.subdomain}&${query}`
    const { status, text } = await client.get(asked, headers)
    await responded
    if (status !== 200) throw new Error(`the server answers ${status}`)
    return { milliseconds, waited, bytes: text.length, slots: text.split('"time"').length - 1 }
  }
}

/** The limit: what the machine takes to go to PostgreSQL and back as often as slots do; it is audited as they are. */
const BARE = '/bare'
const ROUND_TRIPS = 3

interface Question {
  name: string
  query: string | null
}

function questionsOf({ locationIds, providerIds }: SeededGroup, from: DayNumber): Question[] {
  const [location = 0] = locationIds
  const [own = []] = providerIds
  const fifty = providerIds.flatMap((ids) => ids.slice(0, 5))
  const query = (days: number, lids: number[], pids: number[]) =>
    [
      `start_date=${toDate(from)}&days=${days}&slot_length=${SLOT_LENGTH}`,
      ...lids.map((id) => `lids[]=${id}`),
      ...pids.map((id) => `pids[]=${id}`),
    ].join('&')
  return [
    { name: `nothing but ${ROUND_TRIPS} round trips and the audit`, query: null },
    { name: '14 days x 1 provider', query: query(14, [location], own.slice(0, 1)) },
    { name: '14 days x 10 providers x 5 operatories', query: query(14, [location], own) },
    { name: '62 days x 10 providers x 5 operatories', query: query(62, [location], own) },
    { name: '14 days x 10 locations x 50 providers', query: query(14, locationIds, fifty) },
  ]
}

interface Measured {
  name: string
  slots: number
  kilobytes: number
  p50_ms: number
  p99_ms: number
  postgres_percent: number
}

async function measure({ name, query }: Question, ask: Ask, requests: number): Promise<Measured> {
  for (let n = 0; n < WARM_UP; n++) await ask(query)
  const answers: Answer[] = []
  for (let n = 0; n < requests; n++) answers.push(await ask(query))
  const times = answers.map(({ milliseconds }) => milliseconds)
  const sum = (name: 'milliseconds' | 'waited') => answers.reduce((all, each) => all + each[name], 0)
  return {
    name,
    slots: answers[0]?.slots ?? 0,
    kilobytes: Math.round((answers[0]?.bytes ?? 0) / 1024),
    p50_ms: percentile(times, 0.5),
    p99_ms: percentile(times, 0.99),
    postgres_percent: Math.round((sum('waited') / sum('milliseconds')) * 100),
  }
}

function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round((sorted[Math.ceil(sorted.length * share) - 1] ?? 0) * 100) / 100
}

async function readLarge(database: Database, group: SeededGroup, first: DayNumber) {
  const [locationId = 0] = group.locationIds
  const asked = { locationIds: [locationId], providerIds: group.providerIds[0] ?? [], operatoryIds: null }
  return await inTenant(database, group.institutionId, async (tx) => {
    const { locations } = await readQuestion(tx, asked, TERMS)
    return { locations, groups: await readTaken(tx, locations, first, 14) }
  })
}

/** What the database is asked for is read once; the arithmetic is done many times. */
async function measureEngine(
  database: Database,
  group: SeededGroup,
  first: DayNumber,
): Promise<{ p50: number; p99: number }> {
  const { locations, groups } = await readLarge(database, group, first)
  const times: number[] = []
  for (let n = 0; n < ENGINE_RUNS; n++) {
    const begun = performance.now()
    for (const { shape, providers } of locations) {
      const taken = takenOf(groups)
      for (const { hours } of providers) findSlots(hours, taken, shape, first, 14)
    }
    times.push((performance.now() - begun) * 1000)
  }
  const warm = times.slice(ENGINE_RUNS / 4)
  return { p50: percentile(warm, 0.5), p99: percentile(warm, 0.99) }
}

async function planOf(database: Database, group: SeededGroup, first: DayNumber): Promise<string[]> {
  const { locations } = await readLarge(database, group, first)
  const filter = takenFilter(locations, first, 14)
  if (!filter) throw new Error('the bench has no working hours')
  return await inTenant(database, group.institutionId, (tx) => explainTaken(tx, filter))
}
