/**
 * A caller's own reference makes a row at most once, for ever: the log outlives the row. Where the practice's manner is to
 * keep references without caring, only the rows themselves tell.
 */
import { mannerOf } from './manner.ts'
import type { Practice } from './practice.ts'
import { Refusal } from './refusal.ts'
import type { Noun } from './rows.ts'

/** The row that was made under this reference, or null where it was never used. */
export function rowUnder(practice: Practice, noun: Noun, reference: string): number | null {
  if (mannerOf(practice).references === 'stored') return rowsUnder(practice, noun, reference)[0] ?? null
  const sql = 'select row_id from used_references where noun = ? and reference = ?'
  return practice.get<{ row_id: number }>(sql, [noun, reference])?.row_id ?? null
}

/** Every row that bears this reference, those that stand first. */
export function rowsUnder(practice: Practice, noun: Noun, reference: string): number[] {
  const [table, ended] = noun === 'visit' ? ['visits', 'cancelled_at'] : ['closures', 'lifted_at']
  const sql = `select id from ${table} where external_reference = ? order by ${ended} is not null, id`
  return practice.all<{ id: number }>(sql, [reference]).map((row) => row.id)
}

/** The row that a booking under this reference answers instead of making another; null where it makes one. */
export function madeUnder(practice: Practice, noun: Noun, reference: string): number | null {
  return mannerOf(practice).references === 'stored' ? null : rowUnder(practice, noun, reference)
}

/** Marks the reference as used; the primary key refuses a second use where references are unique. */
export function useReference(practice: Practice, noun: Noun, reference: string, id: number): void {
  const or = mannerOf(practice).references === 'stored' ? 'or ignore' : ''
  practice.run(`insert ${or} into used_references values (?, ?, ?)`, [noun, reference, id])
}

/** 410: the reference was used, and its row was deleted since; it is never used again. */
export function spent(noun: Noun): Refusal {
  return new Refusal(410, 'reference_spent', `The ${noun} with this external reference was deleted since.`)
}
