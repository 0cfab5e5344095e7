/**
 * The port: what a connector must be able to do so that the sync can keep a practice in step.
 * A connector is a factory: configuration in, `RecordSystem` out. It knows nothing of our store, ids or tenants.
 */
import type { TSchema } from 'typebox'
import type {
  AppointmentRecord,
  ChangeRecord,
  DirectoryRecord,
  ForeignId,
  Marker,
  PatientRecord,
} from '../model/records.ts'
import type { Instant, LocalDate } from '../model/time.ts'

/** The kinds of change that we may owe a record system (an insertion creates the appointment). */
export type ChangeKind = 'confirm' | 'cancel' | 'check_in' | 'reschedule' | 'note'

export interface Capabilities {
  writes: Record<ChangeKind | 'insert' | 'block' | 'new_patient' | 'descriptors', boolean>
  reads: {
    blocks: boolean
    workingHours: boolean
    descriptors: boolean
    procedures: boolean
    deletions: 'told' | 'by_window'
  }
  /**
   * `once`: the system itself refuses a second copy of an insertion (a unique id, compare-and-set), so a resend is safe at any time.
   * `detected`: it does not; we look before we resend, no sooner than `maxInFlightMs` after the last attempt.
   */
  effect: 'once' | 'detected'
  /** How long a request that we gave up on may still take effect, in milliseconds. */
  maxInFlightMs: number
  /**
   * `atomic`: check and insert are one statement or under one lock which the system itself respects.
   * `advisory`: nothing there checks; the sync reads the time before and after the write and withdraws our own.
   */
  conflictCheck: 'atomic' | 'advisory'
  limits: {
    /** Starts and ends must be whole multiples of this many minutes past the local hour. */
    grainMinutes: number
    /** Longest note in characters, null for no limit known. */
    noteLength: number | null
    /** What text survives: everything, the basic multilingual plane, or latin1. */
    characters: 'unicode' | 'bmp' | 'latin1'
  }
}

/** What a probe found. `marks` are high-water marks that only grow; one that went back means a restored backup. */
export interface Probe {
  systemName: string
  version: string
  /** The record system's clock minus ours, in milliseconds, as near as one request can tell. */
  clockSkewMs: number
  /** Rights or features missing for what the configuration asks, a sentence each. */
  missing: string[]
  marks: Record<string, number>
}

/** Opaque to everyone but the connector that made it; kept by the sync, moved in the page's own transaction. */
export type Cursor = string

export interface Page {
  /** In the order to merge: patients before the appointments that name them. */
  records: ChangeRecord[]
  /** Where to go on after this page was merged. May repeat rows, must not skip any. */
  cursor: Cursor
  /** High-water marks as of this page, by the names that a probe uses; what is read is not forgotten until the next probe. */
  marks?: Record<string, number>
  /** False where the connector already knows that another page follows. */
  last: boolean
}

export type FindKey =
  | { foreignId: ForeignId }
  | { marker: Marker }
  | {
      natural: { patient: ForeignId; provider: ForeignId | null; operatory: ForeignId | null; start: Instant }
    }

/** A patient that the record system does not hold yet. */
export interface PatientDraft {
  firstName: string
  middleName: string | null
  lastName: string
  birthDate: LocalDate | null
  gender: 'Male' | 'Female' | 'Other' | null
  email: string | null
  phone: string | null
}

/** What identifies a person well enough to look for them before creating one. */
export interface PatientQuery {
  lastName: string
  firstName: string
  birthDate: LocalDate
}

/** What one who may be the same person has in common at least: a birth date, or a phone. */
export interface AlikeQuery {
  birthDate: LocalDate | null
  /** As people write them. */
  phones: string[]
}

export interface Insertion {
  /** Recorded and committed on our side before this call, from `reserve`. The same marker means the same appointment. */
  marker: Marker
  /** Null for a block. A new patient is written with the appointment; `marker` makes it one patient however often sent. */
  patient: { foreignId: ForeignId } | { marker: Marker; draft: PatientDraft } | null
  provider: ForeignId | null
  operatory: ForeignId | null
  location: ForeignId | null
  start: Instant
  end: Instant
  unavailable: boolean
  note: string | null
  descriptors: ForeignId[]
  /** True where the location's policy lets this one stand over another; an atomic check is then left out. */
  overbook: boolean
}

/**
 * A change of one appointment. `version` is the version it was decided on, null where none is known;
 * the connector compares and sets where the system can, and answers `rejected: version_changed` when it lost.
 */
export type Change = { foreignId: ForeignId; version: string | null } & (
  | { kind: 'confirm' }
  | { kind: 'cancel' }
  | { kind: 'check_in'; at: Instant }
  | { kind: 'reschedule'; start: Instant; end: Instant; operatory: ForeignId | null; overbook: boolean }
  | { kind: 'note'; note: string | null }
)

/** Why a record system refused. `slot_taken` and `version_changed` are acted on; the others end the write. */
export type RejectionCode =
  | 'slot_taken'
  | 'version_changed'
  | 'not_found'
  | 'invalid'
  | 'unsupported'
  | 'unauthorized'
  | 'refused'

/** How one write went. Connectors never throw for what the other side did; a throw is a fault of ours. */
export type Outcome =
  /** In effect, as read back. `patient` comes with an insertion that created one. */
  | { kind: 'written'; record: AppointmentRecord; patient?: PatientRecord }
  /** Certainly not in effect. `message` is one sentence without patient data. */
  | { kind: 'rejected'; code: RejectionCode; message: string }
  /** Certainly not written: not reached, or turned away for now. */
  | { kind: 'unavailable'; message: string; retryAfterMs?: number }
  /** May have been written: look first. */
  | { kind: 'unknown'; message: string }

/** Thrown by reads when the record system cannot be reached or turns us away for now; the sync backs off. */
export class Unavailable extends Error {
  readonly retryAfterMs: number | undefined
  constructor(message: string, retryAfterMs?: number) {
    super(message)
    this.name = 'Unavailable'
    this.retryAfterMs = retryAfterMs
  }
}

/** Thrown by `changes` when its cursor is too old or of another life of the system: read everything again. */
export class CursorLost extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CursorLost'
  }
}

/** One version of an appointment in the record system's own history. */
export interface HistoryEntry {
  /** Who made it so: a program by the interface (we, as far as the system can tell), or someone at the front desk. */
  by: 'program' | 'front_desk'
  /** The row as that act left it; null where it was removed, or cannot be read. */
  record: AppointmentRecord | null
}

/** The zone of a location of ours by its foreign id (null: the only one); null where none such is set up. */
export type ZoneOf = (location: ForeignId | null) => string | null

export interface RecordSystem extends AsyncDisposable {
  /** May change with a probe, where the system is set up otherwise by then. */
  readonly capabilities: Capabilities
  /** Reachable? Throws `Unavailable` where not. */
  probe(): Promise<Probe>
  /** `zoneOf`: for a system that tells working hours as instants, which are to be wall times of our location. */
  directory(zoneOf?: ZoneOf): AsyncIterable<DirectoryRecord>
  /** From `null`: everything there is (the first load). Ends with a page whose `last` is true. */
  changes(cursor: Cursor | null): AsyncIterable<Page>
  /**
   * The complete truth of a range: every appointment and block that overlaps `[from, to)`, in pages, with the
   * patients they name first. `set_aside` for what could not be read. Throws `Unavailable` rather than leave anything out.
   */
  window(from: Instant, to: Instant): AsyncIterable<ChangeRecord[]>
  find(key: FindKey): Promise<AppointmentRecord | null>
  /**
   * Every appointment that bears this marker, cancelled ones included: more than one where a copy of a request took effect
   * too. Wanted where `effect` is `detected`; without it second copies are not looked for. Throws `Unavailable`.
   */
  copies?(marker: Marker): Promise<AppointmentRecord[]>
  /**
   * The versions of one appointment, oldest first, where the system keeps them: tells what the front desk changed after
   * our write from what was never stored as asked. Throws `Unavailable`.
   */
  history?(foreignId: ForeignId): Promise<HistoryEntry[]>
  /** Patients there with this last name, first name (case folded) and birth date. */
  findPatients(query: PatientQuery): Promise<PatientRecord[]>
  /**
   * Patients there with this birth date, and those reached by one of these phones, as far as the system finds them: for a
   * person to choose from, where name, birth date and phone do not all agree. Without it only those whom we mirror are
   * compared. More than is asked for does no harm. Throws `Unavailable`.
   */
  findAlike?(query: AlikeQuery): Promise<PatientRecord[]>
  /**
   * The marker for a coming insertion; nothing is sent. From the same seed (a UUID that was drawn when the insertion was
   * accepted) the same marker, so that an insertion whose attempts we forgot is still found by it; of another seed another.
   * `sent`: such attempts may have been made, at any time since; a system whose markers tell how far back to look must then
   * make one that finds them all.
   */
  reserve(seed?: string, sent?: boolean): Marker
  insert(request: Insertion): Promise<Outcome>
  change(request: Change): Promise<Outcome>
}

/** What a connector is given besides its configuration. */
export interface ConnectorContext {
  /** Now by the installation's clock (the database's, plus the test offset), as epoch milliseconds. */
  now(): number
  /**
   * Every request goes through here, where given: it is sent when the pace of the data source lets it. Throws `Unavailable`,
   * with nothing sent, where that would take too long.
   */
  paced?<T>(call: () => Promise<T>): Promise<T>
}

/** One kind of record system. */
export interface ConnectorFactory {
  /** `sandbox`, `fhir`, `open-dental`. */
  name: string
  /** For `foreign_id_type`: `<adapter>-<system>-DataSource-<n>`. */
  adapter: string
  system: string
  displayName: string
  type: 'cloud' | 'onprem'
  /** Validated before `open`; errors name the key that is wrong. Secrets carry `secret: true` in their schema. */
  configuration: TSchema
  open(configuration: unknown, context: ConnectorContext): Promise<RecordSystem>
  /**
   * Public keys that the record system's token endpoint verifies us by, shown to everyone; none of a
   * configuration that does not fit. Without it there are none.
   */
  publishedKeys?(configuration: unknown): PublishedKey[]
}

/** The public part of a JSON Web Key. */
export type PublishedKey = Record<string, string | string[]>
