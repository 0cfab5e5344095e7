/** What the people at the front desk do by hand. They see the screen while they type: no versions, no references. */
import { type Body, flag, id, instant, integer, onlyFields, parseDay, requiredId, text } from './body.ts'
import { changeVisit } from './change-visit.ts'
import { closeTime, deleteClosure } from './closures.ts'
import { freeHalfHours } from './free-time.ts'
import type { Actor, Practice } from './practice.ts'
import { addDays, dayBounds, dayOf } from './practice-day.ts'
import { badInput, Refusal } from './refusal.ts'
import { type ClosureRow, closureJson, type Json, type VisitRow, visitJson } from './rows.ts'
import { bookVisit, getVisit } from './visits.ts'

export const DESK: Actor = { by: 'desk', reference: null }

/** How far ahead the desk looks for a free time where it is told none. */
const LOOK_DAYS = 60

/** Who works in a chair, by the weekly hours. */
function clinicianOf(practice: Practice, chair: number): number {
  const sql = 'select clinician_id from weekly_hours where chair_id = ? order by id limit 1'
  const found = practice.get<{ clinician_id: number }>(sql, [chair])
  if (found === undefined) throw badInput('no_such_chair', 'Nobody works in this chair.')
  return found.clinician_id
}

/** The first free half hour from tomorrow on, epoch milliseconds. */
function nextFree(practice: Practice, chair: number, clinician: number): number {
  const today = dayOf(practice.now(), practice.zone)
  for (let ahead = 1; ahead <= LOOK_DAYS; ahead += 1) {
    const [first] = freeHalfHours(practice, addDays(today, ahead), chair, clinician)
    if (first !== undefined) return first
  }
  throw new Refusal(409, 'nothing_free', `Nothing is free within ${LOOK_DAYS} days.`)
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** `finishes` as sent, or by `minutes` after `begins`, else by `usual` milliseconds after it. */
function finish(body: Body, begins: number, usual: number): number {
  const finishes = instant(body, 'finishes')
  if (typeof finishes === 'number') return finishes
  const minutes = integer(body, 'minutes')
  return begins + (minutes === undefined ? usual : minutes * 60_000)
}

/** Books for a known person (`person_id`, else the first in the files) or a new one; into the next free half hour where no `begins` is given. */
export function deskBook(practice: Practice, body: Body): Json {
  const { minutes, begins: _begins, finishes: _finishes, ...rest } = body
  const chair = id(body, 'chair_id') ?? 1
  const clinician = id(body, 'clinician_id') ?? clinicianOf(practice, chair)
  return practice.transaction(() => {
    const begins = instant(body, 'begins') ?? nextFree(practice, chair, clinician)
    const known = rest.person === undefined && rest.person_id === undefined ? { person_id: '1' } : {}
    const visit = bookVisit(practice, DESK, {
      ...rest,
      ...known,
      chair_id: String(chair),
      clinician_id: String(clinician),
      begins: iso(begins),
      finishes: iso(finish(body, begins, 30 * 60_000)),
    })
    return { visit: visitJson(visit.row) }
  })
}

/** Moves a visit to another time, chair or clinician; it keeps its length where none is given. */
export function deskMove(practice: Practice, body: Body): Json {
  onlyFields(body, ['visit_id', 'begins', 'finishes', 'minutes', 'chair_id', 'clinician_id', 'overbook'])
  return practice.transaction(() => {
    const row = getVisit(practice, requiredId(body, 'visit_id'))
    const begins = instant(body, 'begins') ?? row.begins
    const finishes = finish(body, begins, row.finishes - row.begins)
    const change: Body = { begins: iso(begins), finishes: iso(finishes) }
    if (body.chair_id !== undefined) change.chair_id = body.chair_id
    if (body.clinician_id !== undefined) change.clinician_id = body.clinician_id
    if (body.overbook !== undefined) change.overbook = body.overbook
    return { visit: visitJson(changeVisit(practice, DESK, row.id, change)) }
  })
}

/** One mark on a visit: cancelled, confirmed, or arrived now. */
export function deskMark(practice: Practice, act: 'cancel' | 'confirm' | 'arrive', body: Body): Json {
  onlyFields(body, ['visit_id'])
  const changes: Record<typeof act, () => Body> = {
    cancel: () => ({ cancelled: true }),
    confirm: () => ({ confirmed: true }),
    arrive: () => ({ arrived_at: iso(practice.now()) }),
  }
  return {
    visit: visitJson(changeVisit(practice, DESK, requiredId(body, 'visit_id'), changes[act]())),
  }
}

/** Rewrites the remark of a visit. */
export function deskRemark(practice: Practice, body: Body): Json {
  onlyFields(body, ['visit_id', 'remark'])
  const change = { remark: text(body, 'remark', 500) ?? null }
  return { visit: visitJson(changeVisit(practice, DESK, requiredId(body, 'visit_id'), change)) }
}

/** Closes a time in a chair, for a clinician, or, with `everything`, in the whole practice. */
export function deskBlock(practice: Practice, body: Body): Json {
  const { minutes, everything, begins: _begins, finishes: _finishes, ...rest } = body
  const begins = instant(body, 'begins')
  if (typeof begins !== 'number') throw badInput('missing_field', 'begins is missing.')
  const place = id(body, 'chair_id') ?? id(body, 'clinician_id')
  if (place === undefined && flag(body, 'everything') !== true) {
    throw badInput('missing_field', 'Give chair_id, clinician_id, or everything: true.')
  }
  const finishes = finish(body, begins, 60 * 60_000)
  const closure = closeTime(practice, DESK, { ...rest, begins: iso(begins), finishes: iso(finishes) })
  return { closure: closureJson(closure.row) }
}

export function deskUnblock(practice: Practice, body: Body): Json {
  onlyFields(body, ['closure_id'])
  const closure = requiredId(body, 'closure_id')
  deleteClosure(practice, DESK, closure)
  return { deleted: String(closure) }
}

interface DayRow extends VisitRow {
  first_name: string
  last_name: string
}

/** The day book: visits with the names of their people, and closures. */
export function deskList(practice: Practice, day: string): Json {
  const { begins, finishes } = dayBounds(parseDay(day, 'day'), practice.zone)
  const visits = practice.all<DayRow>(
    `select v.*, p.first_name, p.last_name from visits v join people p on p.id = v.person_id
     where v.begins < ? and v.finishes > ? order by v.begins, v.chair_id, v.id`,
    [finishes, begins],
  )
  const closures = practice.all<ClosureRow>(
    'select * from closures where finishes > ? and begins < ? order by begins, id',
    [begins, finishes],
  )
  return {
    day,
    visits: visits.map((row) => ({ ...visitJson(row), person: `${row.first_name} ${row.last_name}` })),
    closures: closures.map(closureJson),
  }
}
