/** `bench read`: a page of appointments beside PostgreSQL's own JSON of the same rows, in alternating runs. */
import type { AddressInfo } from 'node:net'
import { buildServer } from '../http/server.ts'
import type { Installation } from '../installation.ts'
import { driveElsewhere } from './bench-drive.ts'
import { type Runs, type SideBySide, sideBySide } from './bench-figures.ts'
import { type LoadResult, requestText } from './bench-load.ts'
import { analyze, openOwn } from './bench-own.ts'
import { LIMIT_PATH, serveLimit } from './bench-read-limit.ts'
import { type SeededRead, seedRead } from './bench-read-seed.ts'
import type { Command, Input } from './command.ts'
import { asJson, showMade } from './output.ts'
import { table } from './terminal.ts'

const APPOINTMENTS = 20_000
const CONNECTIONS = [1, 16]
const RUNS = 7
const SECONDS = 3
const ROWS = 200
/** A process that has just begun is slower for a while. */
const WARM_UP_SECONDS = 1

export const benchRead: Command = {
  name: 'bench read',
  about: `Measure GET /appointments of ${ROWS} rows beside json_agg passed through, on a database of its own`,
  options: {
    appointments: {
      type: 'string',
      value: '<n>',
      about: `In place (default ${APPOINTMENTS.toLocaleString('en')}, at least ${3 * ROWS})`,
    },
    connections: {
      type: 'string',
      value: '<n>',
      about: `Only with so many (default ${CONNECTIONS.join(', ')})`,
    },
    runs: { type: 'string', value: '<n>', about: `Of each side, in turn (default ${RUNS})` },
    seconds: { type: 'string', value: '<n>', about: `Of each run (default ${SECONDS})` },
    ...asJson,
  },
  details: [
    'One server answers both. The other route has the same authentication, policies, freshness and audit, reads the stored',
    'columns of the same rows by the same filter, and passes the text on; it does nothing that makes our wire of them.',
  ].join('\n'),
  run,
}

async function run(input: Input): Promise<number> {
  const { terminal, values } = input
  const appointments = values.whole('appointments', 3 * ROWS, 1_000_000) ?? APPOINTMENTS
  const only = values.whole('connections', 1, 200)
  const runs = values.whole('runs', 1, 100) ?? RUNS
  const seconds = values.whole('seconds', 1, 600) ?? SECONDS
  await using stack = new AsyncDisposableStack()
  const installation = await openOwn(stack, input)
  terminal.note(`Putting ${appointments} appointments in place ...`)
  const seeded = await seedRead(installation.database, appointments)
  await analyze(installation)
  const sides = await serve(stack, installation, seeded)
  const kilobytes = await Promise.all([sizeOf(sides, sides.ours), sizeOf(sides, sides.limit)])
  const rows: Compared[] = []
  for (const connections of only ? [only] : CONNECTIONS) {
    terminal.note(`${connections} connections, ${runs} runs of ${seconds} s of each ...`)
    rows.push(await compare(sides, connections, runs, seconds))
  }
  const result = { rows_a_page: ROWS, kilobytes: kilobytes[0], limit_kilobytes: kilobytes[1], rows }
  showMade(input, result, textOf(rows, kilobytes))
  return 0
}

function textOf(rows: Compared[], [ours, limit]: [number, number]): string {
  const headings = [
    'connections',
    'pages/s',
    '(least-most)',
    'json_agg/s',
    '(least-most)',
    'ratio',
    'p99 ms',
    'json_agg',
  ]
  const spread = ({ least, most }: Runs) => `${Math.round(least)}-${Math.round(most)}`
  const cells = rows.map((row) => [
    row.connections,
    Math.round(row.per_second.median),
    spread(row.per_second),
    Math.round(row.limit_per_second.median),
    spread(row.limit_per_second),
    row.ratio,
    row.p99_ms.median,
    row.limit_p99_ms.median,
  ])
  return `${table(headings, cells)}\n\nA page is ${ours} kB, that of json_agg ${limit} kB.`
}

interface Sides {
  port: number
  headers: Record<string, string>
  /** Paths. */
  ours: string
  limit: string
}

async function serve(
  stack: AsyncDisposableStack,
  { database, clock }: Installation,
  { subdomain, apiKey, locationId, start, end }: SeededRead,
): Promise<Sides> {
  const context = { database, clock, connectors: [], wake: () => undefined }
  const app = buildServer(context)
  serveLimit(app, context)
  await app.listen({ host: '127.0.0.1', port: 0 })
  stack.defer(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const answer = await fetch(`http://127.0.0.1:${port}/authenticates`, {
    method: 'POST',
    headers: { authorization: apiKey },
  })
  const { data } = (await answer.json()) as { data: { token: string } }
  const query = `subdomain=${subdomain}&location_id=${locationId}&start=${start}&end=${end}&per_page=${ROWS}`
  return {
    port,
    headers: { authorization: `Bearer ${data.token}`, 'nex-api-version': 'v3.0.0' },
    ours: `/appointments?${query}`,
    limit: `${LIMIT_PATH}?${query}`,
  }
}

/** Asks once, and sees that a whole page came. */
async function sizeOf({ port, headers }: Sides, path: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
  const text = await answer.text()
  const shown = text.split('"patient_id"').length - 1
  if (answer.status !== 200 || shown !== ROWS)
    throw new Error(`${path.split('?')[0]} answers ${answer.status} with ${shown} rows`)
  return Math.round(Buffer.byteLength(text) / 1024)
}

type Compared = SideBySide & { connections: number }

/** One after the other, in turn, so that what else the machine does meets both. */
async function compare(sides: Sides, connections: number, runs: number, seconds: number): Promise<Compared> {
  const { port, headers } = sides
  const ask = (path: string, seconds: number) =>
    driveElsewhere({ port, connections, seconds, request: requestText('GET', path, headers) })
  await ask(sides.ours, WARM_UP_SECONDS)
  await ask(sides.limit, WARM_UP_SECONDS)
  const ours: LoadResult[] = []
  const limit: LoadResult[] = []
  for (let n = 0; n < runs; n++) {
    ours.push(await ask(sides.ours, seconds))
    limit.push(await ask(sides.limit, seconds))
  }
  return { connections, ...sideBySide(ours, limit) }
}
