/**
 * Accepting an appointment: everything is checked, then appointment, write and event are inserted in the caller's
 * transaction. When it commits, the appointment is durable and owed to the record system.
 */
import type { Tenant } from '../db/database.ts'
import type { ShownAppointment } from '../model/appointment.ts'
import type { Draft } from '../model/appointment-state.ts'
import { Failure } from '../model/failures.ts'
import { addMs, hours, type Instant, minutes, toMs } from '../model/time.ts'
import { readTime } from '../model/wire-time.ts'
import { INSERTION_FIELDS } from '../model/writes.ts'
import {
  type BookingLocation,
  findBookingLocation,
  findBookingOperatory,
  findBookingPatient,
  findBookingProvider,
  findBookingType,
  listKnownDescriptors,
} from '../store/resources.ts'
import { saveAppointments } from '../store/save-appointments.ts'
import { deleteHold, type SlotHold } from '../store/slot-holds.ts'
import { insertWrite, type NewIds, nextInsertionIds } from '../store/writes.ts'
import { answerSame } from './answer-same.ts'
import { takeTime } from './check-time.ts'
import { claimHold } from './claim-hold.ts'
import { type Dependent, findOrAddDependent } from './dependent.ts'
import { checkHours } from './hours-rule.ts'
import { fitNote, fitTimes } from './limits.ts'
import { type Overbook, recordOverride } from './override.ts'
import { warnOfFewer } from './per-slot.ts'
import { showAccepted } from './show-accepted.ts'

/** What a client asks for. Times are as given: `start` and `end` are read in the location's zone where they have no offset. */
export interface Booking {
  apiKeyId: number
  locationId: number
  patientId: number | null
  /** With `isGuardian`: who the appointment is for; `patientId` is then the guardian. */
  dependent: Dependent | null
  providerId: number | null
  operatoryId: number | null
  start: string
  end: string | null
  appointmentTypeId: number | null
  /** The older name of a type. */
  categoryId: number | null
  note: string | null
  referrer: string | null
  unavailable: boolean
  isGuardian: boolean
  isNewClientsPatient: boolean | null
  descriptorIds: number[]
  /** A hold of the same key, which the booking takes the place of. */
  holdId?: number | null
  /** A live appointment that is the same booking is answered, and no other is made beside it. */
  answersSame?: boolean
  /** At most so many in its slot, where the location's policy takes that many. */
  perSlot?: number | null
  overbook?: Overbook | null
}

export interface Booked {
  id: number
  appointment: ShownAppointment
  warnings: string[]
}

/**
 * Books one appointment or block. Refuses with a `Failure` that names everything that is wrong; nothing is then left.
 */
export async function bookAppointment(tx: Tenant, booking: Booking): Promise<Booked> {
  // Asked for together; what is wrong is told in the order of what follows.
  const [location, found, known] = await Promise.all([
    openLocation(tx, booking),
    findResources(tx, booking.locationId, booking),
    findPatientOf(tx, booking),
  ])
  refuseMissing(location, booking)
  const hold = await claimHold(tx, booking, location.tz)
  const resources = judgeResources(location, booking, found)
  const times = decideTimes(location, booking, resources.minutes, hold)
  const note = fitNote(booking.note, location.capabilities)
  const patient = await decidePatient(tx, location, booking, known)
  const draft: Draft = {
    location_id: location.id,
    patient_id: patient?.id ?? null,
    provider_id: booking.providerId,
    operatory_id: booking.operatoryId,
    start_time: times.start,
    end_time: times.end,
    unavailable: booking.unavailable,
    confirmed: false,
    confirmed_at: null,
    cancelled: false,
    cancelled_at: null,
    checkin_at: null,
    checked_out: false,
    checked_out_at: null,
    patient_missed: false,
    note: note.note,
    descriptor_ids: resources.descriptorIds,
    appointment_type_id: resources.typeId,
    referrer: booking.referrer,
    is_guardian: booking.isGuardian,
    is_new_clients_patient: booking.isNewClientsPatient ?? (patient !== null && patient.foreign_id === null),
    sooner_if_possible: false,
    patient_confirmed: false,
    patient_confirmed_at: null,
  }
  await checkHours(tx, location, draft)
  const perSlot = booking.perSlot ?? null
  const overbook = booking.overbook ?? null
  const overbooks = overbook !== null
  const [taken, ids] = await Promise.all([
    takeTime(tx, draft, { holdId: hold?.id ?? null, perSlot, overbooks }),
    nextInsertionIds(tx),
  ])
  // Under the locks, for where the time may be taken twice.
  const same = booking.answersSame ? await answerSame(tx, sameAs(booking.apiKeyId, draft)) : null
  if (same) return same
  const fewer = warnOfFewer(location.id, { policy: taken.policy, perSlot })
  if (hold) await deleteHold(tx, hold.id)
  const { apiKeyId } = booking
  await insertBooked(tx, location, draft, apiKeyId, ids)
  const { id } = ids
  const overbooked = await recordOverride(tx, ids.writeId, draft, taken, { apiKeyId, overbook })
  const appointment = await showAccepted(tx, id)
  const warnings = [...times.warnings, ...note.warnings, ...fewer, ...overbooked]
  return { id, appointment, warnings }
}

function sameAs(apiKeyId: number, draft: Draft) {
  return {
    apiKeyId,
    locationId: draft.location_id,
    patientId: draft.patient_id,
    providerId: draft.provider_id,
    operatoryId: draft.operatory_id,
    start: draft.start_time,
    end: draft.end_time,
  }
}

async function insertBooked(
  tx: Tenant,
  location: BookingLocation,
  draft: Draft,
  apiKeyId: number,
  { id, writeId }: NewIds,
): Promise<void> {
  if (location.data_source_id === null) throw new Error('nobody to write an appointment to')
  const row = {
    id,
    data_source_id: location.data_source_id,
    foreign_id: null,
    marker: null,
    booked_by_api_key_id: apiKeyId,
    insertion_write_id: writeId,
    mirror_hash: null,
    mirror_seen_at: null,
    last_sync_time: null,
    draft,
    mirror: null,
    overlay: {},
  }
  const write = {
    id: writeId,
    data_source_id: location.data_source_id,
    appointment_id: id,
    kind: 'insert' as const,
    asked: Object.fromEntries(INSERTION_FIELDS.map((name) => [name, draft[name]])),
    was: {},
    decided_on: null,
    deadline: draft.start_time,
    promised_at: promiseOf(location, draft.start_time),
  }
  await Promise.all([saveAppointments(tx, [row]), insertWrite(tx, write)])
}

/** When the location's promise of a written insertion runs out: sooner for what starts within a day. */
function promiseOf(location: BookingLocation, start: Instant): Instant {
  const soon = toMs(start) - toMs(location.now) <= hours(24)
  return addMs(location.now, minutes(soon ? location.promise_minutes_soon : location.promise_minutes))
}

/** The location, where it takes what is asked for. */
export async function openLocation(
  tx: Tenant,
  booking: Pick<Booking, 'locationId' | 'unavailable'>,
): Promise<BookingLocation> {
  const location = await findBookingLocation(tx, booking.locationId)
  if (!location) throw new Failure('not_found', 'Location not found')
  if (location.inactive) throw new Failure('invalid_request', 'This location is inactive.')
  if (!location.insert_appt_client)
    throw new Failure(
      'unsupported_by_source',
      'This location takes no appointments by API (insert_appt_client is false).',
    )
  if (location.data_source_id === null)
    throw new Failure(
      'unsupported_by_source',
      'This location has no data source to write the appointment to.',
    )
  const writes = location.capabilities?.writes
  const what = booking.unavailable ? 'block' : 'insert'
  if (writes && !writes[what])
    throw new Failure(
      'unsupported_by_source',
      `${location.source_name} takes no ${what === 'block' ? 'blocks' : 'appointments'} (unavailable).`,
    )
  return location
}

interface Resources {
  /** The type's length in minutes, null without a type. */
  minutes: number | null
  typeId: number | null
  descriptorIds: number[]
}

function refuseMissing(location: BookingLocation, booking: Booking): void {
  const wrong: string[] = []
  if (booking.providerId === null && !booking.unavailable) wrong.push('Missing parameter provider_id')
  if (booking.patientId === null && !booking.unavailable) wrong.push('Missing parameter patient_id')
  if (booking.operatoryId === null && location.map_by_operatory && !booking.unavailable)
    wrong.push('Missing parameter operatory_id')
  if (wrong.length > 0) throw new Failure('invalid_request', wrong)
}

type AskedResources = Pick<
  Booking,
  'providerId' | 'operatoryId' | 'appointmentTypeId' | 'categoryId' | 'descriptorIds'
>

type Found = Awaited<ReturnType<typeof findResources>>

/** What is asked for by id, as far as it is there. */
async function findResources(tx: Tenant, locationId: number, asked: AskedResources) {
  const typeId = asked.appointmentTypeId ?? asked.categoryId
  const [provider, operatory, type, descriptors] = await Promise.all([
    asked.providerId === null ? null : findBookingProvider(tx, asked.providerId),
    asked.operatoryId === null ? null : findBookingOperatory(tx, asked.operatoryId),
    typeId === null ? null : findBookingType(tx, typeId, locationId),
    asked.descriptorIds.length === 0 ? [] : listKnownDescriptors(tx, locationId, asked.descriptorIds),
  ])
  return { provider, operatory, type, descriptors }
}

/** What is asked for by id, where it is there and active. */
export async function checkResources(
  tx: Tenant,
  location: BookingLocation,
  asked: AskedResources,
): Promise<Resources> {
  return judgeResources(location, asked, await findResources(tx, location.id, asked))
}

function judgeResources(location: BookingLocation, asked: AskedResources, found: Found): Resources {
  const { provider, operatory, type } = found
  if (asked.providerId !== null && !provider) throw new Failure('not_found', 'Provider not found')
  if (provider?.inactive) throw new Failure('invalid_request', 'This provider is inactive.')
  if (asked.operatoryId !== null && operatory?.location_id !== location.id)
    throw new Failure('not_found', 'Operatory not found')
  if (operatory && !operatory.active) throw new Failure('invalid_request', 'This operatory is inactive.')
  const typeId = asked.appointmentTypeId ?? asked.categoryId
  if (typeId !== null && !type)
    throw new Failure(
      'not_found',
      asked.appointmentTypeId === null ? 'Appointment category not found' : 'Appointment type not found',
    )
  refuseDescriptors(location, asked.descriptorIds, found.descriptors)
  const all = [...new Set([...asked.descriptorIds, ...(type?.descriptor_ids ?? [])])].sort((a, b) => a - b)
  return { minutes: type?.minutes ?? null, typeId, descriptorIds: all }
}

function refuseDescriptors(location: BookingLocation, ids: number[], known: number[]): void {
  if (ids.length === 0) return
  if (location.capabilities && !location.capabilities.writes.descriptors)
    throw new Failure(
      'unsupported_by_source',
      `${location.source_name} takes no descriptors (descriptor_ids).`,
    )
  const unknown = ids.filter((id) => !known.includes(id))
  if (unknown.length > 0)
    throw new Failure('not_found', `Appointment descriptor not found: ${unknown.join(', ')}`)
}

/** Start and end, fitted to the record system: by `end`, else the type, else the hold, else the location's default. */
export function decideTimes(
  location: BookingLocation,
  booking: Pick<Booking, 'start' | 'end' | 'unavailable'>,
  typeMinutes: number | null,
  hold: SlotHold | null = null,
  mayBePast = false,
) {
  const zone = location.tz
  const start = readTime({ name: 'start_time', text: booking.start, zone, edge: 'first' })
  const warnings = [...start.warnings]
  let end: Instant
  if (booking.end !== null) {
    const read = readTime({ name: 'end_time', text: booking.end, zone, edge: 'last' })
    warnings.push(...read.warnings)
    end = read.instant
  } else if (typeMinutes !== null) {
    end = addMs(start.instant, minutes(typeMinutes))
  } else if (hold !== null) {
    end = hold.end_time
  } else if (location.default_minutes !== null) {
    end = addMs(start.instant, minutes(location.default_minutes))
    warnings.push(
      `The appointment was given ${location.default_minutes} minutes, the location's default: send end_time, appointment_type_id or category_id to set its duration.`,
    )
  } else {
    throw new Failure(
      'invalid_request',
      'Missing parameter end_time (or appointment_type_id, or category_id)',
    )
  }
  if (start.instant <= location.now && !mayBePast)
    throw new Failure('invalid_request', 'Parameter start_time must be in the future')
  const fitted = fitTimes({ start: start.instant, end }, zone, location.capabilities, booking.unavailable)
  return { ...fitted, warnings: [...warnings, ...fitted.warnings] }
}

type KnownPatient = Awaited<ReturnType<typeof findBookingPatient>>

/** The patient that a booking names; null where there is none, or where it is a block. */
export async function findPatientOf(tx: Tenant, booking: Booking): Promise<KnownPatient> {
  if (booking.patientId === null || booking.unavailable) return null
  return await findBookingPatient(tx, booking.patientId)
}

/** The patient of a booking: for a guardian the dependent, who is added where nobody knows them. */
export async function decidePatient(
  tx: Tenant,
  location: BookingLocation,
  booking: Booking,
  patient: KnownPatient,
): Promise<{ id: number; foreign_id: string | null } | null> {
  if (booking.patientId === null || booking.unavailable) return null
  if (!patient) throw new Failure('not_found', 'Patient not found')
  if (patient.data_source_id !== location.data_source_id)
    throw new Failure(
      'invalid_request',
      "This patient belongs to another health record system than the location's.",
    )
  if (booking.isGuardian && booking.dependent)
    return await findOrAddDependent(
      tx,
      patient.id,
      { dataSourceId: patient.data_source_id, locationId: location.id },
      booking.dependent,
    )
  if (booking.isGuardian)
    throw new Failure('invalid_request', 'Missing parameter patient (is_guardian is true)')
  return patient
}
