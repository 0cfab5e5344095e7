/** The practice's rows → our records. Pure: what it says, in our words. */
import type {
  AppointmentRecord,
  ChangeRecord,
  DirectoryRecord,
  ForeignId,
  PatientRecord,
  ProcedureRecord,
} from '../../model/records.ts'
import { WEEKDAYS } from '../../model/records.ts'
import {
  type Closure,
  type Directory,
  isClosure,
  isPerson,
  isVisit,
  type Person,
  type Visit,
} from './practice-words.ts'

/** Closures and visits share our noun, and count apart there. */
const BLOCK = 'block_'
const KIND = 'kind_'
const CODE = 'code_'

const GENDERS = { F: 'Female', M: 'Male', X: 'Other' } as const
export const SEXES = { Female: 'F', Male: 'M', Other: 'X' } as const

/** The practice's row that a foreign id of an appointment means, or null where it can mean none. */
export function rowMeant(foreignId: ForeignId): { noun: 'visit' | 'closure'; id: string } | null {
  const noun = foreignId.startsWith(BLOCK) ? 'closure' : 'visit'
  const id = noun === 'closure' ? foreignId.slice(BLOCK.length) : foreignId
  return /^[1-9]\d{0,14}$/.test(id) ? { noun, id } : null
}

/** Descriptors' foreign ids → the one kind and the codes that a visit there can bear; null where they do not fit. */
export function splitDescriptors(ids: ForeignId[]): { kind: string | null; codes: string[] } | null {
  const kinds = ids.filter((id) => id.startsWith(KIND)).map((id) => id.slice(KIND.length))
  const codes = ids.filter((id) => id.startsWith(CODE)).map((id) => id.slice(CODE.length))
  if (kinds.length > 1 || kinds.length + codes.length !== ids.length) return null
  return { kind: kinds[0] ?? null, codes }
}

export function toAppointment(visit: Visit): AppointmentRecord {
  const kind = visit.kind_id === null ? [] : [`${KIND}${visit.kind_id}`]
  return {
    foreignId: visit.visit_id,
    marker: visit.external_reference,
    patient: visit.person_id,
    provider: visit.clinician_id,
    operatory: visit.chair_id,
    location: null,
    start: visit.begins,
    end: visit.finishes,
    unavailable: false,
    confirmed: visit.confirmed_at !== null,
    confirmedAt: visit.confirmed_at,
    cancelled: visit.cancelled_at !== null,
    cancelledAt: visit.cancelled_at,
    checkinAt: visit.arrived_at,
    checkedOut: visit.left_at !== null,
    checkedOutAt: visit.left_at,
    missed: visit.missed_at !== null,
    note: visit.remark,
    descriptors: [...kind, ...visit.procedure_codes.map((code) => `${CODE}${code}`)].sort(),
    enteredAt: visit.entered_at,
    version: String(visit.version),
  }
}

/** A closure is a block: no patient, and where it names neither chair nor clinician, the whole practice. */
export function toBlock(closure: Closure): AppointmentRecord {
  return {
    foreignId: `${BLOCK}${closure.closure_id}`,
    marker: closure.external_reference,
    patient: null,
    provider: closure.clinician_id,
    operatory: closure.chair_id,
    location: null,
    start: closure.begins,
    end: closure.finishes,
    unavailable: true,
    confirmed: false,
    confirmedAt: null,
    cancelled: closure.lifted_at !== null,
    cancelledAt: closure.lifted_at,
    checkinAt: null,
    checkedOut: false,
    checkedOutAt: null,
    missed: false,
    note: closure.reason,
    descriptors: [],
    enteredAt: closure.entered_at,
    version: String(closure.version),
  }
}

export function toPatient(person: Person): PatientRecord {
  return {
    foreignId: person.person_id,
    marker: person.external_reference,
    firstName: person.first_name,
    middleName: person.middle_name,
    lastName: person.last_name,
    birthDate: person.birth_date,
    gender: person.sex === null ? null : GENDERS[person.sex],
    email: person.email,
    cellPhone: person.phone,
    homePhone: null,
    workPhone: null,
    addressLine1: person.street,
    addressLine2: null,
    city: person.city,
    state: person.state,
    zipCode: person.zip,
    language: null,
    chartId: person.chart,
    billingType: null,
    guarantor: person.payer_id,
    provider: null,
    inactive: !person.active,
    mergedInto: person.merged_into ?? null,
    version: String(person.version),
  }
}

/** The practice plans a procedure by writing its code on the visit; what became of the visit became of it. */
function toProcedures(visit: Visit, names: ReadonlyMap<string, string>): ProcedureRecord[] {
  const over = visit.cancelled_at !== null || visit.missed_at !== null
  return visit.procedure_codes.map((code) => ({
    foreignId: `${visit.visit_id}-${code}`,
    patient: visit.person_id,
    provider: visit.clinician_id,
    appointment: visit.visit_id,
    location: null,
    code,
    name: names.get(code) ?? code,
    status: over ? 'inactive' : visit.left_at === null ? 'scheduled' : 'completed',
    startDate: null,
    endDate: null,
  }))
}

function setAside(noun: 'appointment' | 'patient', raw: unknown, key: string, prefix: string): ChangeRecord {
  const id = typeof raw === 'object' && raw !== null ? Reflect.get(raw, key) : undefined
  const foreignId = typeof id === 'string' ? `${prefix}${id}` : null
  return { kind: 'set_aside', record: { noun, foreignId, reason: 'The row lacks what it must have.', raw } }
}

export function readPerson(raw: unknown): ChangeRecord {
  if (!isPerson.Check(raw)) return setAside('patient', raw, 'person_id', '')
  return { kind: 'patient', record: toPatient(raw) }
}

function spans(row: { begins: string; finishes: string }): boolean {
  return Date.parse(row.finishes) > Date.parse(row.begins)
}

/** The visit, then its procedures. */
export function readVisit(raw: unknown, names: ReadonlyMap<string, string>): ChangeRecord[] {
  if (!isVisit.Check(raw) || !spans(raw)) return [setAside('appointment', raw, 'visit_id', '')]
  const procedures = toProcedures(raw, names)
  return [
    { kind: 'appointment', record: toAppointment(raw) },
    ...procedures.map((record): ChangeRecord => ({ kind: 'procedure', record })),
  ]
}

export function readClosure(raw: unknown): ChangeRecord {
  if (!isClosure.Check(raw) || !spans(raw)) return setAside('appointment', raw, 'closure_id', BLOCK)
  return { kind: 'appointment', record: toBlock(raw) }
}

export function readGone(noun: 'person' | 'visit' | 'closure', id: string): ChangeRecord {
  if (noun === 'person') return { kind: 'gone', noun: 'patient', foreignId: id }
  return { kind: 'gone', noun: 'appointment', foreignId: noun === 'closure' ? `${BLOCK}${id}` : id }
}

/** Sites are locations, clinicians providers, chairs operatories; kinds and codes are descriptors. */
export function readDirectory(directory: Directory): DirectoryRecord[] {
  const { sites, clinicians, chairs, visit_kinds: kinds, procedure_codes: codes } = directory
  const descriptor = (
    foreignId: string,
    name: string,
    code: string | null,
    active: boolean,
  ): DirectoryRecord => {
    const descriptorType = code === null ? 'Appointment Type' : 'Procedure Code'
    return { kind: 'descriptor', record: { foreignId, descriptorType, name, code, location: null, active } }
  }
  return [
    ...sites.map(({ site_id: foreignId, name, zone }): DirectoryRecord => {
      return { kind: 'location', record: { foreignId, name, zone } }
    }),
    ...clinicians.map(readClinician),
    ...chairs.map(({ chair_id: foreignId, site_id: location, name, active }): DirectoryRecord => {
      return { kind: 'operatory', record: { foreignId, name, location, active } }
    }),
    ...kinds.map((kind) => descriptor(`${KIND}${kind.kind_id}`, kind.name, null, kind.active)),
    ...codes.map((one) => descriptor(`${CODE}${one.code}`, one.name, one.code, one.active)),
    ...directory.weekly_hours.map(readHours),
  ]
}

function readClinician(row: Directory['clinicians'][number]): DirectoryRecord {
  return {
    kind: 'provider',
    record: {
      foreignId: row.clinician_id,
      firstName: row.first_name,
      lastName: row.last_name,
      displayName: `${row.title} ${row.first_name} ${row.last_name}`.trim(),
      npi: row.npi,
      inactive: !row.active,
      locations: [],
    },
  }
}

function readHours(row: Directory['weekly_hours'][number]): DirectoryRecord {
  return {
    kind: 'working_hour',
    record: {
      foreignId: row.hours_id,
      provider: row.clinician_id,
      operatory: row.chair_id,
      location: null,
      beginTime: row.opens,
      endTime: row.closes,
      days: WEEKDAYS.filter((_, at) => row.weekdays.includes(at + 1)),
      specificDate: null,
    },
  }
}
