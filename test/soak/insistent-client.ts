/** A client that asks until it knows: an answer that was lost on its way is asked for again. */
import type { Instant } from '../../src/model/time.ts'
import { type Act, endOf, type PlannedAppointment } from './crash-plan.ts'

export interface ClientSettings {
  apiKey: string
  subdomain: string
  locationId: number
  /** Where servers answer now. */
  urls(): string[]
  /** Which of them to ask, and how long to wait before an act. */
  pick(urls: string[]): string
  pause(): Promise<void>
  /** Called with each request that was accepted. */
  accepted(): void
  /** Called with each answer that says that the fault is ours and not to be tried again, where it is the connections'. */
  stumbled(): void
}

interface Answer {
  status: number
  appt: { id: number } | null
  errors: string[]
}

const PATIENCE_MS = 90_000
const ANSWER_MS = 4_000
const AGAIN_MS = 60

/** Asks for everything in its order. Answers our id of the appointment. Throws where a valid request is refused. */
export async function askForAll(settings: ClientSettings, planned: PlannedAppointment): Promise<number> {
  let id = 0
  for (const act of planned.acts) {
    if (act.kind === 'book') id = await book(settings, planned)
    else await change(settings, id, act)
    settings.accepted()
    await settings.pause()
  }
  return id
}

async function book(settings: ClientSettings, planned: PlannedAppointment): Promise<number> {
  const { patientId: patient_id, place, start: start_time } = planned
  const where = { provider_id: place.providerId, operatory_id: place.operatoryId }
  const appt = { patient_id, ...where, start_time, end_time: endOf(start_time) }
  const path = `/appointments?subdomain=${settings.subdomain}&location_id=${settings.locationId}`
  const answer = await insist(settings, 'POST', path, { appt })
  if (answer.appt) return answer.appt.id
  // It was accepted before, and its answer lost: the refusal names what is there.
  const named = answer.errors.flatMap((text) => /: appointment (\d+) is there/.exec(text)?.[1] ?? [])
  const [id] = named
  if (answer.status === 400 && answer.isRepeat && id !== undefined && named.length === 1) return Number(id)
  throw new Error(`a valid booking was refused: ${answer.status} ${answer.errors.join(' ')}`)
}

type Changing = Exclude<Act, { kind: 'book' }>

function fieldsOf(act: Changing): Record<string, unknown> {
  switch (act.kind) {
    case 'reschedule':
      return { start_time: act.start, end_time: endOf(act.start as Instant) }
    case 'confirm':
      return { confirmed: true }
    case 'note':
      return { note: act.note }
    case 'cancel':
      return { cancelled: true }
  }
}

async function change(settings: ClientSettings, id: number, act: Changing): Promise<void> {
  const path = `/appointments/${id}?subdomain=${settings.subdomain}`
  const answer = await insist(settings, 'PATCH', path, { appt: fieldsOf(act) })
  if (answer.appt) return
  const isCancelled = answer.errors.some((text) => text.includes('already cancelled'))
  if (act.kind === 'cancel' && answer.isRepeat && isCancelled) return
  throw new Error(`a valid ${act.kind} was refused: ${answer.status} ${answer.errors.join(' ')}`)
}

/** Until there is an answer that says yes or no; `isRepeat` where an earlier try may have been accepted. */
async function insist(
  settings: ClientSettings,
  method: string,
  path: string,
  body: object,
): Promise<Answer & { isRepeat: boolean }> {
  const limit = Date.now() + PATIENCE_MS
  for (let isRepeat = false; ; ) {
    const urls = settings.urls()
    if (urls.length > 0) {
      const answer = await ask(settings, method, settings.pick(urls) + path, body)
      if (answer !== null && answer.status < 500) return { ...answer, isRepeat }
      if (answer?.status === 500) settings.stumbled()
      isRepeat = true
    }
    if (Date.now() > limit) throw new Error(`${method} was not answered`)
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
  }
}

/** Null where no whole answer came. */
async function ask(
  { apiKey }: ClientSettings,
  method: string,
  url: string,
  body: object,
): Promise<Answer | null> {
  try {
    const response = await fetch(url, {
      method,
      headers: { authorization: apiKey, 'nex-api-version': 'v3.0.0', 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const { data, error } = (await response.json()) as { data?: { appt?: { id: number } }; error?: string[] }
    return { status: response.status, appt: data?.appt ?? null, errors: error ?? [] }
  } catch {
    return null
  }
}
