/**
 * Gauges of the whole installation, the same from every process: asked at the scrape, one statement each, ended after a second.
 * What could not be asked is left out, and `slotbridge_scrape_failed` says so: an old number would look like a good one.
 */
import { Gauge, type Registry } from 'prom-client'
import { inWork, type WorkTransaction } from '../db/database.ts'
import {
  countLateWork,
  countOpenWrites,
  limitTime,
  listSourceHealth,
  readWebhookBacklog,
} from '../store/watching.ts'
import type { ServerContext } from './context.ts'

const STATEMENT_MS = 1_000
/** No further part is asked after this: with every connection taken, the rest of the scrape must still come in time. */
const ASKING_MS = 3_000
const SOURCES_MAX = 20_000
/** A unit is due for this long before it counts as late: a look every second is the floor. */
const LATE_SECONDS = 10
const OPEN_STATES = ['pending', 'sending', 'unknown', 'needs_decision']

type Make = (name: string, help: string, labelNames: string[]) => Gauge

interface Part {
  gauges: Gauge[]
  /** Asks by one statement; what it answers sets the gauges, which were emptied before. */
  ask(tx: WorkTransaction): Promise<() => void>
}

/** Makes the gauges. Answers what brings them up to date, before each scrape; those that overlap ask once. */
export function installationGauges(registry: Registry, { database }: ServerContext): () => Promise<void> {
  const make: Make = (name, help, labelNames) => new Gauge({ name, help, labelNames, registers: [registry] })
  const parts: Record<string, Part> = {
    data_sources: sources(make),
    writes: openWrites(make),
    webhooks: backlog(make),
    work: lateWork(make),
  }
  const failed = make(
    'slotbridge_scrape_failed',
    '1 where the database did not say in time how this part of the installation is doing',
    ['of'],
  )
  const refresh = async () => {
    const began = performance.now()
    for (const [of, { gauges, ask }] of Object.entries(parts)) {
      const asked = async () =>
        await inWork(database, async (tx) => {
          await limitTime(tx, STATEMENT_MS)
          return await ask(tx)
        })
      const isLate = performance.now() - began > ASKING_MS
      const apply = isLate ? null : await asked().catch(() => null)
      for (const gauge of gauges) gauge.reset()
      apply?.()
      failed.set({ of }, apply ? 0 : 1)
    }
  }
  let asking: Promise<void> | undefined
  return async () => {
    asking ??= refresh().finally(() => {
      asking = undefined
    })
    await asking
  }
}

function sources(make: Make): Part {
  const id = ['data_source']
  const lag = make(
    'slotbridge_data_source_lag_seconds',
    'Since the last pull that completed began; since it was added, before the first',
    id,
  )
  const poll = make('slotbridge_data_source_poll_seconds', 'The pause set between two pulls', id)
  const up = make('slotbridge_data_source_up', '1 where the direction is green', [...id, 'direction'])
  const stopped = make(
    'slotbridge_data_source_writing_stopped',
    '1 where the record system went back behind what we had read: nothing is written until someone looked',
    id,
  )
  const aside = make('slotbridge_set_aside_rows', 'Rows that could not be read', id)
  return {
    gauges: [lag, poll, up, stopped, aside],
    async ask(tx) {
      const found = await listSourceHealth(tx, SOURCES_MAX)
      return () => {
        for (const source of found) {
          const labels = { data_source: source.id }
          lag.set(labels, source.lag_seconds)
          poll.set(labels, source.poll_seconds)
          up.set({ ...labels, direction: 'read' }, Number(source.read_status === 'green'))
          up.set({ ...labels, direction: 'write' }, Number(source.write_status === 'green'))
          stopped.set(labels, Number(source.writing_stopped))
          aside.set(labels, source.set_aside)
        }
      }
    },
  }
}

function openWrites(make: Make): Part {
  const count = make('slotbridge_open_writes', 'Writes that have not ended, by state', ['state'])
  const oldest = make('slotbridge_open_write_oldest_seconds', 'Age of the oldest write of the state', [
    'state',
  ])
  return {
    gauges: [count, oldest],
    async ask(tx) {
      const found = await countOpenWrites(tx)
      // A state without any is 0, not absent: an alert on it must be able to end.
      return () => {
        for (const state of OPEN_STATES) {
          const row = found.find((one) => one.state === state)
          count.set({ state }, row?.count ?? 0)
          oldest.set({ state }, row?.oldest_seconds ?? 0)
        }
      }
    },
  }
}

function backlog(make: Make): Part {
  // A gauge without a label cannot be left out: it would be 0 where nobody could ask.
  const of = ['of']
  const all = { of: 'installation' }
  const due = make('slotbridge_webhook_due_lanes', 'Lanes of webhooks whose next attempt is due', of)
  const oldest = make('slotbridge_webhook_oldest_due_seconds', 'How long the oldest of them has been due', of)
  return {
    gauges: [due, oldest],
    async ask(tx) {
      const found = await readWebhookBacklog(tx)
      return () => {
        due.set(all, found.due)
        oldest.set(all, found.oldest_seconds)
      }
    },
  }
}

function lateWork(make: Make): Part {
  const late = make(
    'slotbridge_work_units_late',
    `Units due for over ${LATE_SECONDS} s that nobody took up`,
    ['kind'],
  )
  const failing = make('slotbridge_work_units_failing', 'Units that failed last time', ['kind'])
  return {
    gauges: [late, failing],
    async ask(tx) {
      const found = await countLateWork(tx, LATE_SECONDS)
      return () => {
        for (const { kind, ...row } of found) {
          late.set({ kind }, row.late)
          failing.set({ kind }, row.failing)
        }
      }
    },
  }
}
