/** What a PATCH comes down to, checked against the appointment as it is shown now. */
import type { ShownAppointment } from '../model/appointment.ts'
import type { FieldName } from '../model/appointment-state.ts'
import { Failure } from '../model/failures.ts'
import { type Instant, toInstant, toMs } from '../model/time.ts'
import { readTime } from '../model/wire-time.ts'
import { isEditable } from './local-edits.ts'
import type { Overbook } from './override.ts'

export interface ChangeRequest {
  apiKeyId: number
  appointmentId: number
  version: 'v2' | 'v3'
  /** The attributes as sent, numbers and booleans already coerced; null means absent. */
  fields: Record<string, unknown>
  /** For a move onto what is there. */
  overbook?: Overbook | null
  /** A change that is owed or was written already is asked for by whoever lost the first answer: it is not owed again. */
  answersSame?: boolean
}

/** What a change comes down to, checked against the appointment's present values. */
export interface Intent {
  now: Instant
  confirm: boolean
  cancel: boolean
  checkinAt: Instant | null
  /** v3 on a written appointment: owed. Before it was sent, on either version: part of the draft. */
  move: { start: Instant; end: Instant; operatoryId: number | null } | null
  /** Undefined: not asked. */
  note: string | null | undefined
  edits: Partial<Record<FieldName, unknown>>
  apiKeyId: number
  overbook: Overbook | null
  warnings: string[]
}

/** Reads a request into an intent. Throws a `Failure` that names the parameter. */
export function decideIntent(
  change: ChangeRequest,
  shown: ShownAppointment,
  now: Instant,
  unsent: boolean,
): Intent {
  const fields = Object.fromEntries(
    Object.entries(change.fields).filter(([, value]) => value !== null && value !== undefined),
  )
  if (shown.cancelled || shown.deleted) {
    // Clients look for this text when they cancel twice (reference 2.3).
    throw new Failure('appointment_closed', 'This appointment is already cancelled')
  }
  const intent: Intent = {
    now,
    confirm: false,
    cancel: false,
    checkinAt: null,
    move: null,
    note: undefined,
    edits: {},
    apiKeyId: change.apiKeyId,
    overbook: change.overbook ?? null,
    warnings: [],
  }
  const time = (name: string) =>
    readTime({ name, text: textOf(name, fields[name]), zone: shown.timezone, edge: 'first' }).instant
  intent.confirm = turnedOn('confirmed', fields.confirmed, shown.confirmed)
  intent.cancel = turnedOn('cancelled', fields.cancelled, shown.cancelled)
  if (fields.checkin_at !== undefined) {
    const at = time('checkin_at')
    const isSame = change.answersSame === true && shown.checkin_at === at
    if (shown.checkin_at !== null && !isSame)
      throw new Failure('invalid_request', 'Parameter checkin_at can only be set once')
    intent.checkinAt = isSame ? null : at
  }
  const owed = change.version === 'v3' || unsent
  const moving = ['start_time', 'end_time', 'operatory_id'].filter((name) => fields[name] !== undefined)
  if (owed && moving.length > 0) {
    const start = fields.start_time === undefined ? shown.start_time : time('start_time')
    const length = toMs(shown.end_time) - toMs(shown.start_time)
    const end = fields.end_time === undefined ? toInstant(toMs(start) + length) : time('end_time')
    const operatoryId =
      fields.operatory_id === undefined ? shown.operatory_id : idOf('operatory_id', fields.operatory_id)
    intent.move = { start, end, operatoryId }
  }
  if (owed && fields.note !== undefined) intent.note = textOf('note', fields.note)
  const taken = new Set(['confirmed', 'cancelled', 'checkin_at', ...(owed ? [...moving, 'note'] : [])])
  const ignored: string[] = []
  for (const [name, value] of Object.entries(fields)) {
    if (taken.has(name)) continue
    if (!isEditable(name)) ignored.push(name)
    else intent.edits[name] = name === 'start_time' || name === 'end_time' ? time(name) : value
  }
  if (ignored.length > 0)
    intent.warnings.push(`Note that following parameters are ignored: ${ignored.join(', ')}.`)
  const moves = intent.move !== null || (unsent && intent.edits.provider_id !== undefined)
  if (intent.overbook !== null && (intent.cancel || !moves))
    intent.warnings.push('overbook was not taken: nothing is moved in the health record system.')
  return intent
}

/** `confirmed` and `cancelled` go from false to true only (decision 25). */
function turnedOn(name: string, value: unknown, now: boolean): boolean {
  if (value === undefined) return false
  if (typeof value !== 'boolean')
    throw new Failure('invalid_request', `Parameter ${name} must be true or false`)
  if (!value && now)
    throw new Failure('invalid_request', `Parameter ${name} cannot be taken back: it is true already`)
  return value && !now
}

function textOf(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new Failure('invalid_request', `Parameter ${name} must be text`)
  return value
}

function idOf(name: string, value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new Failure('invalid_request', `Parameter ${name} must be an id`)
  return Number(value)
}
