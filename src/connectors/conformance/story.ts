/** A story: something that must hold of every connector, told with a world. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { AppointmentRecord, ChangeRecord, ForeignId } from '../../model/records.ts'
import { addMs, type Instant, minutes } from '../../model/time.ts'
import type { Capabilities, Change, Cursor, Insertion, Outcome, RecordSystem } from '../connector.ts'
import type { View, World } from './world.ts'

export interface Story {
  /** A sentence in the present tense, without its subject: the connector. */
  title: string
  /** Why this connector is not asked for it; null where it is. */
  passedOver?(capabilities: Capabilities, world: World): string | null
  /** Throws where it does not hold. */
  run(world: World): Promise<void>
}

export const same: typeof deepStrictEqual = deepStrictEqual
export const is: typeof strictEqual = strictEqual
export const holds: typeof ok = ok

/** Half an hour in the world's place for its patient, unless `more` says otherwise. */
export async function insertionIn(world: World, more: Partial<Insertion> = {}): Promise<Insertion> {
  const start = more.start ?? (await world.freeStart())
  return {
    marker: world.system.reserve(),
    patient: { foreignId: world.patient },
    ...world.place,
    start,
    end: addMs(start, minutes(30)),
    unavailable: false,
    note: null,
    descriptors: [],
    overbook: false,
    ...more,
  }
}

/** The record of an outcome that must be `written`. */
export function writtenOf(outcome: Outcome): AppointmentRecord {
  is(outcome.kind, 'written', `expected it to be written: ${JSON.stringify(outcome)}`)
  if (outcome.kind !== 'written') throw new Error('unreachable')
  return outcome.record
}

export async function inserted(world: World, more: Partial<Insertion> = {}): Promise<AppointmentRecord> {
  return writtenOf(await world.system.insert(await insertionIn(world, more)))
}

type Asked = Change extends infer One
  ? One extends Change
    ? Omit<One, 'foreignId' | 'version'>
    : never
  : never

export async function changed(
  world: World,
  record: AppointmentRecord,
  asked: Asked,
): Promise<AppointmentRecord> {
  const { foreignId, version } = record
  return writtenOf(await world.system.change({ foreignId, version, ...asked }))
}

/** The row as the system itself shows it; it must be there. */
export async function seen(world: World, foreignId: ForeignId): Promise<View> {
  const view = await world.view(foreignId)
  if (view === null) throw new Error(`the system shows no row ${foreignId}`)
  return view
}

/** Reads the feed from a cursor to its end. */
export async function readOn(
  system: RecordSystem,
  from: Cursor | null,
): Promise<{ records: ChangeRecord[]; cursor: Cursor }> {
  const records: ChangeRecord[] = []
  let cursor = from
  let last = false
  for await (const page of system.changes(from)) {
    records.push(...page.records)
    cursor = page.cursor
    last = page.last
  }
  is(last, true, 'the walk must end with a page that says it is the last')
  if (cursor === null) throw new Error('the walk gave no cursor')
  return { records, cursor }
}

/** Everything of a range. */
export async function windowOf(system: RecordSystem, from: Instant, to: Instant): Promise<ChangeRecord[]> {
  const records: ChangeRecord[] = []
  for await (const page of system.window(from, to)) records.push(...page)
  return records
}

export function appointmentsIn(records: ChangeRecord[]): AppointmentRecord[] {
  return records.flatMap((one) => (one.kind === 'appointment' ? [one.record] : []))
}
