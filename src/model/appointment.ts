/**
 * The appointment as everyone above the store sees it: wire names, the superset of v2 and v3, ids of ours, instants as
 * ISO text in UTC. The versions pick their fields from it (src/http/versions).
 */
import type { Agreement } from './same-person.ts'
import type { Instant } from './time.ts'

export const INSERTION_STATES = [
  'pending',
  'sending',
  'unknown',
  'needs_decision',
  'complete',
  'failed',
  'timed_out',
  'incomplete',
] as const
/** How far a write has come. The last four are ends (design section 3, 4). */
export type WriteState = (typeof INSERTION_STATES)[number]

/** A free time in place of one that is taken. */
export interface Alternative {
  start_time: Instant
  end_time: Instant
  operatory_id: number | null
  provider_id: number
}

/** What became of the write that creates the appointment; ours, additive on the wire. */
export interface InsertionStatus {
  status: WriteState
  code: string | null
  message: string | null
  retriable: boolean | null
  attempts: number
  /** Where its time was taken: up to three free ones, nearest first. */
  alternatives: Alternative[]
  /** While it waits for a person to say who the patient is (`patient_ambiguous`): whom that may be; else null. */
  candidates: PatientCandidate[] | null
}

/** One whom a new patient may be: ids, and what agrees of name, birth date and phone. */
export interface PatientCandidate {
  patient_id: number | null
  foreign_id: string
  agrees_on: Agreement[]
}

export interface ShownAppointment {
  id: number
  patient_id: number | null
  provider_id: number | null
  provider_name: string | null
  start_time: Instant
  end_time: Instant
  confirmed: boolean
  confirmed_at: Instant | null
  patient_confirmed: boolean
  patient_confirmed_at: Instant | null
  patient_missed: boolean
  cancelled: boolean
  cancelled_at: Instant | null
  checkin_at: Instant | null
  checked_out: boolean
  checked_out_at: Instant | null
  created_at: Instant
  updated_at: Instant
  note: string | null
  unavailable: boolean
  /** IANA zone of the location. */
  timezone: string
  /** Offset in force at `start_time`, like `-4:00`. */
  timezone_offset: string
  institution_id: number
  location_id: number
  operatory_id: number | null
  appointment_type_id: number | null
  /** Null until written. */
  foreign_id: string | null
  foreign_id_type: string
  misc: { is_booked_on_nexhealth?: boolean; booked_by_api_user_id?: number }
  last_sync_time: Instant | null
  created_by_user_id: number | null
  is_guardian: boolean
  is_new_clients_patient: boolean
  is_past_patient: boolean
  sooner_if_possible: boolean
  referrer: string | null
  deleted: boolean
  descriptor_ids: number[]
  /** Null for what came from the record system. */
  insertion: InsertionStatus | null
}
