/** What each fault does to the call that it meets. */

import { actMeanwhile } from './fault-desk.ts'
import type { FaultKind } from './fault-kinds.ts'
import type { Meeting } from './fault-meeting.ts'
import { halve, poison, repeat, turnRound } from './fault-pages.ts'
import type { Answer, Call } from './http.ts'
import { getPerson } from './people.ts'
import { Refusal } from './refusal.ts'
import { personJson, visitJson } from './rows.ts'
import { getVisit } from './visits.ts'

type Effect = (meeting: Meeting) => Answer

const HALF_HOUR_MS = 30 * 60_000
const REMARK_KEPT = 10
const NOTHING: Answer = { status: 500, json: { reason: 'fault', sentence: 'The practice stumbled.' } }

/** Handles the call with some fields of its body as the practice would rather have them. */
function storing(change: (body: Call['body']) => Call['body']): Effect {
  return ({ call, handle }) =>
    handle({ ...call, body: { ...call.body, ...change(call.body), overbook: true } })
}

/** A call about one visit has an odd id in mind: another of the three chairs and clinicians. */
function another(value: unknown): string {
  return value === '1' ? '2' : '1'
}

function later(value: unknown): string {
  return new Date(Date.parse(String(value)) + HALF_HOUR_MS).toISOString()
}

const wrongTime = storing(({ begins, finishes }) => ({ begins: later(begins), finishes: later(finishes) }))

function shorten(name: 'remark' | 'reason'): (body: Call['body']) => Call['body'] {
  return (body) =>
    typeof body[name] === 'string' ? { [name]: [...body[name]].slice(0, REMARK_KEPT).join('') } : {}
}

/** The change that a retrying box sends once more: refused or not, nobody hears of it. */
function twice({ handle }: Meeting): Answer {
  const first = handle()
  try {
    handle()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
  }
  return first
}

/** The answer of a row that nobody asked about: the oldest visit. */
function otherAnswer({ practice, call, handle }: Meeting): Answer {
  const { status } = handle()
  const sql = 'select id from visits where external_reference is not ? order by id limit 1'
  const reference = call.body.external_reference
  const found = practice.get<{ id: number }>(sql, [typeof reference === 'string' ? reference : null])
  if (found === undefined) return NOTHING
  const row = getVisit(practice, found.id)
  return { status, json: { visit: visitJson(row), person: personJson(getPerson(practice, row.person_id)) } }
}

/** The desk's act commits later, under a revision drawn now: other changes overtake it. */
function lateCommit({ practice, fault, handle, dial }: Meeting): Answer {
  const revision = practice.transaction(() => practice.count('revision'))
  dial.putOff(fault.ms, () => practice.withRevision(revision, () => handle()))
  return { status: 202, json: { late: true } }
}

const cut = (answer: Answer): Answer => ({ ...answer, wire: 'cut' })

const EFFECTS: Record<FaultKind, Effect> = {
  refused: () => {
    throw new Refusal(409, 'books_closed', 'The books are closed for this.')
  },
  locked: () => {
    throw new Refusal(423, 'row_locked', 'Somebody has it open.')
  },
  busy: () => ({ status: 503, json: { reason: 'busy', sentence: 'The practice is busy.' } }),
  rate_limited: ({ fault }) => ({
    status: 429,
    json: { reason: 'too_many', sentence: 'Too many calls.' },
    headers: { 'retry-after': String(Math.ceil(fault.ms / 1000)) },
  }),
  rate_limited_bare: () => ({ status: 429, json: { reason: 'too_many', sentence: 'Too many calls.' } }),
  error_before: () => NOTHING,
  error_after: ({ handle }) => {
    handle()
    return NOTHING
  },
  slow: ({ fault, handle }) => ({ ...handle(), waitMs: fault.ms }),
  cut_before_commit: () => cut(NOTHING),
  cut_after_commit: ({ handle }) => cut(handle()),
  no_answer: ({ handle }) => ({ ...handle(), wire: 'silent' }),
  applied_late: ({ fault, handle, dial }) => {
    dial.putOff(fault.ms, () => handle())
    return cut(NOTHING)
  },
  applied_twice: twice,
  duplicate_answer: ({ handle }) => ({ ...handle(), wire: 'twice' }),
  other_answer: otherAnswer,
  torn_answer: ({ handle }) => ({ ...handle(), wire: 'torn' }),
  restart: ({ fault, handle, dial }) => {
    const answer = cut(handle())
    dial.restart(fault.ms)
    return answer
  },
  wrong_time: wrongTime,
  truncated_note: storing((body) => ({ ...shorten('remark')(body), ...shorten('reason')(body) })),
  other_provider: storing(({ clinician_id }) => ({ clinician_id: another(clinician_id) })),
  other_chair: storing(({ chair_id }) => ({ chair_id: another(chair_id) })),
  dropped_codes: storing(() => ({ kind_id: null, procedure_codes: [] })),
  person_renamed: actMeanwhile('rename'),
  moved_meanwhile: actMeanwhile('move'),
  remarked_meanwhile: actMeanwhile('remark'),
  cancelled_meanwhile: actMeanwhile('cancel'),
  deleted_meanwhile: actMeanwhile('delete'),
  recreated: actMeanwhile('recreate'),
  clock_skewed: ({ handle }) => handle(),
  half_page: halve,
  torn_page: ({ handle }) => ({ ...handle(), wire: 'torn' }),
  repeated_page: repeat,
  out_of_order: turnRound,
  poisoned_row: poison,
  late_commit: lateCommit,
  backup_restored: ({ practice, fault, handle, dial }) => {
    const answer = handle()
    dial.putOff(fault.ms, () => practice.restoreBackup())
    return answer
  },
}

export function faultOf(kind: FaultKind): Effect {
  return EFFECTS[kind]
}
