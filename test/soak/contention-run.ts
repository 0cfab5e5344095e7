/**
 * Contention: hundreds of patients ask for one slot at once through three servers, and installations that share nothing
 * but the practice book the same times, while the desk books too. No row of ours may be put over one that stood.
 */
import { toInstant } from '../../src/model/time.ts'
import { type Dice, dice } from '../../src/sandbox/random.ts'
import { allPlaces, freeStarts, newPatient } from '../support/booking.ts'
import type { Ground } from '../support/database.ts'
import { journalOf, type Look } from '../support/truth.ts'
import { rowsOverOthers } from './contention-judge.ts'
import type { FreeTime } from './crash-plan.ts'
import { openStage, type Stage } from './crash-stage.ts'
import { type Installed, install } from './installations.ts'
import { type LoadedPractice, loadPractice } from './loaded-practice.ts'
import { deskAlong, fireVolley } from './volley.ts'

export interface ContentionOptions {
  requests: number
  installations: number
  servers: number
}

export interface ContentionResult {
  /** Requests and bookings that were made, and what became of them. */
  asked: number
  refused: number
  accepted: number
  complete: number
  /** Accepted, and ended `failed` with `slot_taken`: the practice had the time taken by then. */
  beaten: number
  /** What the desk booked meanwhile. */
  desk: number
  over: number
  untyped: number
  findings: string[]
}

export interface Contention extends AsyncDisposable {
  run(seed: number): Promise<ContentionResult>
}

/** Times that the installations compete for in one seed. */
const TIMES = 4
/** A practice of the other manner after so many seeds: a stage is dear to build, and dearer to take away. */
const SEEDS_OF_A_MANNER = 50
const POLL_SECONDS = 20
const PATIENCE_MS = 180_000
const DESK_WITHIN_MS = 400

interface Rivals extends AsyncDisposable {
  isChecked: boolean
  stage: Stage
  patients: number[]
  installed: Installed[]
  /** What nobody competed for yet. */
  free: FreeTime[]
}

export function openContention(ground: Ground, options: ContentionOptions): Contention {
  let loaded: LoadedPractice | null = null
  let rivals: Rivals | null = null
  return {
    async run(seed) {
      const isChecked = Math.floor((seed - 1) / SEEDS_OF_A_MANNER) % 2 === 0
      if (rivals && (rivals.isChecked !== isChecked || rivals.free.length < TIMES + 1)) {
        await rivals[Symbol.asyncDispose]()
        rivals = null
      }
      loaded ??= await loadPractice(ground, { at: Date.now() })
      rivals ??= await gather(ground, loaded, options, isChecked)
      return await compete(rivals, dice(seed, 'contention'))
    },
    async [Symbol.asyncDispose]() {
      await rivals?.[Symbol.asyncDispose]()
      await loaded?.[Symbol.asyncDispose]()
    },
  }
}

async function gather(
  ground: Ground,
  loaded: LoadedPractice,
  { requests, installations, servers }: ContentionOptions,
  isChecked: boolean,
): Promise<Rivals> {
  const stack = new AsyncDisposableStack()
  const times = isChecked ? ('checked' as const) : ('unchecked' as const)
  const manner = { references: 'unique' as const, times }
  const stage = stack.use(
    await openStage(ground, loaded, { manner, servers, workers: 1, pollSeconds: POLL_SECONDS }),
  )
  const url = `http://127.0.0.1:${stage.wires.practice.port}`
  const installed: Installed[] = []
  try {
    for (let n = 0; n < installations; n += 1) installed.push(await install(loaded, url, stack))
    for (const server of stage.programs.servers) await server.ready()
    const side = { ...stage, ...stage.practice }
    const patients: number[] = []
    for (let n = 0; n < requests; n += 1) patients.push(await newPatient(side))
    const free: FreeTime[] = []
    for (const place of await allPlaces(side))
      for (const start of apart(await freeStarts(side, place, 200)))
        free.push({ ...place, start: toInstant(Date.parse(start)) })
    const close = () => stack.disposeAsync()
    return { isChecked, stage, patients, installed, free, [Symbol.asyncDispose]: close }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** Every second one, so that a row beside one of them stands in the way of no other. */
function apart(starts: string[]): string[] {
  return starts.filter((start) => new Date(start).getUTCMinutes() === 0)
}

async function compete(rivals: Rivals, throws: Dice): Promise<ContentionResult> {
  const { stage, installed, patients } = rivals
  const take = (): FreeTime => {
    const [time] = rivals.free.splice(throws.below(rivals.free.length), 1)
    if (!time) throw new Error('no time is free any more')
    return time
  }
  const looks = [stage.t.look, ...installed.map(({ look }) => look)]
  const since = await Promise.all(looks.map(lastWrite))
  const judged = (await journalOf(stage.ask)).at(-1)?.seq ?? 0
  const wanted = take()
  const times = Array.from({ length: TIMES }, take)
  const [volley, ...desks] = await Promise.all([
    fireVolley(stage, wanted, patients),
    deskAlong(stage, wanted, throws, DESK_WITHIN_MS),
    ...times.slice(1).map((time) => deskAlong(stage, time, throws, DESK_WITHIN_MS)),
  ])
  const bookings = await bookEverywhere(installed, times, throws)
  await Promise.all(looks.map(allEnded))
  const ends = await Promise.all(looks.map((look, at) => endsOf(look, since[at] ?? 0)))
  const sum = (name: 'complete' | 'beaten'): number => ends.reduce((all, one) => all + one[name], 0)
  const over = rowsOverOthers(await journalOf(stage.ask), rivals.isChecked, judged)
  const untyped = [...volley.untyped, ...ends.flatMap(({ others }) => others)]
  return {
    asked: patients.length + installed.length * times.length,
    refused: volley.refused + bookings.refused,
    accepted: volley.accepted.length + bookings.accepted,
    complete: sum('complete'),
    beaten: sum('beaten'),
    desk: desks.reduce((all, one) => all + one, 0),
    over: over.length,
    untyped: untyped.length,
    findings: [...over, ...counted(untyped), ...stage.faults()],
  }
}

/** Each text once, with how often it came. */
function counted(texts: string[]): string[] {
  return [...new Set(texts)].map((text) => `${texts.filter((one) => one === text).length} × ${text}`)
}

/** Each installation books each of the times for a patient of its own choice, in an order of its own. */
async function bookEverywhere(
  installed: Installed[],
  times: FreeTime[],
  throws: Dice,
): Promise<{ accepted: number; refused: number }> {
  const counts = { accepted: 0, refused: 0 }
  const orders = installed.map((one) => {
    const left = [...times]
    return times.map(() => ({
      time: left.splice(throws.below(left.length), 1)[0],
      patientId: throws.pick(one.patients),
    }))
  })
  await Promise.all(
    installed.map(async (one, at) => {
      for (const { time, patientId } of orders[at] ?? [])
        if (time) counts[(await one.book(time, patientId)) ? 'accepted' : 'refused'] += 1
      await one.look('notify slotbridge_wake')
    }),
  )
  return counts
}

async function allEnded(look: Look): Promise<void> {
  await until('the end of every write', async () => {
    return (await look('select 1 from writes where ended_at is null limit 1')).length === 0
  })
}

async function lastWrite(look: Look): Promise<number> {
  const [row] = await look('select coalesce(max(id), 0) as id from writes')
  return Number(row?.id ?? 0)
}

/** How the writes after the one named ended. */
async function endsOf(
  look: Look,
  after: number,
): Promise<{ complete: number; beaten: number; others: string[] }> {
  const rows = await look('select id, state, code from writes where id > $1', [after])
  const isBeaten = (row: Record<string, unknown>): boolean =>
    row.state === 'failed' && row.code === 'slot_taken'
  const others = rows.filter((row) => row.state !== 'complete' && !isBeaten(row))
  return {
    complete: rows.filter(({ state }) => state === 'complete').length,
    beaten: rows.filter(isBeaten).length,
    others: others.map(({ id, state, code }) => `write ${id} ended ${state} ${code}`),
  }
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + PATIENCE_MS; !(await look()); ) {
    if (Date.now() > limit) throw new Error(`${what} did not come`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
