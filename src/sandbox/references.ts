/** A caller's own reference makes a row at most once, for ever: the log outlives the row. */
import type { Practice } from './practice.ts'
import { Refusal } from './refusal.ts'
import type { Noun } from './rows.ts'

/** The row that was made under this reference, or null where it was never used. */
export function rowUnder(practice: Practice, noun: Noun, reference: string): number | null {
  const sql = 'select row_id from used_references where noun = ? and reference = ?'
  return practice.get<{ row_id: number }>(sql, [noun, reference])?.row_id ?? null
}

/** Marks the reference as used; the primary key refuses a second use. */
export function useReference(practice: Practice, noun: Noun, reference: string, id: number): void {
  practice.run('insert into used_references values (?, ?, ?)', [noun, reference, id])
}

/** 410: the reference was used, and its row was deleted since; it is never used again. */
export function spent(noun: Noun): Refusal {
  return new Refusal(410, 'reference_spent', `The ${noun} with this external reference was deleted since.`)
}
