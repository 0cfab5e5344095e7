/**
 * The crash matrix: one seed is one run of valid requests while workers, servers and the practice are killed with `kill -9`,
 * PostgreSQL is crashed and restarted, and connections to both sides are cut before and after their messages. Judged from
 * the practice's own journal.
 */
import { toInstant } from '../../src/model/time.ts'
import { dice } from '../../src/sandbox/random.ts'
import { allPlaces, freeStarts, newPatient } from '../support/booking.ts'
import type { Ground } from '../support/database.ts'
import { held, journalOf, mirrored } from '../support/truth.ts'
import { type CrashCounts, judge } from './crash-judge.ts'
import { type PlannedAppointment, planRequests, type Supplies } from './crash-plan.ts'
import { openStage, type Stage } from './crash-stage.ts'
import { makeTrouble, type TroubleCounts } from './crash-trouble.ts'
import { askForAll } from './insistent-client.ts'
import { type LoadedPractice, loadPractice } from './loaded-practice.ts'

export interface CrashResult extends CrashCounts, TroubleCounts {
  /** Answers of a server that blame itself for what befell its connections. */
  answers_500: number
  /** Kinds of messages that passed the wires, and how many of them were cut. */
  message_kinds: number
  message_kinds_cut: number
  findings: string[]
}

/** A ground whose PostgreSQL is this run's own. */
export interface CrashGround extends Ground {
  restart(): Promise<void>
}

const CLIENTS = 4
const PATIENCE_MS = 120_000
const STEP_MS = 2_000
const STEP_PAUSE_MS = 50
/** A call may be in flight for 90 s: time never goes on by as much at once. */
const LEAP_MAX_MS = 30_000

/** What every run of crashes begins from: one practice, loaded now. */
export function loadForCrashes(ground: Ground): Promise<LoadedPractice> {
  return loadPractice(ground, { at: Date.now() })
}

export async function runCrash(
  ground: CrashGround,
  loaded: LoadedPractice,
  seed: number,
  { requests }: { requests: number },
): Promise<CrashResult> {
  const throws = dice(seed, 'crash')
  const manner = {
    references: throws.chance(0.5) ? ('unique' as const) : ('stored' as const),
    times: throws.chance(0.5) ? ('checked' as const) : ('unchecked' as const),
  }
  await using stage = await openStage(ground, loaded, { manner, servers: 2, workers: 2 })
  for (const server of stage.programs.servers) await server.ready()
  const plan = planRequests(throws, requests, await supply(stage, requests))
  const progress = { accepted: 0, stumbles: 0, isOver: false }
  const trouble = makeTrouble(stage, ground, dice(seed, 'trouble'), requests, progress)
  const asking = askAlong(stage, plan, seed, progress).finally(() => {
    progress.isOver = true
  })
  // Both end before anything else does: trouble starts programs.
  const [asked, counts] = await Promise.allSettled([asking, trouble]).then(() =>
    Promise.all([asking, trouble]),
  )
  await settled(stage)
  const judged = await judge(stage.t.look, await journalOf(stage.ask), asked)
  const findings = [...judged.findings, ...(await mirrorFindings(stage))]
  const { database, practice } = stage.wires
  const kindsCut = new Set(
    [...database.cuts.keys(), ...practice.cuts.keys()].map((key) => key.replace(/^\w+ /, '')),
  )
  return {
    ...judged,
    ...counts,
    answers_500: progress.stumbles,
    message_kinds: database.kinds.size + practice.kinds.size,
    message_kinds_cut: kindsCut.size,
    findings,
  }
}

async function supply(stage: Stage, requests: number): Promise<Supplies> {
  const bridge = { ...stage, ...stage.practice }
  const times: Supplies['times'] = []
  for (const place of await allPlaces(bridge))
    for (const start of await freeStarts(bridge, place, requests))
      times.push({ ...place, start: toInstant(Date.parse(start)) })
  const known = await stage.t.look(
    'select id from patients where foreign_id is not null order by id limit 100',
  )
  for (let n = 0; n < requests / 2; n += 1) await newPatient(bridge)
  const fresh = await stage.t.look('select id, first_name as name from patients where foreign_id is null')
  return { times, newPatients: fresh, knownPatients: known.map((row) => Number(row.id)) }
}

async function askAlong(
  stage: Stage,
  plan: PlannedAppointment[],
  seed: number,
  progress: { accepted: number; stumbles: number },
): Promise<{ id: number; planned: PlannedAppointment }[]> {
  const asked: { id: number; planned: PlannedAppointment }[] = []
  const client = async (number: number): Promise<void> => {
    const throws = dice(seed, 'client', number)
    const settings = {
      ...stage.practice,
      urls: () => stage.programs.servers.flatMap(({ said }) => said ?? []),
      pick: (urls: string[]) => throws.pick(urls),
      pause: () => sleep(throws.below(250)),
      accepted: () => {
        progress.accepted += 1
      },
      stumbled: () => {
        progress.stumbles += 1
      },
    }
    for (const planned of plan.filter((_, at) => at % CLIENTS === number))
      asked.push({ planned, id: await askForAll(settings, planned) })
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)))
  return asked
}

/** What could keep a write from going. */
const STANDING = `select app_now() as at, clock_timestamp() as really, d.write_status, d.write_reason, d.read_status,
    d.writing_stopped_at, w.run_at, w.leased_until, w.holder, w.failures, w.last_failure, w.crashes,
    (select count(*) from wakes k where k.work_id = w.id) as wakes,
    (select json_agg(json_build_object('id', o.id, 'state', o.state, 'next', o.next_attempt_at)) from writes o where o.ended_at is null) as open
  from data_sources d join work w on w.kind = 'push' and w.subject_id = d.id`

/** Writes that go on by themselves: neither waiting for a person, nor behind one of the same appointment that does. */
const GOES_ON = `ended_at is null and not exists (select from writes f where f.appointment_id = writes.appointment_id
    and f.id <= writes.id and f.state = 'needs_decision')`

/** The ones behind the first of an appointment go when that has ended. */
const IS_FIRST = `not exists (select from writes f where f.appointment_id = writes.appointment_id
    and f.id < writes.id and f.ended_at is null)`

/**
 * How long until something is to be done again, in milliseconds; null while a worker is at it, and no time may pass. Whoever
 * held the unit and died holds it for a second.
 */
const NEXT = `select case when w.leased_until > clock_timestamp() then null else
    (extract(epoch from greatest(least(
        (select min(next_attempt_at) from writes where ${GOES_ON} and ${IS_FIRST}),
        (select min(look_again_at) from writes)),
      case when w.failures > 0 then w.run_at end) - app_now()) * 1000)::float8 end as ms
  from work w where w.kind = 'push'`

/** Time goes on to where something is to be done. */
async function leap(stage: Stage): Promise<void> {
  const [next] = await stage.t.look(NEXT)
  const ms = next?.ms
  if (typeof ms === 'number' && ms > 0) await stage.pass(Math.min(Math.ceil(ms), LEAP_MAX_MS))
}

/** Everything comes back, and time goes on until nothing is owed, and nothing is to be looked at again. */
async function settled(stage: Stage): Promise<void> {
  const { practice, workers, servers } = stage.programs
  for (const program of [practice, ...workers, ...servers]) program.ensure()
  const open = `select id, kind, state, message from writes
    where (${GOES_ON}) or look_again_at is not null`
  let rows: unknown[] = []
  await until('the end of every write', async () => {
    await leap(stage)
    rows = await stage.t.look(open)
    return rows.length === 0
  }).catch(async (error) => {
    throw new Error(
      `writes that do not end: ${JSON.stringify(rows)}; ${JSON.stringify(await stage.t.look(STANDING))}`,
      { cause: error },
    )
  })
}

/** What the mirror holds otherwise than the practice, after a window cycle. */
async function mirrorFindings(stage: Stage): Promise<string[]> {
  const [begun] = await stage.t.look('select app_now() as at')
  await until('a window cycle', async () => {
    await stage.t.look('update data_sources set window_read_at = null where window_read_at <= $1', [begun.at])
    await stage.t.look("insert into wakes (work_id) select id from work where kind = 'pull'")
    await stage.pass(STEP_MS)
    const sql = 'select 1 from data_sources where window_read_at > $1 and pull_completed_at > pull_started_at'
    return (await stage.t.look(`${sql} and pull_started_at > $1`, [begun.at])).length > 0
  })
  const texts = (rows: Record<string, unknown>[]): Map<unknown, string> =>
    new Map(rows.map((row) => [row.id, JSON.stringify(Object.entries(row).sort())]))
  const truth = texts(await held(stage.ask))
  const ours = texts(await mirrored(stage.t.look))
  const ids = [...new Set([...truth.keys(), ...ours.keys()])]
  return ids.filter((id) => truth.get(id) !== ours.get(id)).map((id) => `mirror: row ${id} differs`)
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + PATIENCE_MS
  while (!(await look())) {
    if (Date.now() > limit) throw new Error(`${what} did not come`)
    await sleep(STEP_PAUSE_MS)
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
