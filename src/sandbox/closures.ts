/** Closures: times at which a chair, a clinician or the whole practice takes no visits. */
import { type Body, flag, id, instant, integer, onlyFields, REMARK_MAX, text } from './body.ts'
import { refuseWhereTaken } from './in-the-way.ts'
import type { Actor, Practice } from './practice.ts'
import { madeUnder, rowsUnder, rowUnder, spent, useReference } from './references.ts'
import { badInput, noSuch, Refusal } from './refusal.ts'
import { type ClosureRow, closureJson } from './rows.ts'
import { checkTimes, type Made } from './visits.ts'

export const CLOSURE_COLUMNS = `id, chair_id, clinician_id, begins, finishes, reason, lifted_at, external_reference,
  entered_by, version, revision, entered_at, changed_at`

/** The longest closure: a year. */
const CLOSURE_MAX_MS = 366 * 24 * 3_600_000

/** A closure about to be stored; times in epoch milliseconds. Neither chair nor clinician: the whole practice. */
export interface ClosureDraft {
  chair: number | null
  clinician: number | null
  begins: number
  finishes: number
  reason: string | null
  reference: string | null
}

function findClosure(practice: Practice, closure: number): ClosureRow | undefined {
  return practice.get<ClosureRow>(`select ${CLOSURE_COLUMNS} from closures where id = ?`, [closure])
}

/** @throws Refusal 404 */
export function getClosure(practice: Practice, closure: number): ClosureRow {
  const row = findClosure(practice, closure)
  if (row === undefined) throw noSuch('closure', String(closure))
  return row
}

/** @throws Refusal 404 where the reference was never used, 410 where its closure was deleted. */
export function getClosureUnder(practice: Practice, reference: string): ClosureRow {
  const made = rowUnder(practice, 'closure', reference)
  if (made === null) throw noSuch('closure', 'with this external reference')
  const row = findClosure(practice, made)
  if (row === undefined) throw spent('closure')
  return row
}

/** Every closure that bears this reference; more than one only where references are merely stored. */
export function closuresUnder(practice: Practice, reference: string): ClosureRow[] {
  return rowsUnder(practice, 'closure', reference).map((id) => getClosure(practice, id))
}

/** Stores a closure as given, unchecked. Within a transaction. */
export function storeClosure(
  practice: Practice,
  actor: Actor,
  draft: ClosureDraft,
  enteredAt = practice.now(),
): ClosureRow {
  const revision = practice.count('revision')
  const made = practice.run(
    `insert into closures (chair_id, clinician_id, begins, finishes, reason, external_reference, entered_by, revision,
       entered_at, changed_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      draft.chair,
      draft.clinician,
      draft.begins,
      draft.finishes,
      draft.reason,
      draft.reference,
      actor.by,
      revision,
      enteredAt,
      enteredAt,
    ],
  )
  if (draft.reference !== null) useReference(practice, 'closure', draft.reference, made)
  const row = getClosure(practice, made)
  const entry = { noun: 'closure', id: made, before: null, after: closureJson(row) } as const
  practice.write(actor, revision, { act: 'block', ...entry })
  return row
}

function checkPlaces(practice: Practice, chair: number | null, clinician: number | null): void {
  const has = (table: string, row: number | null): boolean =>
    row === null || practice.get(`select 1 from ${table} where id = ?`, [row]) !== undefined
  if (!has('chairs', chair)) throw badInput('no_such_chair', 'There is no such chair.')
  if (!has('clinicians', clinician)) throw badInput('no_such_clinician', 'There is no such clinician.')
}

/**
 * Closes a time, where nothing stands in it. Like a visit, a reference makes one closure.
 * @throws Refusal 409 `time_taken`, 410 `reference_spent`, 422
 */
export function closeTime(practice: Practice, actor: Actor, body: Body): Made<ClosureRow> {
  const fields = [
    'chair_id',
    'clinician_id',
    'begins',
    'finishes',
    'reason',
    'external_reference',
    'overbook',
  ]
  onlyFields(body, fields)
  const begins = instant(body, 'begins')
  const finishes = instant(body, 'finishes')
  if (typeof begins !== 'number') throw badInput('missing_field', 'begins is missing.')
  if (typeof finishes !== 'number') throw badInput('missing_field', 'finishes is missing.')
  checkTimes(begins, finishes, CLOSURE_MAX_MS)
  const draft: ClosureDraft = {
    chair: id(body, 'chair_id') ?? null,
    clinician: id(body, 'clinician_id') ?? null,
    begins,
    finishes,
    reason: text(body, 'reason', REMARK_MAX) ?? null,
    reference: text(body, 'external_reference', 100) ?? null,
  }
  return practice.transaction(() => {
    if (draft.reference !== null && madeUnder(practice, 'closure', draft.reference) !== null) {
      return { created: false, row: getClosureUnder(practice, draft.reference) }
    }
    checkPlaces(practice, draft.chair, draft.clinician)
    if (flag(body, 'overbook') !== true) refuseWhereTaken(practice, draft)
    return { created: true, row: storeClosure(practice, actor, draft) }
  })
}

function save(practice: Practice, actor: Actor, row: ClosureRow, next: ClosureRow): ClosureRow {
  const revision = practice.count('revision')
  practice.run(
    `update closures set chair_id = ?, begins = ?, finishes = ?, reason = ?, lifted_at = ?, version = version + 1,
       revision = ?, changed_at = ? where id = ?`,
    [
      next.chair_id,
      next.begins,
      next.finishes,
      next.reason,
      next.lifted_at,
      revision,
      practice.now(),
      row.id,
    ],
  )
  const after = getClosure(practice, row.id)
  practice.write(actor, revision, {
    act: next.lifted_at === row.lifted_at ? 'change' : 'lift',
    noun: 'closure',
    id: row.id,
    before: closureJson(row),
    after: closureJson(after),
  })
  return after
}

/**
 * Moves, renames or lifts a closure. A lifted closure stays as a row, and closes nothing any more.
 * @throws Refusal 404, 409 `time_taken` or `is_lifted`, 412 `version_changed`, 422
 */
export function changeClosure(practice: Practice, actor: Actor, closure: number, body: Body): ClosureRow {
  onlyFields(body, ['version', 'chair_id', 'begins', 'finishes', 'reason', 'lifted', 'overbook'])
  const version = integer(body, 'version')
  if (version === undefined && actor.by === 'interface')
    throw badInput('missing_field', 'version is missing.')
  return practice.transaction(() => {
    const row = getClosure(practice, closure)
    if (version !== undefined && version !== row.version) {
      throw new Refusal(412, 'version_changed', `Closure ${closure} has changed.`, { version: row.version })
    }
    const chair = id(body, 'chair_id')
    const reason = text(body, 'reason', REMARK_MAX)
    const next: ClosureRow = {
      ...row,
      chair_id: chair === undefined ? row.chair_id : chair,
      begins: instant(body, 'begins') ?? row.begins,
      finishes: instant(body, 'finishes') ?? row.finishes,
      reason: reason === undefined ? row.reason : reason,
      lifted_at: flag(body, 'lifted') === true ? (row.lifted_at ?? practice.now()) : row.lifted_at,
    }
    if (JSON.stringify(next) === JSON.stringify(row)) return row
    const moved =
      next.begins !== row.begins || next.finishes !== row.finishes || next.chair_id !== row.chair_id
    if (moved && row.lifted_at !== null) throw new Refusal(409, 'is_lifted', `Closure ${closure} is lifted.`)
    checkTimes(next.begins, next.finishes, CLOSURE_MAX_MS)
    checkPlaces(practice, next.chair_id, next.clinician_id)
    if (moved && flag(body, 'overbook') !== true) {
      const wanted = { ...next, chair: next.chair_id, clinician: next.clinician_id }
      refuseWhereTaken(practice, wanted, { closure })
    }
    return save(practice, actor, row, next)
  })
}

/** Takes the closure out; only the desk does this. */
export function deleteClosure(practice: Practice, actor: Actor, closure: number): void {
  practice.transaction(() => {
    const row = getClosure(practice, closure)
    practice.run('delete from closures where id = ?', [closure])
    const revision = practice.markGone('closure', closure)
    const entry = { noun: 'closure', id: closure, before: closureJson(row), after: null } as const
    practice.write(actor, revision, { act: 'unblock', ...entry })
  })
}
