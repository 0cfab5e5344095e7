/** `bench latency`: how soon a booking stands in the record system, is told of, and how soon the front desk's changes are seen. */

import { type Spread, spreadOf } from './bench-figures.ts'
import { type Booker, changeAtDesk, openBooker } from './bench-latency-load.ts'
import {
  chooseAndSubscribe,
  type LatencyBench,
  openLatencyBench,
  type Serving,
  startProcesses,
} from './bench-latency-setup.ts'
import type { Command, Input } from './command.ts'
import { asJson, showMade } from './output.ts'
import { table } from './terminal.ts'

const PRACTICES = 4
const BOOKINGS = 100
const CHANGES = 40
const BURST = 400
/** A process that has just begun is slower for a while. */
const WARM_UP = 20

export const benchLatency: Command = {
  name: 'bench latency',
  about:
    'Measure booking to record system, that to webhook, and front desk to API: idle, half loaded, without LISTEN',
  options: {
    practices: { type: 'string', value: '<n>', about: `Simulated practices (default ${PRACTICES})` },
    bookings: {
      type: 'string',
      value: '<n>',
      about: `Bookings for each state, at least (default ${BOOKINGS})`,
    },
    changes: {
      type: 'string',
      value: '<n>',
      about: `Changes by the front desk for each state (default ${CHANGES})`,
    },
    burst: {
      type: 'string',
      value: '<n>',
      about: `Bookings at once that say how many a second there can be (default ${BURST})`,
    },
    ...asJson,
  },
  details: [
    'Starts a database, practices that are polled every 2 s, an api and a worker process of its own, and removes them again.',
    'Half loaded is half the bookings a second that were accepted and written in the burst, sent at that pace however long',
    'each takes. Without LISTEN no process hears of the work of another, and finds it by its look every second.',
  ].join('\n'),
  run,
}

interface Measured {
  accepted_to_written_ms: Spread
  written_to_webhook_ms: Spread
  desk_to_visible_ms: Spread
}

interface Wanted {
  bookings: number
  changes: number
}

async function run(input: Input): Promise<number> {
  const { terminal, values } = input
  const wanted: Wanted = {
    bookings: values.whole('bookings', 1, 10_000) ?? BOOKINGS,
    changes: values.whole('changes', 1, 1_000) ?? CHANGES,
  }
  await using stack = new AsyncDisposableStack()
  const bench = await openLatencyBench(stack, input, values.whole('practices', 1, 50) ?? PRACTICES)
  // What the front desk changes was booked in the burst.
  const burst = Math.max(values.whole('burst', 1, 100_000) ?? BURST, 3 * wanted.changes)
  let booked = 0
  const next = () => booked++
  const withListen = async () => {
    await using serving = await startProcesses(bench, true)
    await chooseAndSubscribe(bench, serving)
    const booker = openBooker(bench, serving, next)
    terminal.note('Booking at once ...')
    await booker.burst(Math.min(WARM_UP, burst))
    const { ids: standing, perSecond } = await booker.burst(burst)
    const states: State = { bench, serving, booker, standing, wanted }
    terminal.note('Measuring while nothing else is asked ...')
    const idle = await measureIdle(states)
    terminal.note(`Measuring with ${round(perSecond / 2)} bookings a second ...`)
    const half = await measureLoaded(states, perSecond / 2)
    return { standing, perSecond, idle, half }
  }
  const { standing, perSecond, idle, half } = await withListen()
  terminal.note('Measuring without LISTEN ...')
  await using serving = await startProcesses(bench, false)
  const booker = openBooker(bench, serving, next)
  const without = await measureIdle({ bench, serving, booker, standing, wanted })
  const states = { idle, half_load: half, without_listen: without }
  const result = {
    bookings_per_second: round(perSecond),
    half_load_per_second: round(perSecond / 2),
    ...states,
  }
  const capacity = `Bookings a second, accepted and written, as fast as they go: ${result.bookings_per_second}.`
  showMade(input, result, `${textOf(states)}\n\n${capacity}`)
  return 0
}

const round = (rate: number) => Math.round(rate * 10) / 10

function textOf(states: Record<string, Measured>): string {
  const rows = Object.entries(states).flatMap(([state, measured]) =>
    Object.entries(measured).map(([name, { n, p50, p95, p99, max }]: [string, Spread]) => [
      state.replace('_', ' '),
      name.slice(0, -'_ms'.length).replaceAll('_', ' '),
      ...[n, p50, p95, p99, max],
    ]),
  )
  return table(['state', 'milliseconds', 'n', 'p50', 'p95', 'p99', 'max'], rows)
}

interface State {
  bench: LatencyBench
  serving: Serving
  booker: Booker
  /** Appointments that the front desk has not changed yet. */
  standing: number[]
  wanted: Wanted
}

/** One thing at a time. */
async function measureIdle({ bench, serving, booker, standing, wanted }: State): Promise<Measured> {
  const { written, told } = await booker.ended(await booker.oneByOne(wanted.bookings))
  return shown(written, told, await changeAtDesk(bench, serving, standing, wanted.changes))
}

/** The front desk acts while bookings come; and each of these is measured. */
async function measureLoaded(
  { bench, serving, booker, standing, wanted }: State,
  perSecond: number,
): Promise<Measured> {
  const desk = changeAtDesk(bench, serving, standing, wanted.changes)
  const { written, told } = await booker.ended(await booker.pace(perSecond, wanted.bookings, desk))
  return shown(written, told, await desk)
}

function shown(written: number[], told: number[], seen: number[]): Measured {
  return {
    accepted_to_written_ms: spreadOf(written),
    written_to_webhook_ms: spreadOf(told),
    desk_to_visible_ms: spreadOf(seen),
  }
}
