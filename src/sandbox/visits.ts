/** Visits: made, found and deleted here; changed in `change-visit.ts`. */
import {
  asBody,
  type Body,
  flag,
  GRAIN_MINUTES,
  id,
  instant,
  onlyFields,
  REMARK_MAX,
  text,
  texts,
} from './body.ts'
import { refuseWhereTaken, VISIT_MAX_MS } from './in-the-way.ts'
import { enterPerson, getPerson, readPersonDraft } from './people.ts'
import type { Actor, Practice } from './practice.ts'
import { madeUnder, rowsUnder, rowUnder, spent, useReference } from './references.ts'
import { badInput, noSuch } from './refusal.ts'
import { type PersonRow, type VisitRow, visitJson } from './rows.ts'

export const VISIT_COLUMNS = `id, person_id, clinician_id, chair_id, kind_id, procedure_codes, begins, finishes, remark,
  confirmed_at, arrived_at, left_at, missed_at, cancelled_at, external_reference, entered_by, version, revision,
  entered_at, changed_at`

const FIELDS = [
  'person_id',
  'person',
  'clinician_id',
  'chair_id',
  'kind_id',
  'procedure_codes',
  'begins',
  'finishes',
  'remark',
  'external_reference',
  'overbook',
]

/** A visit about to be stored; times in epoch milliseconds. */
export interface VisitDraft {
  person: number
  clinician: number | null
  chair: number | null
  kind: number | null
  codes: string[]
  begins: number
  finishes: number
  remark: string | null
  reference: string | null
  /** What happened to it already, epoch milliseconds; the seed tells of past visits. */
  marks?: Partial<Record<Mark, number>>
}

type Mark = 'confirmed_at' | 'arrived_at' | 'left_at' | 'missed_at' | 'cancelled_at'

export interface Made<Row> {
  /** False where the reference had made it before. */
  created: boolean
  row: Row
}

function findVisit(practice: Practice, visit: number): VisitRow | undefined {
  return practice.get<VisitRow>(`select ${VISIT_COLUMNS} from visits where id = ?`, [visit])
}

/** @throws Refusal 404 */
export function getVisit(practice: Practice, visit: number): VisitRow {
  const row = findVisit(practice, visit)
  if (row === undefined) throw noSuch('visit', String(visit))
  return row
}

/** @throws Refusal 404 where the reference was never used, 410 where its visit was deleted. */
export function getVisitUnder(practice: Practice, reference: string): VisitRow {
  const made = rowUnder(practice, 'visit', reference)
  if (made === null) throw noSuch('visit', 'with this external reference')
  const row = findVisit(practice, made)
  // Also where another was entered since under the same id.
  if (row?.external_reference !== reference) throw spent('visit')
  return row
}

/** Every visit that bears this reference; more than one only where references are merely stored. */
export function visitsUnder(practice: Practice, reference: string): VisitRow[] {
  return rowsUnder(practice, 'visit', reference).map((id) => getVisit(practice, id))
}

/** The practice's rules for times: on the grain, in order, and not longer than `maxMs`. */
export function checkTimes(begins: number, finishes: number, maxMs: number): void {
  const grain = GRAIN_MINUTES * 60_000
  if (begins % grain !== 0 || finishes % grain !== 0) {
    throw badInput('off_grain', `begins and finishes must lie on whole ${GRAIN_MINUTES} minutes.`)
  }
  if (finishes <= begins) throw badInput('bad_times', 'finishes must come after begins.')
  if (finishes - begins > maxMs) throw badInput('too_long', 'The time is longer than the practice keeps.')
}

/** Refuses ids and codes that the practice does not have. */
export function checkNamed(
  practice: Practice,
  named: Omit<VisitDraft, 'person' | 'begins' | 'finishes' | 'marks'>,
): void {
  const has = (table: string, row: number | null): boolean =>
    row === null || practice.get(`select 1 from ${table} where id = ? and active = 1`, [row]) !== undefined
  if (!has('clinicians', named.clinician)) throw badInput('no_such_clinician', 'There is no such clinician.')
  if (!has('chairs', named.chair)) throw badInput('no_such_chair', 'There is no such chair.')
  if (!has('visit_kinds', named.kind)) throw badInput('no_such_kind', 'There is no such kind of visit.')
  if (named.chair === null && named.clinician === null) {
    throw badInput('missing_field', 'A visit needs a chair_id or a clinician_id.')
  }
  for (const code of named.codes) {
    if (practice.get('select 1 from procedure_codes where code = ?', [code]) === undefined) {
      throw badInput('no_such_code', 'There is no such procedure code.')
    }
  }
}

/** Stores a visit as given, unchecked: rules and conflicts are the caller's, inside the same transaction. */
export function storeVisit(
  practice: Practice,
  actor: Actor,
  draft: VisitDraft,
  enteredAt = practice.now(),
  /** The row's id where it is entered again; a fresh one otherwise. */
  rowId: number | null = null,
): VisitRow {
  const revision = practice.count('revision')
  const made = practice.run(
    `insert into visits (id, person_id, clinician_id, chair_id, kind_id, procedure_codes, begins, finishes, remark,
       external_reference, entered_by, revision, entered_at, changed_at, confirmed_at, arrived_at, left_at, missed_at,
       cancelled_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      rowId,
      draft.person,
      draft.clinician,
      draft.chair,
      draft.kind,
      JSON.stringify(draft.codes),
      draft.begins,
      draft.finishes,
      draft.remark,
      draft.reference,
      actor.by,
      revision,
      enteredAt,
      enteredAt,
      draft.marks?.confirmed_at ?? null,
      draft.marks?.arrived_at ?? null,
      draft.marks?.left_at ?? null,
      draft.marks?.missed_at ?? null,
      draft.marks?.cancelled_at ?? null,
    ],
  )
  if (draft.reference !== null) useReference(practice, 'visit', draft.reference, made)
  const row = getVisit(practice, made)
  practice.write(actor, revision, {
    act: 'book',
    noun: 'visit',
    id: made,
    before: null,
    after: visitJson(row),
  })
  return row
}

/** An existing person by id, or one entered with the visit. */
function personFor(practice: Practice, actor: Actor, body: Body): PersonRow {
  const known = id(body, 'person_id')
  if (known !== undefined && known !== null) return getPerson(practice, known)
  if (body.person === undefined) throw badInput('missing_field', 'A visit needs a person_id or a person.')
  return enterPerson(practice, actor, readPersonDraft(asBody(body.person)))
}

/**
 * Books a visit, and its person where new, in one transaction: a reference seen before answers the visit it made and
 * touches nothing; else the time is checked and taken under one lock.
 * @throws Refusal 409 `time_taken`, 410 `reference_spent`, 422 for bad input
 */
export function bookVisit(practice: Practice, actor: Actor, body: Body): Made<VisitRow> {
  onlyFields(body, FIELDS)
  const reference = text(body, 'external_reference', 100) ?? null
  const begins = instant(body, 'begins')
  const finishes = instant(body, 'finishes')
  if (typeof begins !== 'number') throw badInput('missing_field', 'begins is missing.')
  if (typeof finishes !== 'number') throw badInput('missing_field', 'finishes is missing.')
  checkTimes(begins, finishes, VISIT_MAX_MS)
  const named = {
    clinician: id(body, 'clinician_id') ?? null,
    chair: id(body, 'chair_id') ?? null,
    kind: id(body, 'kind_id') ?? null,
    codes: texts(body, 'procedure_codes') ?? [],
    remark: text(body, 'remark', REMARK_MAX) ?? null,
    reference,
  }
  return practice.transaction(() => {
    if (reference !== null && madeUnder(practice, 'visit', reference) !== null) {
      return { created: false, row: getVisitUnder(practice, reference) }
    }
    checkNamed(practice, named)
    if (flag(body, 'overbook') !== true) refuseWhereTaken(practice, { ...named, begins, finishes })
    const person = personFor(practice, actor, body)
    const row = storeVisit(practice, actor, { ...named, person: person.id, begins, finishes })
    return { created: true, row }
  })
}

/** Takes the visit out without a trace but the feed's mark and the journal; only the desk does this. */
export function deleteVisit(practice: Practice, actor: Actor, visit: number): void {
  practice.transaction(() => {
    const row = getVisit(practice, visit)
    practice.run('delete from visits where id = ?', [visit])
    const revision = practice.markGone('visit', visit)
    practice.write(actor, revision, {
      act: 'delete',
      noun: 'visit',
      id: visit,
      before: visitJson(row),
      after: null,
    })
  })
}
