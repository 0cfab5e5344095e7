/**
 * What a story needs besides the connector: hands in the record system that are not the connector's. Whoever judges a
 * connector gives one, made of the system's own interface, so that the connector never vouches for itself.
 */
import type { ForeignId } from '../../model/records.ts'
import type { Instant } from '../../model/time.ts'
import type { PatientDraft, RecordSystem } from '../connector.ts'

/** Who and where, by the record system's own ids. */
export interface Place {
  provider: ForeignId
  operatory: ForeignId | null
  location: ForeignId | null
}

/** One appointment or block as the system itself shows it, read without the connector. */
export interface View {
  foreignId: ForeignId
  patient: ForeignId | null
  start: Instant
  end: Instant
  cancelled: boolean
  confirmed: boolean
  arrived: boolean
  note: string | null
}

/** What the front desk can do. An act that the system does not know is left out, and its stories are passed over. */
export interface Desk {
  book(at: { place: Place; patient: ForeignId; start: Instant; end: Instant }): Promise<ForeignId>
  move(foreignId: ForeignId, start: Instant, end: Instant): Promise<void>
  cancel(foreignId: ForeignId): Promise<void>
  note(foreignId: ForeignId, note: string): Promise<void>
  /** Takes the row out altogether. */
  remove?(foreignId: ForeignId): Promise<void>
}

export interface World {
  /** The connector to judge, open. */
  system: RecordSystem
  place: Place
  /** A patient that the system holds. */
  patient: ForeignId
  /** A person whom it does not hold, another at each call. */
  stranger(): PatientDraft
  /** A start with a free hour in `place`, another at each call. */
  freeStart(): Promise<Instant>
  desk: Desk
  /** Null where the system holds no such row. */
  view(foreignId: ForeignId): Promise<View | null>
  /** Every row that begins at this instant in `place`, cancelled ones left out. */
  standingAt(start: Instant): Promise<View[]>
  /**
   * Runs `work` with the connection lost at one call that writes: before the system hears of it, or after it took effect
   * and before its answer arrives. Left out where the wire cannot be cut.
   */
  cutting?<T>(when: 'before' | 'after', work: (system: RecordSystem) => Promise<T>): Promise<T>
}
