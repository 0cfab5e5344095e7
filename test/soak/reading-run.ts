/**
 * One seeded sequence of acts at the front desk, read along through a feed that lies. Afterwards, with a quiet desk and one
 * window cycle, the mirror must be what the practice holds, field by field.
 */
import { type Dice, dice } from '../../src/sandbox/random.ts'
import { NaiveReader } from '../scenarios/naive-reader.ts'
import { held, heldPeople, mirrored, mirroredPeople } from '../support/truth.ts'
import { LIES } from './lies.ts'
import type { Reading, ReadingGround } from './reading-ground.ts'

export interface ReadingResult {
  acts: number
  pulls: number
  /** Pulls that a fault of the practice ended. */
  pulls_cut: number
  /** Faults of the dial that happened. */
  faults: number
  /** Rows and people compared in the end. */
  compared: number
  /** What differs in the end: ids of rows and people, and rows still set aside. */
  differing: string[]
  /** Whether a reader that believes its cursor ended with something else than the practice holds. */
  naive_wrong: number
}

/** Pulls that a quiet practice may take until one completes: the first may find it starting. */
const LAST_TRIES = 20
const CALM_MS = 60_000

type Counts = Omit<ReadingResult, 'differing' | 'compared' | 'naive_wrong'>

export async function runReading(ground: ReadingGround, seed: number): Promise<ReadingResult> {
  await using reading = await ground.open()
  const throws = dice(seed, 'sequence')
  const naive = new NaiveReader(reading.ask)
  await naive.read()
  await reading.ask('PUT', '/faults', { seed, faults: LIES })
  const counts: Counts = { acts: 0, pulls: 0, pulls_cut: 0, faults: 0 }
  await play(reading, naive, throws, counts)
  counts.faults = await dialOff(reading)
  // What hung commits, and the practice tells the truth again.
  await reading.pass(CALM_MS)
  await naive.read()
  await readWhole(reading)
  return { ...counts, ...(await compare(reading)), naive_wrong: (await naive.isRight()) ? 0 : 1 }
}

async function play(reading: Reading, naive: NaiveReader, throws: Dice, counts: Counts): Promise<void> {
  const acts = 8 + throws.below(12)
  const backUpAt = throws.chance(0.3) ? throws.below(acts - 3) : null
  for (let n = 0; n < acts; n += 1) {
    if (n === backUpAt) await calmly(reading, '/faults/backup')
    await act(reading, throws)
    counts.acts += 1
    if (throws.chance(0.5)) {
      await naive.read()
      if (throws.chance(0.2)) await reading.look('update data_sources set window_read_at = null')
      counts.pulls += 1
      if (!(await reading.puller.pull())) counts.pulls_cut += 1
      await reading.pass(1_500)
    }
    if (backUpAt !== null && n === backUpAt + 3) await calmly(reading, '/faults/restore')
  }
}

/** One act of the desk: mostly one of its own, now and then a deletion, or one with the same id entered again. */
async function act(reading: Reading, throws: Dice): Promise<void> {
  if (throws.chance(0.6)) return await calmly(reading, '/desk/act')
  const rows = (await mirrored(reading.look)).filter((row) => !row.unavailable)
  const visit_id = throws.pick(rows).id
  await calmly(reading, throws.chance(0.5) ? '/desk/delete' : '/faults/recreate', { visit_id })
}

/** Posts to the desk, which is asked again where the practice is just starting; a refusal stands. */
async function calmly(reading: Reading, path: string, body: object = {}): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      await reading.ask('POST', path, body)
      return
    } catch (error) {
      if (tried >= LAST_TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

/** Answers how many faults happened. */
async function dialOff(reading: Reading): Promise<number> {
  for (let tried = 1; ; tried += 1) {
    try {
      const { body } = await reading.ask('GET', '/faults')
      await reading.ask('PUT', '/faults', {})
      return (body.happened as unknown[]).length
    } catch (error) {
      if (tried >= LAST_TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

async function readWhole({ look, puller }: Reading): Promise<void> {
  await look('update data_sources set window_read_at = null')
  for (let tried = 1; !(await puller.pull()); tried += 1)
    if (tried >= LAST_TRIES) throw new Error('a practice that is whole again cannot be read')
}

/** Everything that differs, by id. */
async function compare({ ask, look }: Reading): Promise<Pick<ReadingResult, 'compared' | 'differing'>> {
  const rows = await held(ask)
  const people = await heldPeople(ask)
  const ids = people.map(({ id }) => id)
  const aside = await look('select noun, foreign_id from set_aside')
  const differing = [
    ...differences('row', rows, await mirrored(look)),
    ...differences('person', people, await mirroredPeople(look, ids)),
    ...aside.map(({ noun, foreign_id }) => `${noun} ${foreign_id} is still set aside`),
  ]
  return { compared: rows.length + people.length, differing }
}

type Row = Record<string, unknown>

function differences(noun: string, truth: Row[], ours: Row[]): string[] {
  const text = (row: Row): string => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))
  const known = new Map(ours.map((row) => [row.id, text(row)]))
  const wrong = truth.filter((row) => known.get(row.id) !== text(row)).map(({ id }) => `${noun} ${id}`)
  const there = new Set(truth.map(({ id }) => id))
  return [...wrong, ...ours.filter(({ id }) => !there.has(id)).map(({ id }) => `${noun} ${id} is not there`)]
}
