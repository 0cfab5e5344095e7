/** Everybody wants one slot at once, through several servers. */
import type { Dice } from '../../src/sandbox/random.ts'
import type { FreeTime } from './crash-plan.ts'
import { endOf } from './crash-plan.ts'
import type { Stage } from './crash-stage.ts'

export interface Volley {
  /** Our ids of what was accepted. */
  accepted: number[]
  /** Refusals that say what is in the way. */
  refused: number
  /** Whatever else came back. */
  untyped: string[]
}

/** A server that has too much to do says when to ask again (`Retry-After`); not all come back at one instant. */
const AGAIN_MS = 1_000
const APART_MS = 150
const APART = 40
const PATIENCE_MS = 240_000

/** One request of each patient; the servers take turns. */
export async function fireVolley(stage: Stage, time: FreeTime, patients: number[]): Promise<Volley> {
  const volley: Volley = { accepted: [], refused: 0, untyped: [] }
  const urls = stage.programs.servers.flatMap(({ said }) => said ?? [])
  await Promise.all(
    patients.map(async (patientId, at) => {
      const { status, id, errors } = await askOnce(stage, urls[at % urls.length] ?? '', time, patientId, at)
      if (id !== null) volley.accepted.push(id)
      else if (
        status === 400 &&
        errors.some((text) => text.startsWith('The requested time is not available'))
      )
        volley.refused += 1
      else volley.untyped.push(`${status} ${errors.join(' ')}`)
    }),
  )
  return volley
}

/** @param at its number among those who ask */
async function askOnce(
  { practice }: Stage,
  url: string,
  { start: start_time, providerId: provider_id, operatoryId: operatory_id }: FreeTime,
  patient_id: number,
  at: number,
): Promise<{ status: number; id: number | null; errors: string[] }> {
  const path = `/appointments?subdomain=${practice.subdomain}&location_id=${practice.locationId}`
  const appt = { patient_id, provider_id, operatory_id, start_time, end_time: endOf(start_time) }
  for (const limit = Date.now() + PATIENCE_MS; ; ) {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { authorization: practice.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ appt }),
    })
    const { data, error } = (await answer.json()) as { data?: { appt?: { id: number } }; error?: string[] }
    const isBusy = answer.status === 503 || answer.status === 429
    if (!isBusy || Date.now() > limit)
      return { status: answer.status, id: data?.appt?.id ?? null, errors: error ?? [] }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS + (at % APART) * APART_MS))
  }
}

/** The desk books into the same chair at about the same time, once or twice; over nothing where the practice checks. */
export async function deskAlong(
  stage: Stage,
  time: FreeTime,
  throws: Dice,
  withinMs: number,
): Promise<number> {
  const [chair] = await stage.t.look('select foreign_id from operatories where id = $1', [time.operatoryId])
  let booked = 0
  for (let left = 1 + throws.below(2); left > 0; left -= 1) {
    await new Promise((resolve) => setTimeout(resolve, throws.below(withinMs)))
    const earlier = throws.pick([0, 0, 15 * 60_000])
    const begins = new Date(Date.parse(time.start) - earlier).toISOString()
    const { status } = await stage.ask('POST', '/desk/book', { chair_id: chair.foreign_id, begins })
    if (status === 200) booked += 1
  }
  return booked
}
