/** Changes of a visit: compare the version, check the new time, set, all in one transaction. */
import { type Body, flag, id, instant, integer, onlyFields, REMARK_MAX, text, texts } from './body.ts'
import { refuseWhereTaken, VISIT_MAX_MS } from './in-the-way.ts'
import type { Actor, Practice } from './practice.ts'
import { badInput, Refusal } from './refusal.ts'
import { type VisitRow, visitJson } from './rows.ts'
import { checkNamed, checkTimes, getVisit } from './visits.ts'

const FIELDS = [
  'version',
  'clinician_id',
  'chair_id',
  'kind_id',
  'procedure_codes',
  'begins',
  'finishes',
  'remark',
  'confirmed',
  'arrived_at',
  'left_at',
  'missed',
  'cancelled',
  'overbook',
]

/** `undefined` (not sent) leaves what was there; null empties it. */
function over<T>(sent: T | null | undefined, was: T | null): T | null {
  return sent === undefined ? was : sent
}

/** True sets the instant where there is none yet, false clears it. */
function since(sent: boolean | undefined, was: number | null, now: number): number | null {
  if (sent === undefined) return was
  return sent ? (was ?? now) : null
}

/** The row as it would stand afterwards. */
function changed(row: VisitRow, body: Body, now: number): VisitRow {
  const begins = instant(body, 'begins')
  const finishes = instant(body, 'finishes')
  if (begins === null || finishes === null) throw badInput('bad_field', 'A visit needs begins and finishes.')
  const codes = texts(body, 'procedure_codes')
  return {
    ...row,
    begins: begins ?? row.begins,
    finishes: finishes ?? row.finishes,
    clinician_id: over(id(body, 'clinician_id'), row.clinician_id),
    chair_id: over(id(body, 'chair_id'), row.chair_id),
    kind_id: over(id(body, 'kind_id'), row.kind_id),
    procedure_codes: codes === undefined ? row.procedure_codes : JSON.stringify(codes),
    remark: over(text(body, 'remark', REMARK_MAX), row.remark),
    confirmed_at: since(flag(body, 'confirmed'), row.confirmed_at, now),
    arrived_at: over(instant(body, 'arrived_at'), row.arrived_at),
    left_at: over(instant(body, 'left_at'), row.left_at),
    missed_at: since(flag(body, 'missed'), row.missed_at, now),
    cancelled_at: since(flag(body, 'cancelled'), row.cancelled_at, now),
  }
}

function sameValues(one: VisitRow, other: VisitRow): boolean {
  return JSON.stringify(visitJson(one)) === JSON.stringify(visitJson(other))
}

/** A cancelled visit takes no more acts but notes, unless the same change takes the cancellation back. */
function checkAlive(row: VisitRow, next: VisitRow): void {
  if (row.cancelled_at === null || next.cancelled_at === null) return
  const moved = next.begins !== row.begins || next.finishes !== row.finishes || next.chair_id !== row.chair_id
  if (moved || next.confirmed_at !== row.confirmed_at || next.arrived_at !== row.arrived_at) {
    throw new Refusal(409, 'is_cancelled', `Visit ${row.id} is cancelled.`)
  }
}

function checkTime(practice: Practice, row: VisitRow, next: VisitRow): void {
  const sameTime = next.begins === row.begins && next.finishes === row.finishes
  const samePlace = next.chair_id === row.chair_id && next.clinician_id === row.clinician_id
  const revived = row.cancelled_at !== null && next.cancelled_at === null
  if ((sameTime && samePlace && !revived) || next.cancelled_at !== null) return
  const wanted = {
    chair: next.chair_id,
    clinician: next.clinician_id,
    begins: next.begins,
    finishes: next.finishes,
  }
  refuseWhereTaken(practice, wanted, { visit: row.id })
}

/** One word for the journal: what the change chiefly was. */
function nameAct(row: VisitRow, next: VisitRow): string {
  if (next.cancelled_at !== row.cancelled_at) return next.cancelled_at === null ? 'revive' : 'cancel'
  if (next.begins !== row.begins || next.finishes !== row.finishes || next.chair_id !== row.chair_id) {
    return 'move'
  }
  if (next.arrived_at !== row.arrived_at) return 'arrive'
  if (next.confirmed_at !== row.confirmed_at) return 'confirm'
  return next.remark === row.remark ? 'change' : 'remark'
}

function save(practice: Practice, actor: Actor, row: VisitRow, next: VisitRow): VisitRow {
  const revision = practice.count('revision')
  practice.run(
    `update visits set clinician_id = ?, chair_id = ?, kind_id = ?, procedure_codes = ?, begins = ?, finishes = ?,
       remark = ?, confirmed_at = ?, arrived_at = ?, left_at = ?, missed_at = ?, cancelled_at = ?,
       version = version + 1, revision = ?, changed_at = ? where id = ?`,
    [
      next.clinician_id,
      next.chair_id,
      next.kind_id,
      next.procedure_codes,
      next.begins,
      next.finishes,
      next.remark,
      next.confirmed_at,
      next.arrived_at,
      next.left_at,
      next.missed_at,
      next.cancelled_at,
      revision,
      practice.now(),
      row.id,
    ],
  )
  const after = getVisit(practice, row.id)
  practice.write(actor, revision, {
    act: nameAct(row, next),
    noun: 'visit',
    id: row.id,
    before: visitJson(row),
    after: visitJson(after),
  })
  return after
}

/**
 * Changes a visit. A program must send the `version` it read and loses where the row has another by now; the desk,
 * which looks at the row while it types, need not. A change that changes nothing keeps version and revision.
 * @throws Refusal 404, 409 `time_taken` or `is_cancelled`, 412 `version_changed`, 422
 */
export function changeVisit(practice: Practice, actor: Actor, visit: number, body: Body): VisitRow {
  onlyFields(body, FIELDS)
  const version = integer(body, 'version')
  if (version === undefined && actor.by === 'interface')
    throw badInput('missing_field', 'version is missing.')
  return practice.transaction(() => {
    const row = getVisit(practice, visit)
    if (version !== undefined && version !== row.version) {
      throw new Refusal(412, 'version_changed', `Visit ${visit} has changed.`, { version: row.version })
    }
    const next = changed(row, body, practice.now())
    if (sameValues(row, next)) return row
    checkTimes(next.begins, next.finishes, VISIT_MAX_MS)
    checkNamed(practice, {
      clinician: next.clinician_id,
      chair: next.chair_id,
      kind: next.kind_id,
      codes: JSON.parse(next.procedure_codes) as string[],
      remark: next.remark,
      reference: null,
    })
    checkAlive(row, next)
    if (flag(body, 'overbook') !== true) checkTime(practice, row, next)
    return save(practice, actor, row, next)
  })
}
