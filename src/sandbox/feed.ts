/**
 * How a reader keeps up: `changesSince` walks everything that changed, in the order of its commits; `schedule` reads
 * all of a date range. Both bring along the people whom their visits name.
 */
import { parseId } from './body.ts'
import { CLOSURE_COLUMNS } from './closures.ts'
import { VISIT_MAX_MS } from './in-the-way.ts'
import { PERSON_COLUMNS } from './people.ts'
import type { Practice } from './practice.ts'
import { badInput, Refusal } from './refusal.ts'
import {
  type ClosureRow,
  closureJson,
  type Json,
  type Noun,
  type PersonRow,
  personJson,
  type VisitRow,
  visitJson,
} from './rows.ts'
import { VISIT_COLUMNS } from './visits.ts'

/** The most rows that one answer carries. */
export const PAGE_MAX = 1000

interface GoneRow {
  revision: number
  noun: string
  row_id: number
}

/** Where a reader stands: everything up to `since` was read, by a walk that began when the practice was at `begun`. */
interface Place {
  since: number
  begun: number
}

/** @throws Refusal 410 `cursor_lost` where the reader may have missed deletions, or read another database. */
function readCursor(practice: Practice, cursor: string | null): Place {
  const revision = practice.counter('revision')
  if (cursor === null) return { since: 0, begun: revision }
  const parts = /^([0-9a-f-]{36})\.(\d{1,15})\.(\d{1,15})$/.exec(cursor)
  if (parts === null) throw badInput('bad_cursor', 'cursor is not one that this practice gave out.')
  const [, identity, since, begun] = parts
  const place = { since: Number(since), begun: Number(begun) }
  const lost = (why: string) => new Refusal(410, 'cursor_lost', why)
  if (identity !== practice.identity()) throw lost('The cursor is of another database.')
  if (place.since > revision) throw lost('The cursor is ahead of this database, which went back.')
  // A walk from nothing needs no marks of what was deleted before it began, however long ago its rows changed.
  if (Math.max(place.since, place.begun) < practice.counter('trimmed_through')) {
    throw lost('Deletions since this cursor are forgotten; read everything again.')
  }
  return place
}

function peopleNamed(practice: Practice, visits: VisitRow[]): Json[] {
  const ids = [...new Set(visits.map((visit) => visit.person_id))]
  return practice
    .all<PersonRow>(
      `select ${PERSON_COLUMNS} from people where id in (select value from json_each(?)) order by id`,
      [JSON.stringify(ids)],
    )
    .map(personJson)
}

/** The next rows after the cursor, oldest change first; a row that changed again is found where it stands now. */
export function changesSince(practice: Practice, cursor: string | null, limit: number): Json {
  const place = readCursor(practice, cursor)
  const after = [place.since, limit + 1]
  const where = 'where revision > ? order by revision limit ?'
  const people = practice.all<PersonRow>(`select ${PERSON_COLUMNS} from people ${where}`, after)
  const visits = practice.all<VisitRow>(`select ${VISIT_COLUMNS} from visits ${where}`, after)
  const closures = practice.all<ClosureRow>(`select ${CLOSURE_COLUMNS} from closures ${where}`, after)
  const gone = practice.all<GoneRow>(`select revision, noun, row_id from gone ${where}`, after)
  const revisions = [...people, ...visits, ...closures, ...gone]
    .map((row) => row.revision)
    .sort((one, other) => one - other)
  const more = revisions.length > limit
  const through = revisions[Math.min(limit, revisions.length) - 1] ?? place.since
  const within = (row: { revision: number }): boolean => row.revision <= through
  const shown = visits.filter(within)
  return {
    people: people.filter(within).map(personJson),
    named: peopleNamed(practice, shown),
    visits: shown.map(visitJson),
    closures: closures.filter(within).map(closureJson),
    gone: gone.filter(within).map((row) => ({ noun: row.noun, id: String(row.row_id) })),
    cursor: `${practice.identity()}.${through}.${place.begun}`,
    /** The revision of the last row. */
    through,
    more,
  }
}

/** Everything that overlaps `[from, to)` (epoch milliseconds): visits by id, then closures by id. */
export function schedule(
  practice: Practice,
  from: number,
  to: number,
  after: string | null,
  limit: number,
): Json {
  if (to <= from) throw badInput('bad_times', 'to must come after from.')
  const parts = /^(visit|closure)-(\d{1,15})$/.exec(after ?? 'visit-0')
  if (parts === null) throw badInput('bad_place', 'after is not one that this practice gave out.')
  const [, noun, last] = parts
  const visits =
    noun === 'visit'
      ? practice.all<VisitRow>(
          `select ${VISIT_COLUMNS} from visits where begins < ? and begins > ? and finishes > ? and id > ?
           order by id limit ?`,
          [to, from - VISIT_MAX_MS, from, Number(last), limit + 1],
        )
      : []
  const shown = visits.slice(0, limit)
  if (visits.length > limit) {
    return page(practice, shown, [], `visit-${shown.at(-1)?.id}`)
  }
  const room = limit - shown.length
  const closures = practice.all<ClosureRow>(
    `select ${CLOSURE_COLUMNS} from closures where finishes > ? and begins < ? and id > ? order by id limit ?`,
    [from, to, noun === 'closure' ? Number(last) : 0, room + 1],
  )
  const closed = closures.slice(0, room)
  const lastClosed = closed.at(-1)?.id ?? 0
  return page(practice, shown, closed, closures.length > room ? `closure-${lastClosed}` : null)
}

function page(practice: Practice, visits: VisitRow[], closures: ClosureRow[], next: string | null): Json {
  return {
    people: peopleNamed(practice, visits),
    visits: visits.map(visitJson),
    closures: closures.map(closureJson),
    next,
  }
}

/** Visits of one person at one begin, for a reader who knows no id. */
export function visitsOf(practice: Practice, person: string, begins: number): Json[] {
  const rows = practice.all<VisitRow>(
    `select ${VISIT_COLUMNS} from visits where begins = ? and person_id = ? order by id limit 50`,
    [begins, parseId(person, 'person_id')],
  )
  return rows.map(visitJson)
}

interface JournalRow {
  seq: number
  revision: number
  at: number
  by: string
  reference: string | null
  act: string
  noun: string
  row_id: number
  before: string | null
  after: string | null
}

const JOURNAL_COLUMNS = 'seq, revision, at, by, reference, act, noun, row_id, before, after'

function entryJson(row: JournalRow): Json {
  return {
    seq: row.seq,
    revision: row.revision,
    at: new Date(row.at).toISOString(),
    by: row.by,
    reference: row.reference,
    act: row.act,
    noun: row.noun,
    id: String(row.row_id),
    before: row.before === null ? null : (JSON.parse(row.before) as Json),
    after: row.after === null ? null : (JSON.parse(row.after) as Json),
  }
}

/** Every committed change after `seq`, oldest first, with who made it. */
export function journalAfter(practice: Practice, seq: number, limit: number): Json {
  const rows = practice.all<JournalRow>(
    `select ${JOURNAL_COLUMNS} from journal where seq > ? order by seq limit ?`,
    [seq, limit],
  )
  return { entries: rows.map(entryJson), last: rows.at(-1)?.seq ?? seq }
}

/** Every committed change of one row, oldest first; also of one that was deleted since. */
export function historyOf(practice: Practice, noun: Noun, id: number): Json {
  const rows = practice.all<JournalRow>(
    `select ${JOURNAL_COLUMNS} from journal where noun = ? and row_id = ? order by seq limit ${PAGE_MAX}`,
    [noun, id],
  )
  return { entries: rows.map(entryJson) }
}
