/**
 * What stands in the way of taking a time. Two things want the same when both name a chair and it is the same; where one
 * names none, when they name the same clinician, as one clinician may work two chairs at once; and a closure that names
 * neither takes the whole practice. What is cancelled or lifted takes nothing.
 */
import { mannerOf } from './manner.ts'
import type { Practice } from './practice.ts'
import { Refusal } from './refusal.ts'

export interface Wanted {
  chair: number | null
  clinician: number | null
  begins: number
  finishes: number
}

/** The row that is being moved, which cannot be in its own way. */
export interface Except {
  visit?: number
  closure?: number
}

export interface Span {
  noun: 'visit' | 'closure'
  id: number
  begins: number
  finishes: number
}

/** The longest visit; bounds every look back over the index on its begin. */
export const VISIT_MAX_MS = 24 * 3_600_000

const WANTS_THE_SAME = `(
  (:chair is null and :clinician is null) or (chair_id is null and clinician_id is null) or chair_id = :chair
  or ((chair_id is null or :chair is null) and clinician_id = :clinician))`

const VISITS = `select 'visit' as noun, id, begins, finishes from visits
  where begins < :finishes and begins > :earliest and finishes > :begins and id <> :except and cancelled_at is null
    and ${WANTS_THE_SAME} order by begins, id`

const CLOSURES = `select 'closure' as noun, id, begins, finishes from closures
  where finishes > :begins and begins < :finishes and id <> :except and lifted_at is null
    and ${WANTS_THE_SAME} order by begins, id`

/** Everything in the way, visits first. Call it inside the transaction that then takes the time. */
export function inTheWay(practice: Practice, wanted: Wanted, except: Except = {}): Span[] {
  const { chair, clinician, begins, finishes } = wanted
  const asked = { chair, clinician, begins, finishes }
  const earliest = begins - VISIT_MAX_MS
  return [
    ...practice.allNamed<Span>(VISITS, { ...asked, earliest, except: except.visit ?? 0 }),
    ...practice.allNamed<Span>(CLOSURES, { ...asked, except: except.closure ?? 0 }),
  ]
}

/** Looks at nothing where the practice leaves times unchecked. @throws Refusal 409 `time_taken`, listing what is in the way. */
export function refuseWhereTaken(practice: Practice, wanted: Wanted, except: Except = {}): void {
  const found = mannerOf(practice).times === 'unchecked' ? [] : inTheWay(practice, wanted, except)
  if (found.length === 0) return
  const first = found[0]
  throw new Refusal(409, 'time_taken', `The time is taken by ${first?.noun} ${first?.id}.`, {
    in_the_way: found.map((span) => ({
      noun: span.noun,
      id: String(span.id),
      begins: new Date(span.begins).toISOString(),
      finishes: new Date(span.finishes).toISOString(),
    })),
  })
}
