/** One booking under one fault, through the whole bridge, and what the practice then says of it. */
import { expect } from 'vitest'
import type { WriteState } from '../../src/model/appointment.ts'
import { addMs, hours, toInstant } from '../../src/model/time.ts'
import { listWrites, type ShownWrite } from '../../src/store/writes.ts'
import { book, freeStarts, newPatient, type Place, somePlace } from '../support/booking.ts'
import { type Bridge, type BridgeOptions, startBridge, until } from '../support/bridge.ts'
import {
  held as heldThere,
  type JournalEntry,
  journalOf,
  mirrored as mirroredHere,
} from '../support/truth.ts'
import type { Expected } from './fault-table.ts'

export interface FaultBridge extends AsyncDisposable {
  bridge: Bridge
  dial(settings: Record<string, unknown>): Promise<void>
  /** Both clocks, ours and the practice's, go on by `ms` milliseconds. */
  pass(ms: number): Promise<void>
  /** A booking of a new patient into the next free time. */
  booked(start?: string): Promise<{ id: number; patientId: number; start: string }>
  /** A start with an hour to itself. */
  nextStart(): string
  /** Waits until the appointment's insertion has ended; time passes quickly. */
  ended(id: number): Promise<ShownWrite>
  /** A pull with a window cycle that begins after this call, completed; tried again where a fault stops it. */
  readAll(): Promise<void>
  journal(): Promise<JournalEntry[]>
}

/** More than any test books in one place. */
const STARTS = 120
const STEP_MS = 1_000

export async function startFaultBridge(options: BridgeOptions = {}): Promise<FaultBridge> {
  const bridge = await startBridge({ source: { timeout_ms: 1000 }, ...options })
  const place: Place = await somePlace(bridge)
  const descriptors = await bridge.t.look('select id from descriptors order by foreign_id')
  const starts = apart(await freeStarts(bridge, place, STARTS))
  let offset = 0
  const pass = async (ms: number): Promise<void> => {
    offset += ms
    await bridge.practice('PUT', '/clock', { offset_ms: offset }).catch(() => undefined)
    await bridge.t.moveClock(offset)
    bridge.wake()
  }
  return {
    bridge,
    pass,
    async dial(settings) {
      const { status } = await bridge.practice('PUT', '/faults', settings)
      expect(status).toBe(200)
    },
    nextStart: () => starts.shift() ?? '',
    async booked(start = starts.shift() ?? '') {
      const patientId = await newPatient(bridge)
      const descriptorIds = descriptors.slice(0, 1).map((row) => Number(row.id))
      const note = 'Would rather come by train than by car'
      const { id } = await book(bridge, { patientId, start, note, descriptorIds })
      return { id, patientId, start }
    },
    async ended(id) {
      return await until(`the end of the insertion of ${id}`, [], async () => {
        const [insertion] = await bridge.tenant((tx) => listWrites(tx, id))
        if (insertion?.ended_at) return insertion
        if (insertion?.state === 'needs_decision') throw new Error(`it waits: ${insertion.message}`)
        await pass(STEP_MS)
        return null
      })
    },
    async readAll() {
      const [begun] = await bridge.t.look('select app_now() as at')
      await until('a window cycle', [], async () => {
        // Again and again: a cycle that was under way sets it too.
        await bridge.t.look('update data_sources set window_read_at = null where window_read_at <= $1', [
          begun.at,
        ])
        await bridge.t.look('insert into wakes (work_id) select id from work where kind = $1', ['pull'])
        await pass(STEP_MS)
        const sql = 'select 1 from data_sources where window_read_at > $1 and pull_started_at > $1'
        const rows = await bridge.t.look(`${sql} and pull_completed_at > pull_started_at`, [begun.at])
        return rows.length > 0 ? true : null
      })
    },
    journal: () => journalOf(bridge.practice),
    [Symbol.asyncDispose]: () => bridge[Symbol.asyncDispose](),
  }
}

/** Those that leave the half hour after each of them free, for the fault that stores there. */
function apart(starts: string[]): string[] {
  const kept: string[] = []
  for (const start of starts) {
    const last = kept.at(-1)
    if (last === undefined || Date.parse(start) - Date.parse(last) >= 60 * 60_000) kept.push(start)
  }
  return kept
}

/** How the write ended, and what the practice's journal holds of the patient, for the table. */
export async function outcomeOf(
  run: FaultBridge,
  id: number,
  patientId: number,
  entries: JournalEntry[],
): Promise<Expected> {
  const write = await run.ended(id)
  const [patient] = await run.bridge.t.look('select first_name, last_name from patients where id = $1', [
    patientId,
  ])
  const entered = entries.filter(
    ({ noun, act, after }) =>
      noun === 'person' && act === 'enter' && after?.first_name === patient.first_name,
  )
  expect(entered.length).toBeLessThanOrEqual(1)
  const visits = entries.filter(
    ({ noun, before, after }) => noun === 'visit' && (after ?? before)?.person_id === entered[0]?.id,
  )
  const last = new Map(visits.map((entry) => [entry.id, entry.after]))
  return {
    state: write.state as WriteState,
    code: write.code as Expected['code'],
    differing: write.differing,
    made: visits.filter(({ by, act }) => by === 'interface' && act === 'book').length,
    standing: [...last.values()].filter((row) => row !== null && row.cancelled_at === null).length,
  }
}

/** Everything that the practice holds, by its own schedule, in the shape of `mirrored`. */
export async function held(run: FaultBridge): Promise<Record<string, unknown>[]> {
  return await heldThere(run.bridge.practice)
}

/** Everything that our mirror shows of the practice. */
export async function mirrored(run: FaultBridge): Promise<Record<string, unknown>[]> {
  return await mirroredHere(run.bridge.t.look)
}

/** A half hour of the third chair that nobody else in a test uses: `at` counts from three days ahead. */
export function deskTime(run: FaultBridge, at: number): string {
  const noon = toInstant(Math.floor(run.bridge.t.clock.now() / 86_400_000) * 86_400_000)
  return addMs(noon, hours(72) + at * 30 * 60_000)
}
