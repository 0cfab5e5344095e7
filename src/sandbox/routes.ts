/** The interface for programs: status, directory, feed, schedule, people, visits, closures, journal, clock. */
import { integer, parseId, parseInstant } from './body.ts'
import { changeVisit } from './change-visit.ts'
import { changeClosure, closeTime, closuresUnder, getClosure, getClosureUnder } from './closures.ts'
import { directory, status } from './directory.ts'
import { changesSince, historyOf, journalAfter, PAGE_MAX, schedule, visitsOf } from './feed.ts'
import type { Answer, Call, Routes } from './http.ts'
import { getPerson, searchPeople } from './people.ts'
import type { Actor, Practice } from './practice.ts'
import { badInput } from './refusal.ts'
import { closureJson, type Json, personJson, type VisitRow, visitJson } from './rows.ts'
import { bookVisit, getVisit, getVisitUnder, visitsUnder } from './visits.ts'

export function ok(json: Json): Answer {
  return { status: 200, json }
}

/** A whole number in the query from 0 to `most`; what is asked beyond `most` is cut to it. */
function whole(call: Call, name: string, usual: number, most: number): number {
  const value = call.query.get(name)
  if (value === null) return usual
  if (!/^\d{1,15}$/.test(value)) throw badInput('bad_field', `${name} must be a whole number.`)
  return Math.min(Number(value), most)
}

function limit(call: Call): number {
  return Math.max(1, whole(call, 'limit', 500, PAGE_MAX))
}

function time(call: Call, name: string): number {
  const value = call.query.get(name)
  if (value === null) throw badInput('missing_field', `${name} is missing.`)
  return parseInstant(value, name)
}

/** A program, with the reference that it sent along, for the journal. */
function program(call: Call): Actor {
  const reference = call.body.external_reference
  return { by: 'interface', reference: typeof reference === 'string' ? reference : null }
}

function rowId(call: Call): number {
  return parseId(call.parts[0] ?? '', 'The id in the path')
}

function withPerson(practice: Practice, row: VisitRow): Json {
  return { visit: visitJson(row), person: personJson(getPerson(practice, row.person_id)) }
}

/** By the caller's reference, or by person and begin. */
function visitsAsked(practice: Practice, call: Call): Json[] {
  const reference = call.query.get('external_reference')
  if (reference !== null) return visitsUnder(practice, reference).map(visitJson)
  return visitsOf(practice, call.query.get('person_id') ?? '', time(call, 'begins'))
}

function readRoutes(practice: Practice): Routes {
  return {
    'GET /status': () => ok(status(practice)),
    'GET /directory': () => ok(directory(practice)),
    'GET /changes': (call) => ok(changesSince(practice, call.query.get('cursor'), limit(call))),
    'GET /schedule': (call) =>
      ok(schedule(practice, time(call, 'from'), time(call, 'to'), call.query.get('after'), limit(call))),
    'GET /journal': (call) =>
      ok(journalAfter(practice, whole(call, 'after', 0, Number.MAX_SAFE_INTEGER), limit(call))),
    'GET /people/:': (call) => ok({ person: personJson(getPerson(practice, rowId(call))) }),
    // A search is posted, so that names and birth dates stand in no address and no log of addresses.
    'POST /people/search': (call) => ok({ people: searchPeople(practice, call.body) }),
    'GET /visits': (call) => ok({ visits: visitsAsked(practice, call) }),
    'GET /closures': (call) =>
      ok({ closures: closuresUnder(practice, call.query.get('external_reference') ?? '').map(closureJson) }),
    'GET /visits/:/history': (call) => ok(historyOf(practice, 'visit', rowId(call))),
    'GET /closures/:/history': (call) => ok(historyOf(practice, 'closure', rowId(call))),
    'GET /visits/:': (call) => ok(withPerson(practice, getVisit(practice, rowId(call)))),
    'GET /visits/by-reference/:': (call) =>
      ok(withPerson(practice, getVisitUnder(practice, call.parts[0] ?? ''))),
    'GET /closures/:': (call) => ok({ closure: closureJson(getClosure(practice, rowId(call))) }),
    'GET /closures/by-reference/:': (call) =>
      ok({ closure: closureJson(getClosureUnder(practice, call.parts[0] ?? '')) }),
  }
}

function writeRoutes(practice: Practice): Routes {
  return {
    'POST /visits': (call) => {
      const made = bookVisit(practice, program(call), call.body)
      return { status: made.created ? 201 : 200, json: withPerson(practice, made.row) }
    },
    'PATCH /visits/:': (call) =>
      ok(withPerson(practice, changeVisit(practice, program(call), rowId(call), call.body))),
    'POST /closures': (call) => {
      const made = closeTime(practice, program(call), call.body)
      return { status: made.created ? 201 : 200, json: { closure: closureJson(made.row) } }
    },
    'PATCH /closures/:': (call) =>
      ok({ closure: closureJson(changeClosure(practice, program(call), rowId(call), call.body)) }),
    'PUT /clock': (call) => {
      const offset = integer(call.body, 'offset_ms')
      if (offset === undefined) throw badInput('missing_field', 'offset_ms is missing.')
      practice.clockOffsetMs = offset
      return ok({ now: new Date(practice.now()).toISOString() })
    },
  }
}

export function programRoutes(practice: Practice): Routes {
  return { ...readRoutes(practice), ...writeRoutes(practice) }
}
