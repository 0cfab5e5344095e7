/** One booking under one fault, through the whole bridge, and what the practice then says of it. */
import { expect } from 'vitest'
import type { WriteState } from '../../src/model/appointment.ts'
import { addMs, hours, toInstant } from '../../src/model/time.ts'
import { listWrites, type ShownWrite } from '../../src/store/writes.ts'
import { book, freeStarts, newPatient, type Place, somePlace } from '../support/booking.ts'
import { type Bridge, type BridgeOptions, startBridge, until } from '../support/bridge.ts'
import type { Expected } from './fault-table.ts'

export interface JournalEntry {
  by: string
  act: string
  noun: string
  id: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
}

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
    async journal() {
      const entries: JournalEntry[] = []
      for (let after = 0; ; ) {
        const { body } = await bridge.practice('GET', `/journal?after=${after}&limit=1000`)
        const page = body.entries as JournalEntry[]
        if (page.length === 0) return entries
        entries.push(...page)
        after = Number(body.last)
      }
    },
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

const COMPARED = `select a.foreign_id as id, a.starts_at as begins, a.ends_at as finishes, a.cancelled, a.confirmed, a.note,
    a.unavailable, o.foreign_id as chair, p.foreign_id as clinician, n.foreign_id as person
  from appointments a left join operatories o on o.id = a.operatory_id left join providers p on p.id = a.provider_id
  left join patients n on n.id = a.patient_id
  where not a.deleted and a.foreign_id is not null`

type Row = Record<string, unknown>

function sorted(rows: Row[]): Row[] {
  return rows.sort((one, other) => (String(one.id) < String(other.id) ? -1 : 1))
}

/** Everything that the practice holds, by its own schedule, in the shape of `mirrored`. */
export async function held(run: FaultBridge): Promise<Row[]> {
  const rows: Row[] = []
  const range = 'from=2020-01-01T00:00:00.000Z&to=2040-01-01T00:00:00.000Z&limit=1000'
  for (let after = ''; ; ) {
    const { body } = await run.bridge.practice('GET', `/schedule?${range}${after}`)
    const both = (one: Row) => ({ begins: one.begins, finishes: one.finishes })
    const places = (one: Row) => ({ chair: one.chair_id, clinician: one.clinician_id })
    for (const one of body.visits as Row[])
      rows.push({
        ...both(one),
        ...places(one),
        id: one.visit_id,
        cancelled: one.cancelled_at !== null,
        confirmed: one.confirmed_at !== null,
        note: one.remark,
        unavailable: false,
        person: one.person_id,
      })
    for (const one of body.closures as Row[])
      rows.push({
        ...both(one),
        ...places(one),
        id: `block_${one.closure_id}`,
        cancelled: one.lifted_at !== null,
        confirmed: false,
        note: one.reason,
        unavailable: true,
        person: null,
      })
    if (body.next === null) return sorted(rows)
    after = `&after=${body.next}`
  }
}

/** Everything that our mirror shows of the practice. */
export async function mirrored(run: FaultBridge): Promise<Row[]> {
  const rows = await run.bridge.t.look(COMPARED)
  const iso = (value: unknown): string => new Date(value as string).toISOString()
  return sorted(rows.map((row) => ({ ...row, begins: iso(row.begins), finishes: iso(row.finishes) })))
}

/** A half hour of the third chair that nobody else in a test uses: `at` counts from three days ahead. */
export function deskTime(run: FaultBridge, at: number): string {
  const noon = toInstant(Math.floor(run.bridge.t.clock.now() / 86_400_000) * 86_400_000)
  return addMs(noon, hours(72) + at * 30 * 60_000)
}
