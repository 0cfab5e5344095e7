/**
 * The sequencer: gives committed events their positions, so that readers see one order and miss nothing, and then makes the
 * deliveries that each is owed.
 */
import { toInstant, toMs } from '../model/time.ts'
import type { Tracing } from '../model/trace.ts'
import { fanOut, listUnfanned, type TracedEvent } from '../store/deliveries.ts'
import { keepPartitions, positionEvents, retireLogs } from '../store/events.ts'
import { sweepAnswers } from '../store/idempotency.ts'
import { type Hold, LeaseLost } from '../work/hold.ts'

const BATCH = 1_000
/** Events of one institution that are fanned out in one transaction: it may have hundreds of endpoints. */
const FAN_OUT = 200
/** Events of other transactions that commit within this are taken along. */
const GATHER_MS = 20
/** How long the sequencer keeps looking before it goes to the back of the loop. */
const TURN_MS = 2_000
/** How often it sees to the partitions that the next events will need, and to what is too old. It runs as often unwoken. */
const PARTITIONS_MS = 60_000
/** Kept answers deleted at a time, so that no lock is long. */
const SWEEP = 500
const KEEP_DAYS = 30

export interface SequenceOptions {
  /** Called when endpoints are owed something. */
  wake?: () => void
  /** Told what went wrong with one institution or with retiring, which holds up nobody else. */
  log?: { error(fields: Record<string, unknown>, message: string): void }
  /** What passed until an event had its place and its deliveries is a span of its trace. */
  tracing?: Tracing | null
  /** How long events and deliveries are kept. */
  keepDays?: number
  clock?: { now(): number }
}

/** An institution whose fan-out failed is tried again after this, while everyone else's goes on. */
const AGAIN_MS = 1_000

/** The handler of the `sequence` unit: runs when woken, and each minute. */
export function sequenceHandler(options: SequenceOptions = {}) {
  let partitionsKeptAt = 0
  return async (hold: Hold): Promise<string> => {
    const began = Date.now()
    if (began - partitionsKeptAt > PARTITIONS_MS) {
      await hold.inWork(keepPartitions)
      partitionsKeptAt = began
      await heed(options, 'logs could not be retired', () =>
        hold.inWork((tx) => retireLogs(tx, options.keepDays ?? KEEP_DAYS)),
      )
      await heed(options, 'kept answers could not be swept', () => sweepAll(hold, began))
    }
    for (;;) {
      const placed = await hold.inWork((tx) => positionEvents(tx, BATCH))
      const left = await fanOutAll(hold, options)
      if (placed < BATCH && left === 'nothing')
        return toInstant((options.clock ?? Date).now() + PARTITIONS_MS)
      if (placed < BATCH && left === 'failed') return toInstant((options.clock ?? Date).now() + AGAIN_MS)
      // More is waiting: again at once, after the others had their turn.
      if (hold.signal.aborted || Date.now() - began > TURN_MS) return toInstant(0)
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS))
    }
  }
}

/** Deletes the answers to requests that are too old, batch by batch; what a turn leaves is for the next minute. */
async function sweepAll(hold: Hold, began: number): Promise<void> {
  for (;;) {
    const swept = await hold.inWork((tx) => sweepAnswers(tx, SWEEP))
    if (swept < SWEEP || hold.signal.aborted || Date.now() - began > TURN_MS) return
  }
}

/** Fans out what has a position, each institution's batch by batch. Answers what is left. */
async function fanOutAll(hold: Hold, options: SequenceOptions): Promise<'nothing' | 'more' | 'failed'> {
  let isOwed = false
  let isMore = false
  let isFailed = false
  for (const institutionId of await hold.inWork(listUnfanned)) {
    const done = await heed(options, 'events could not be fanned out', () =>
      hold.inTenantOf(institutionId, (tx) => fanOut(tx, FAN_OUT)),
    )
    for (const event of done?.traced ?? []) traceEvent(options.tracing ?? null, institutionId, event)
    isFailed ||= done === null
    isMore ||= done?.more ?? false
    isOwed ||= done?.owed ?? false
  }
  if (isOwed) options.wake?.()
  if (isMore) return 'more'
  return isFailed ? 'failed' : 'nothing'
}

function traceEvent(tracing: Tracing | null, institutionId: number, event: TracedEvent): void {
  const attributes = {
    'slotbridge.event.name': event.name,
    'slotbridge.event.id': event.id,
    'slotbridge.institution.id': institutionId,
  }
  // The database's clock told when it began: ours may be behind it.
  const startedAt = Math.min(toMs(event.created_at), Date.now())
  const start = { kind: 'internal' as const, parent: event.traceparent, attributes, startedAt }
  tracing?.begin(`event ${event.name}`, start).end()
}

/** Runs what concerns one part alone; a failure of it is told and the rest goes on. */
async function heed<T>(options: SequenceOptions, message: string, run: () => Promise<T>): Promise<T | null> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof LeaseLost) throw error
    options.log?.error({ err: error }, message)
    return null
  }
}
