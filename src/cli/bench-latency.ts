/** `bench latency`: how soon a booking stands in the record system, and how soon the front desk's changes are seen. */
import { setTimeout as sleep } from 'node:timers/promises'
import { SANDBOX_KEY } from '../sandbox/key.ts'
import { ownFolder, spreadOf } from './bench-own.ts'
import type { Command, Input } from './command.ts'
import { type DemoFile, readDemoFile } from './demo-file.ts'
import { asJson, showMade } from './output.ts'
import { startOwn } from './own-process.ts'
import { table } from './terminal.ts'

const LOOK_MS = 10
const READY_MS = 60_000
const BOOKINGS = 100
const CHANGES = 40

export const benchLatency: Command = {
  name: 'bench latency',
  about: 'Measure booking to record system, and front desk to API, on the simulated practice',
  options: {
    bookings: { type: 'string', value: '<n>', about: `Bookings, one after the other (default ${BOOKINGS})` },
    changes: { type: 'string', value: '<n>', about: `Changes by the front desk (default ${CHANGES})` },
    ...asJson,
  },
  details:
    'Uses the demo that runs on the data directory; where none does, starts one of its own and removes it again.',
  run,
}

async function run(input: Input): Promise<number> {
  const { config, terminal, values } = input
  await using stack = new AsyncDisposableStack()
  const demo = readDemoFile(config.dataDir) ?? (await startDemo(stack, terminal.note))
  const client = await openClient(demo)
  const bookings = values.whole('bookings', 1, 10_000) ?? BOOKINGS
  terminal.note(`Booking ${bookings} times ...`)
  const { written, kept } = await measureBookings(client, bookings)
  const changes = Math.min(values.whole('changes', 1, 10_000) ?? CHANGES, kept.length * 2)
  terminal.note(`Changing ${changes} times at the front desk ...`)
  const seen = await measureDesk(client, kept, changes)
  const result = { accepted_to_written_ms: spreadOf(written), desk_to_visible_ms: spreadOf(seen) }
  const rows = Object.entries(result).map(([name, { n, p50, p95, p99, max }]) => [
    name,
    n,
    p50,
    p95,
    p99,
    max,
  ])
  showMade(input, result, table(['milliseconds', 'n', 'p50', 'p95', 'p99', 'max'], rows))
  return 0
}

async function startDemo(stack: AsyncDisposableStack, note: (line: string) => void): Promise<DemoFile> {
  const dataDir = ownFolder(stack)
  note('Starting a demo ...')
  const child = stack.use(startOwn(['demo', '--no-desk', '--port', '0', '--data-dir', dataDir]))
  for (let waited = 0; waited < READY_MS; waited += LOOK_MS) {
    child.mustRun()
    const demo = readDemoFile(dataDir)
    if (demo) return demo
    await sleep(LOOK_MS)
  }
  throw new Error('The demo was not ready in time.')
}

interface Client {
  demo: DemoFile
  call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
  desk(act: string, body: unknown): Promise<void>
}

async function openClient(demo: DemoFile): Promise<Client> {
  const ask = async (url: string, request: RequestInit) => {
    const answer = await fetch(url, request)
    if (!answer.ok) throw new Error(`${request.method} ${new URL(url).pathname} answers ${answer.status}.`)
    return (await answer.json()) as Record<string, unknown>
  }
  const json = { 'content-type': 'application/json' }
  const authenticated = await ask(`${demo.url}/authenticates`, {
    method: 'POST',
    headers: { authorization: demo.api_key },
  })
  const { token } = authenticated.data as { token: string }
  return {
    demo,
    async call(method, path, body) {
      const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : json) }
      const url = `${demo.url}${path}${path.includes('?') ? '&' : '?'}subdomain=${demo.subdomain}`
      return await ask(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    },
    async desk(act, body) {
      const headers = { 'x-practice-key': SANDBOX_KEY, ...json }
      await ask(`${demo.sandbox_url}/desk/${act}`, { method: 'POST', headers, body: JSON.stringify(body) })
    },
  }
}

interface Write {
  kind: string
  status: string
  created_at: string
  ended_at: string | null
}

/** Books one after the other; cancels in between, so that twenty starts serve any number. Answers what stands at the end. */
async function measureBookings(
  client: Client,
  count: number,
): Promise<{ written: number[]; kept: number[] }> {
  const { demo } = client
  const written: number[] = []
  let kept: number[] = []
  for (let n = 0; n < count; n++) {
    const start = demo.free_starts[n % demo.free_starts.length]
    if (n > 0 && n % demo.free_starts.length === 0) kept = await cancelAll(client, kept)
    const { patient_id, provider_id, operatory_id, appointment_type_id } = demo
    const appt = { patient_id, provider_id, operatory_id, appointment_type_id, start_time: start }
    const { data } = await client.call('POST', `/appointments?location_id=${demo.location_id}`, { appt })
    const { id } = (data as { appt: { id: number } }).appt
    const { created_at, ended_at } = await untilEnded(client, id, 'insert')
    written.push(Date.parse(ended_at) - Date.parse(created_at))
    kept.push(id)
  }
  return { written, kept }
}

async function cancelAll(client: Client, ids: number[]): Promise<number[]> {
  for (const id of ids) {
    await client.call('PATCH', `/appointments/${id}`, { appt: { cancelled: true } })
    await untilEnded(client, id, 'cancel')
  }
  return []
}

/** Both instants are the database's: the commit's transaction, and the one in which what was read back was settled. */
async function untilEnded(
  client: Client,
  id: number,
  kind: string,
): Promise<{ created_at: string; ended_at: string }> {
  for (let waited = 0; waited < READY_MS; waited += LOOK_MS) {
    const { data } = await client.call('GET', `/appointments/${id}/writes`)
    const write = writesOf(data).find((one) => one.kind === kind)
    if (write?.ended_at) {
      if (write.status !== 'complete')
        throw new Error(`The ${kind} of appointment ${id} ended ${write.status}.`)
      return { created_at: write.created_at, ended_at: write.ended_at }
    }
    await sleep(LOOK_MS)
  }
  throw new Error(`The ${kind} of appointment ${id} did not end.`)
}

function writesOf(data: unknown): Write[] {
  return Array.isArray(data) ? data : ((data as { writes?: Write[] }).writes ?? [])
}

interface Shown {
  foreign_id: string
  confirmed: boolean
  checkin_at: string | null
}

/** Confirms and checks in at the front desk, each at another moment between two pulls. */
async function measureDesk(client: Client, ids: number[], count: number): Promise<number[]> {
  const seen: number[] = []
  const read = async (id: number): Promise<Shown> => {
    const { data } = await client.call('GET', `/appointments/${id}`)
    return ((data as { appt?: Shown }).appt ?? data) as Shown
  }
  for (let n = 0; n < count; n++) {
    const id = ids[n % ids.length] ?? 0
    const isArrival = n >= ids.length
    const { foreign_id } = await read(id)
    // The golden ratio spreads the moments evenly, whatever the interval.
    await sleep(((n * 0.618_034) % 1) * 2_000)
    await client.desk(isArrival ? 'arrive' : 'confirm', { visit_id: foreign_id })
    const changed = performance.now()
    for (;;) {
      const { confirmed, checkin_at } = await read(id)
      if (isArrival ? checkin_at !== null : confirmed) break
      if (performance.now() - changed > READY_MS)
        throw new Error(`A change of appointment ${id} was not seen.`)
      await sleep(LOOK_MS)
    }
    seen.push(performance.now() - changed)
  }
  return seen
}
