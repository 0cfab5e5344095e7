/** The one expected outcome of each fault of the simulated practice, for a booking of a new patient with a note and codes. */
import type { WriteState } from '../../src/model/appointment.ts'
import type { WriteCode } from '../../src/model/writes.ts'
import type { FaultKind } from '../../src/sandbox/fault-kinds.ts'

export interface Expected {
  state: WriteState
  code: WriteCode | null
  /** Fields that read back otherwise than asked. */
  differing: string[]
  /** How many visits the practice's journal says that we made for the patient. */
  made: number
  /** How many visits of the patient stand there in the end, made by anyone. */
  standing: number
}

const once: Expected = { state: 'complete', code: null, differing: [], made: 1, standing: 1 }
const never = (code: WriteCode): Expected => ({
  state: 'failed',
  code,
  differing: [],
  made: 0,
  standing: 0,
})
const altered = (...differing: string[]): Expected => ({
  ...once,
  state: 'incomplete',
  code: 'fields_differ',
  differing,
})

export const EXPECTED: Record<FaultKind, Expected> = {
  refused: never('refused'),
  locked: once,
  busy: once,
  rate_limited: once,
  rate_limited_bare: once,
  error_before: once,
  error_after: once,
  slow: once,
  cut_before_commit: once,
  cut_after_commit: once,
  no_answer: once,
  applied_late: once,
  applied_twice: once,
  duplicate_answer: once,
  other_answer: once,
  torn_answer: once,
  restart: once,
  wrong_time: altered('start_time', 'end_time'),
  truncated_note: altered('note'),
  other_provider: altered('provider_id'),
  other_chair: altered('operatory_id'),
  dropped_codes: altered('descriptor_ids'),
  person_renamed: once,
  // What the desk did after our write is no fault of the write.
  moved_meanwhile: once,
  remarked_meanwhile: once,
  cancelled_meanwhile: { ...once, standing: 0 },
  deleted_meanwhile: { ...never('not_found'), made: 1 },
  recreated: once,
  clock_skewed: once,
  half_page: once,
  torn_page: once,
  repeated_page: once,
  out_of_order: once,
  poisoned_row: once,
  late_commit: once,
  // It was in effect; that the practice went back behind it is told by the pull that finds out.
  backup_restored: { ...once, made: 0, standing: 0 },
}

/** What differs where the practice stores references without caring, and checks no times. */
export const EXPECTED_DETECTED: Partial<Record<FaultKind, Expected>> = {
  applied_twice: { ...once, code: 'duplicate_repaired', made: 2 },
}
