/** `POST /appointments` and `PATCH /appointments/{id}`: what is accepted here is owed to the record system. */
import { type TSchema, Type } from 'typebox'
import { bookAppointment } from '../../booking/book.ts'
import { bookOnce } from '../../booking/book-once.ts'
import { changeAppointment } from '../../booking/change.ts'
import type { Overbook } from '../../booking/override.ts'
import { genderOf } from '../../booking/patient.ts'
import type { Tenant } from '../../db/database.ts'
import type { ShownAppointment } from '../../model/appointment.ts'
import { Failure } from '../../model/failures.ts'
import { AppointmentV2, AppointmentV3, toAppointmentV3 } from '../../model/wire-appointment.ts'
import { Id } from '../../model/wire-basics.ts'
import { AppointmentChange, AppointmentCreation } from '../../model/wire-booking.ts'
import type { Caller } from '../../store/access.ts'
import type { Answer } from '../envelope.ts'
import { IdParams, Subdomain } from '../inputs.ts'
import { type TenantInput, tenantRoute } from '../route.ts'
import { showAppointmentsV2 } from '../versions/appointment.ts'
import type { Version } from '../versions/choose.ts'

const Query = Type.Object({
  ...Subdomain,
  location_id: Id,
  notify_patient: Type.Optional(Type.Boolean()),
  notify_practice: Type.Optional(Type.Boolean()),
})
type Query = { location_id: number; notify_patient?: boolean; notify_practice?: boolean }
type Appt = AppointmentCreation['appt']

/** What the schema cannot say: a visit needs a patient and a provider, a block neither (decision 7). */
function missingFrom(appt: Partial<Appt> | undefined): string[] {
  if (appt === undefined || typeof appt !== 'object' || Array.isArray(appt)) return []
  const needed = appt.unavailable === true ? [] : (['patient_id', 'provider_id'] as const)
  const missing = needed.filter((name) => appt[name] === undefined).map((name) => `Missing parameter ${name}`)
  if (appt.is_guardian === true && appt.patient === undefined) missing.push('Missing parameter patient')
  return missing
}

/** Decision 24, and a parameter that means nothing here. */
function warnOf(query: Query, body: AppointmentCreation): string[] {
  const warnings: string[] = []
  const notified = (['notify_patient', 'notify_practice'] as const).filter((name) => query[name] === true)
  if (notified.length > 0)
    warnings.push(`No message was sent: ${notified.join(' and ')} is taken, but we send none.`)
  const again = body.appt.location_id
  if (again !== undefined && again !== query.location_id)
    warnings.push("appt.location_id differs from the query's location_id, which was taken.")
  return warnings
}

function dependentOf(person: Appt['patient']) {
  if (!person) return null
  const { first_name: firstName, last_name: lastName, bio } = person
  return { firstName, lastName, birthDate: bio.date_of_birth, gender: genderOf(bio.gender ?? null) }
}

const ACCESS_DENIED = "You don't have access to perform this action."

/** Throws `forbidden` where the key may not overbook. */
function overbookOf({ overbook }: { overbook?: Overbook }, caller: Caller): Overbook | null {
  if (overbook === undefined) return null
  if (!caller.scopes.includes('appointments:overbook'))
    throw new Failure('forbidden', [ACCESS_DENIED, 'The API key lacks the scope appointments:overbook'])
  return { reason: overbook.reason.trim() }
}

async function create(
  input: TenantInput<Query, unknown, AppointmentCreation>,
  version: Version,
): Promise<Answer> {
  const { tx, query, body, caller, warnings } = input
  const { appt } = body
  // Under a key, another key is another request.
  const book = input.isKeyed ? bookAppointment : bookOnce
  const booked = await book(tx, {
    apiKeyId: caller.keyId,
    locationId: query.location_id,
    patientId: appt.patient_id ?? null,
    dependent: appt.is_guardian === true ? dependentOf(appt.patient) : null,
    providerId: appt.provider_id ?? null,
    operatoryId: appt.operatory_id ?? null,
    start: appt.start_time,
    end: appt.end_time ?? null,
    appointmentTypeId: appt.appointment_type_id ?? null,
    categoryId: appt.category_id ?? null,
    note: appt.note ?? null,
    referrer: appt.referrer ?? null,
    unavailable: appt.unavailable ?? false,
    isGuardian: appt.is_guardian ?? false,
    isNewClientsPatient: appt.is_new_clients_patient ?? null,
    descriptorIds: appt.descriptor_ids ?? [],
    holdId: appt.hold_id ?? null,
    perSlot: body.appointments_per_timeslot ?? null,
    overbook: overbookOf(appt, caller),
  })
  warnings.push(...booked.warnings, ...warnOf(query, body))
  return { data: { appt: await shown(tx, booked.appointment, version) }, owes: true, status: 201 }
}

async function change(
  input: TenantInput<unknown, { id: number }, AppointmentChange>,
  version: Version,
): Promise<Answer> {
  const { tx, params, body, caller, warnings } = input
  const { overbook: _overbook, ...fields } = body.appt
  const changed = await changeAppointment(tx, {
    apiKeyId: caller.keyId,
    appointmentId: params.id,
    version,
    fields,
    overbook: overbookOf(body.appt, caller),
    // Under a key, another key is another request.
    answersSame: !input.isKeyed,
  })
  warnings.push(...changed.warnings)
  return { data: { appt: await shown(tx, changed.appointment, version) }, owes: true }
}

async function shown(tx: Tenant, row: ShownAppointment, version: Version): Promise<unknown> {
  return version === 'v3' ? toAppointmentV3(row) : (await showAppointmentsV2(tx, [row], new Set()))[0]
}

function routesOf(version: Version, appointment: TSchema) {
  const data = Type.Object({ appt: appointment })
  return [
    tenantRoute({
      method: 'POST',
      path: '/appointments',
      face: version,
      summary: 'Books an appointment or a block; 201 once it is committed and owed to the record system',
      by: 'subdomain',
      scope: 'appointments:write',
      query: Query,
      body: AppointmentCreation,
      check: (_query, body) => missingFrom(body.appt),
      data,
      status: 201,
      handle: (input) => create(input, version),
    }),
    tenantRoute({
      method: 'PATCH',
      path: '/appointments/{id}',
      face: version,
      summary: 'Confirms, cancels or checks in; on v3 also moves and notes; anything else is a local edit',
      by: 'appointment',
      scope: 'appointments:write',
      query: Type.Object({ ...Subdomain }),
      params: IdParams,
      body: AppointmentChange,
      data,
      handle: (input) => change(input, version),
    }),
  ]
}

export const appointmentWritingRoutes = [...routesOf('v2', AppointmentV2), ...routesOf('v3', AppointmentV3)]
