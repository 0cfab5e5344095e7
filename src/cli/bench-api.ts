/** `bench api`: bookings a second beside what PostgreSQL makes of the same statements, in alternating runs. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildServer } from '../http/server.ts'
import type { Installation } from '../installation.ts'
import { toInstant } from '../model/time.ts'
import { SPAN_MAX_MS } from '../scheduling/conflicts.ts'
import {
  bookingOf,
  bookingSetting,
  bookingVarying,
  FIRST_IDS,
  type SeededApi,
  SUBDOMAIN,
  seedApi,
} from './bench-api-seed.ts'
import { type Captured, capture } from './bench-capture.ts'
import { type SideBySide, sideBySide } from './bench-figures.ts'
import { flameGraph, framesOf, widthsOf } from './bench-flame.ts'
import { drive, type LoadResult, requestText } from './bench-load.ts'
import { analyze, connectAsOwner, environmentOf, openOwn, ownFolder } from './bench-own.ts'
import { findPgbench, type Replay, runDriver, runPgbench } from './bench-pgbench.ts'
import { profileDuring, profiledAt } from './bench-profile.ts'
import type { Command, Input } from './command.ts'
import { asJson, showMade } from './output.ts'
import { freePort, type OwnProcess, startOwn } from './own-process.ts'
import { table } from './terminal.ts'

const APPOINTMENTS = 200_000
const CONNECTIONS = [1, 16, 64]
const RUNS = 5
const SECONDS = 5
const READY_MS = 60_000
const LOOK_MS = 20

export const benchApi: Command = {
  name: 'bench api',
  about: 'Measure bookings a second beside pgbench with the same statements, on a database of its own',
  options: {
    appointments: {
      type: 'string',
      value: '<n>',
      about: `In place before (default ${APPOINTMENTS.toLocaleString('en')})`,
    },
    connections: {
      type: 'string',
      value: '<n>',
      about: `Only with so many (default ${CONNECTIONS.join(', ')})`,
    },
    runs: { type: 'string', value: '<n>', about: `Of each side, in turn (default ${RUNS})` },
    seconds: { type: 'string', value: '<n>', about: `Of each run (default ${SECONDS})` },
    driver: { type: 'boolean', about: 'Use the bare driver although pgbench is there' },
    profile: {
      type: 'string',
      value: '<file>',
      about: "Only the server's flame graph (SVG), or the profile itself where the name ends in .cpuprofile",
    },
    ...asJson,
  },
  details: [
    'The server is a process of its own, with everything on. The statements of one booking are taken from it as it sends',
    'them, and sent again by pgbench (-M prepared) in the same role, with the same policies, on the same rows; ids and times',
    'within JSON are put in by replace(). Where pgbench is not found, the bare driver sends them.',
  ].join('\n'),
  run,
}

interface Bench {
  port: number
  token: string
  seeded: SeededApi
  replay: Replay
  pgbench: string | null
  url: string
  seconds: number
  /** Numbers below were booked. */
  next: number
  /** How many bookings there are. */
  countWrites(): Promise<number>
}

async function run(input: Input): Promise<number> {
  const { terminal, values } = input
  const appointments = values.whole('appointments', 1, 10_000_000) ?? APPOINTMENTS
  const only = values.whole('connections', 1, 200)
  const runs = values.whole('runs', 1, 100) ?? RUNS
  const seconds = values.whole('seconds', 1, 600) ?? SECONDS
  await using stack = new AsyncDisposableStack()
  const installation = await openOwn(stack, input)
  const owner = await connectAsOwner(installation)
  stack.defer(() => owner.end())
  const countWrites = async () =>
    Number((await owner.query<{ n: string }>('select count(*) as n from writes')).rows[0]?.n)
  terminal.note(`Putting ${appointments} appointments in place ...`)
  const seeded = await seedApi(installation.database, (text) => owner.query(text), appointments)
  await analyze(installation)
  const captured = await captureBooking(installation, seeded)
  const profile = values.text('profile')
  const inspectorPort = profile === undefined ? null : await freePort()
  const { port } = await startServer(stack, installation, inspectorPort)
  const bench: Bench = {
    port,
    token: await tokenOf(port, seeded.apiKey),
    seeded,
    replay: replayOf(captured, seeded),
    pgbench: values.flag('driver') ? null : findPgbench(),
    url: installation.listenUrl,
    seconds,
    next: 10,
    countWrites,
  }
  // A process that has just begun is slower for a while.
  await book(bench, 16)
  if (profile !== undefined && inspectorPort !== null)
    return await profileServer(input, { file: profile, port: inspectorPort }, bench, only ?? 16)
  const side = bench.pgbench ? 'pgbench' : 'the bare driver'
  const rows: Compared[] = []
  for (const connections of only ? [only] : CONNECTIONS) {
    terminal.note(`${connections} connections, ${runs} runs beside ${side} ...`)
    rows.push(await compare(bench, connections, runs))
    await owner.query('analyze')
  }
  const { statements, roundTrips } = captured
  const result = { appointments, statements: statements.length, round_trips: roundTrips, beside: side, rows }
  showMade(
    input,
    result,
    `${textOf(rows, side)}\n\nA booking is ${statements.length} statements in ${roundTrips} round trips.`,
  )
  return 0
}

function textOf(rows: Compared[], side: string): string {
  const headings = [
    'connections',
    'bookings/s',
    '(least-most)',
    `${side}/s`,
    '(least-most)',
    'ratio',
    'p99 ms',
    side,
    'ratio',
  ]
  const spread = ({ least, most }: { least: number; most: number }) =>
    `${Math.round(least)}-${Math.round(most)}`
  const cells = rows.map((row) => [
    row.connections,
    Math.round(row.per_second.median),
    spread(row.per_second),
    Math.round(row.limit_per_second.median),
    spread(row.limit_per_second),
    row.ratio,
    row.p99_ms.median,
    row.limit_p99_ms.median,
    row.p99_ratio,
  ])
  return table(headings, cells)
}

/** By a server in this process, whose statements can be seen; it has booked before, and knows what a process asks once. */
async function captureBooking({ database, clock }: Installation, seeded: SeededApi): Promise<Captured> {
  const app = buildServer({ database, clock, connectors: [], wake: () => undefined })
  await app.listen({ host: '127.0.0.1', port: 0 })
  try {
    const { port } = app.server.address() as AddressInfo
    const token = await tokenOf(port, seeded.apiKey)
    // Every connection of the pool that may be taken has begun a transaction of each kind once.
    for (let s = 1; s <= 5; s++) await bookOnce(port, token, seeded, s)
    return await capture(database, () => bookOnce(port, token, seeded, 0))
  } finally {
    await app.close()
  }
}

async function bookOnce(port: number, token: string, seeded: SeededApi, s: number): Promise<void> {
  const { path, headers, body } = requestOf(s, token, seeded)
  const type = { 'content-type': 'application/json' }
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { ...headers, ...type },
    body,
  })
  if (answer.status !== 201) throw new Error(`a booking is answered ${answer.status}: ${await answer.text()}`)
  await answer.arrayBuffer()
}

function requestOf(s: number, token: string, seeded: SeededApi) {
  const { locationId, operatoryId, providerId, patientId, startMs, key } = bookingOf(s, seeded)
  const appt = {
    patient_id: patientId,
    provider_id: providerId,
    operatory_id: operatoryId,
    appointment_type_id: seeded.appointmentTypeId,
    start_time: toInstant(startMs),
    note: 'Booked by the bench',
  }
  return {
    path: `/appointments?subdomain=${SUBDOMAIN}&location_id=${locationId}`,
    headers: { authorization: `Bearer ${token}`, 'nex-api-version': 'v3.0.0', 'idempotency-key': key },
    body: JSON.stringify({ appt }),
  }
}

async function tokenOf(port: number, apiKey: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/authenticates`, {
    method: 'POST',
    headers: { authorization: apiKey },
  })
  const { data } = (await answer.json()) as { data: { token: string } }
  return data.token
}

function replayOf({ statements }: Captured, seeded: SeededApi): Replay {
  const hashOf = (key: string) => createHash('sha256').update(key).digest()
  const varying = bookingVarying(0, seeded, [-SPAN_MAX_MS - 1], hashOf)
  return { statements, varying, setting: bookingSetting(seeded), newIdsFrom: FIRST_IDS.appointment_ids }
}

async function startServer(
  stack: AsyncDisposableStack,
  installation: Installation,
  inspectorPort: number | null,
): Promise<{ port: number; server: OwnProcess }> {
  const port = await freePort()
  const args = ['serve', '--role', 'api', '--port', String(port), '--data-dir', ownFolder(stack)]
  const profiled = inspectorPort === null ? {} : profiledAt(inspectorPort)
  const server = stack.use(startOwn(args, { ...environmentOf(installation), ...profiled }))
  for (let waited = 0; waited < READY_MS; waited += LOOK_MS) {
    server.mustRun()
    const live = await fetch(`http://127.0.0.1:${port}/livez`).catch(() => null)
    if (live?.ok) return { port, server }
    await sleep(LOOK_MS)
  }
  throw new Error('The server was not ready in time.')
}

const WIDEST = 15

/** The server's flame graph under load, and its widest functions. */
async function profileServer(
  input: Input,
  { file, port }: { file: string; port: number },
  bench: Bench,
  connections: number,
): Promise<number> {
  input.terminal.note(`${connections} connections, ${bench.seconds} s with the server profiled ...`)
  let booked = 0
  const { profile, computed } = await profileDuring(port, async () => {
    booked = (await book(bench, connections)).latencies.length
  })
  const frames = framesOf(profile)
  const [each, computing] = [frames.total, computed].map((time) => Math.round(time / booked))
  const title = `${booked} bookings over ${connections} connections: ${each} µs of the server's thread for each, ${computing} of them with a processor`
  writeFileSync(file, file.endsWith('.cpuprofile') ? JSON.stringify(profile) : flameGraph(frames, title))
  const widths = widthsOf(frames)
  const widest = (by: 'self' | 'total') =>
    table(
      ['by itself', 'with what it calls', 'function', 'where'],
      widths
        .toSorted((a, b) => b[by] - a[by])
        .slice(0, WIDEST)
        .map(({ name, place, self, total }) => [percent(self), percent(total), name, place]),
    )
  showMade(
    input,
    { booked, microseconds_each: each, computing_each: computing, widths },
    [title, widest('self'), widest('total')].join('\n\n'),
  )
  return 0
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`

type Compared = SideBySide & { connections: number }

/** One after the other, in turn, so that what else the machine does meets both. */
async function compare(bench: Bench, connections: number, runs: number): Promise<Compared> {
  const ours: LoadResult[] = []
  const limit: LoadResult[] = []
  for (let n = 0; n < runs; n++) {
    ours.push(await book(bench, connections))
    const { pgbench, replay, url, seconds } = bench
    const run = { url, connections, seconds, from: bench.next }
    const before = await bench.countWrites()
    const again = pgbench ? runPgbench(pgbench, replay, run) : await runDriver(replay, run)
    const made = (await bench.countWrites()) - before
    if (made < again.latencies.length)
      throw new Error(
        `The statements sent again made ${made} bookings in ${again.latencies.length} transactions.`,
      )
    bench.next = again.next
    limit.push(again)
  }
  return { connections, ...sideBySide(ours, limit) }
}

async function book(bench: Bench, connections: number): Promise<LoadResult> {
  const { port, seconds, token, seeded } = bench
  const request = () => {
    const { path, headers, body } = requestOf(bench.next++, token, seeded)
    return requestText('POST', path, headers, body)
  }
  return await drive({ port, connections, seconds, request })
}
