/**
 * What a record system says, normalised by its connector: foreign ids as they stand there, instants in UTC.
 * Nothing here knows our own ids; the merge gives those.
 */
import type { Instant, LocalDate } from './time.ts'

/** The record system's own id of a thing: text, unique within its data source and noun. */
export type ForeignId = string

/** A value of ours that we can write into the record system and find again: known before the write is sent. */
export type Marker = string

/** One appointment or block as the record system holds it. A block has `unavailable: true` and no patient. */
export interface AppointmentRecord {
  foreignId: ForeignId
  /** Our marker where the record bears one, else null. */
  marker: Marker | null
  patient: ForeignId | null
  provider: ForeignId | null
  operatory: ForeignId | null
  /** Null where the system has one location only, or where the operatory tells it. */
  location: ForeignId | null
  start: Instant
  end: Instant
  unavailable: boolean
  confirmed: boolean
  confirmedAt: Instant | null
  cancelled: boolean
  cancelledAt: Instant | null
  checkinAt: Instant | null
  checkedOut: boolean
  checkedOutAt: Instant | null
  missed: boolean
  note: string | null
  /** Foreign ids of descriptors, sorted. */
  descriptors: ForeignId[]
  /** When it was entered there, where the system says so. */
  enteredAt: Instant | null
  /** The system's own mark of this version of the row, for compare-and-set. */
  version: string | null
}

/** One patient as the record system holds it. */
export interface PatientRecord {
  foreignId: ForeignId
  marker: Marker | null
  firstName: string
  middleName: string | null
  lastName: string
  birthDate: LocalDate | null
  gender: 'Male' | 'Female' | 'Other' | null
  email: string | null
  /** As the system stores them. */
  cellPhone: string | null
  homePhone: string | null
  workPhone: string | null
  addressLine1: string | null
  addressLine2: string | null
  city: string | null
  state: string | null
  zipCode: string | null
  language: string | null
  chartId: string | null
  billingType: string | null
  guarantor: ForeignId | null
  provider: ForeignId | null
  inactive: boolean
  /** The surviving patient where the practice merged this one away. */
  mergedInto: ForeignId | null
  version: string | null
}

export interface ProcedureRecord {
  foreignId: ForeignId
  patient: ForeignId | null
  provider: ForeignId | null
  appointment: ForeignId | null
  location: ForeignId | null
  code: string | null
  name: string
  status: 'planned' | 'scheduled' | 'completed' | 'inactive' | 'referred'
  startDate: LocalDate | null
  endDate: LocalDate | null
}

/** A row that cannot be read as what it should be: kept encrypted with its reason, and never stops a page. */
export interface SetAsideRecord {
  noun: 'appointment' | 'patient' | 'procedure'
  foreignId: ForeignId | null
  /** One sentence without patient data. */
  reason: string
  /** The row as it came. */
  raw: unknown
}

/** One thing that changed. `gone`: the system says that it exists no longer. */
export type ChangeRecord =
  | { kind: 'appointment'; record: AppointmentRecord }
  | { kind: 'patient'; record: PatientRecord }
  | { kind: 'procedure'; record: ProcedureRecord }
  | { kind: 'gone'; noun: 'appointment' | 'patient'; foreignId: ForeignId }
  | { kind: 'set_aside'; record: SetAsideRecord }

export interface LocationRecord {
  foreignId: ForeignId
  name: string
  /** IANA zone where the system knows it. */
  zone: string | null
}

export interface ProviderRecord {
  foreignId: ForeignId
  firstName: string
  lastName: string
  displayName: string
  npi: string | null
  inactive: boolean
  /** Locations worked at; empty means all. */
  locations: ForeignId[]
}

export interface OperatoryRecord {
  foreignId: ForeignId
  name: string
  location: ForeignId | null
  active: boolean
}

export interface DescriptorRecord {
  foreignId: ForeignId
  descriptorType: 'Procedure Code' | 'Appointment Type'
  name: string
  code: string | null
  location: ForeignId | null
  active: boolean
}

export const WEEKDAYS = [
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
  'Sunday',
] as const
export type Weekday = (typeof WEEKDAYS)[number]

/** A synced working hour: local wall times `HH:MM` of the location's zone; exactly one of days and date is given. */
export interface WorkingHourRecord {
  foreignId: ForeignId
  provider: ForeignId
  operatory: ForeignId | null
  location: ForeignId | null
  beginTime: string
  endTime: string
  days: Weekday[]
  specificDate: LocalDate | null
  /** The record system's name for this kind of time, where it has one. */
  label?: string | null
}

/** The slow-moving things. One read of the directory is complete: what it leaves out is no longer there. */
export type DirectoryRecord =
  | { kind: 'location'; record: LocationRecord }
  | { kind: 'provider'; record: ProviderRecord }
  | { kind: 'operatory'; record: OperatoryRecord }
  | { kind: 'descriptor'; record: DescriptorRecord }
  | { kind: 'working_hour'; record: WorkingHourRecord }
