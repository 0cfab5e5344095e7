/** What we owe a record system: its kinds, the fields each asks for, and how each may end. */
import type { FieldName } from './appointment-state.ts'

export const WRITE_KINDS = ['insert', 'confirm', 'cancel', 'check_in', 'reschedule', 'note'] as const
export type WriteKind = (typeof WRITE_KINDS)[number]

/** The fields a write asks for, with their values. Sealed wherever it is kept. */
export type Asked = Partial<Record<FieldName, unknown>>

/** The fields that must read back as asked before an insertion is complete (design section 3, 4). */
export const INSERTION_FIELDS = [
  'location_id',
  'patient_id',
  'provider_id',
  'operatory_id',
  'start_time',
  'end_time',
  'unavailable',
  'note',
  'descriptor_ids',
] as const satisfies readonly FieldName[]

/** Why a write ended other than complete, or waits for a person. */
export type WriteCode =
  | 'slot_taken'
  | 'cancelled_first'
  | 'superseded'
  | 'changed_meanwhile'
  | 'effect_unknown'
  | 'fields_differ'
  | 'deadline_passed'
  | 'not_found'
  | 'invalid'
  | 'unsupported'
  | 'unauthorized'
  | 'refused'
  | 'crashed_repeatedly'
  | 'patient_ambiguous'
  | 'already_in_effect'
  | 'duplicate_repaired'

/** Whether trying the same again can help, for each way a write may end badly. */
const retriable: Record<WriteCode, boolean> = {
  slot_taken: false,
  cancelled_first: false,
  superseded: true,
  changed_meanwhile: true,
  effect_unknown: false,
  fields_differ: false,
  deadline_passed: false,
  not_found: false,
  invalid: false,
  unsupported: false,
  unauthorized: true,
  refused: false,
  crashed_repeatedly: false,
  patient_ambiguous: false,
  already_in_effect: false,
  duplicate_repaired: false,
}

export function isRetriable(code: WriteCode | null): boolean | null {
  return code === null ? null : retriable[code]
}
