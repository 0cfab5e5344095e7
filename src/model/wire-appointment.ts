/**
 * Wire shapes of the appointment. v3 has its 36 fields, v2 those and the rest of the older response object (decision 26);
 * both bear `insertion`, which is ours.
 */
import { type Static, Type } from 'typebox'
import { INSERTION_STATES, type ShownAppointment } from './appointment.ts'
import {
  Alternative,
  Id,
  InstantText,
  NullableId,
  NullableInstant,
  NullablePatientId,
  NullableText,
  nullable,
  oneOf,
  PATIENT_DATA,
} from './wire-basics.ts'
import { Candidate } from './wire-candidate.ts'
import { patientFields } from './wire-people.ts'
import { AppointmentType, Descriptor, Operatory } from './wire-practice.ts'
import { Procedure } from './wire-procedure.ts'

export const Insertion = Type.Object(
  {
    status: oneOf(INSERTION_STATES),
    code: NullableText,
    message: NullableText,
    retriable: nullable(Type.Boolean()),
    attempts: Type.Integer(),
    /** Free times, nearest first, where its own was taken (`slot_taken`). */
    alternatives: Type.Array(Alternative),
    candidates: nullable(Type.Array(Candidate)),
  },
  { title: 'Insertion' },
)

const fields = {
  id: Id,
  patient_id: NullablePatientId,
  provider_id: NullableId,
  provider_name: NullableText,
  start_time: InstantText,
  confirmed: Type.Boolean(),
  patient_missed: Type.Boolean(),
  created_at: InstantText,
  updated_at: InstantText,
  note: nullable(Type.String(PATIENT_DATA)),
  end_time: InstantText,
  unavailable: Type.Boolean(),
  cancelled: Type.Boolean(),
  timezone: Type.String(),
  institution_id: Id,
  appointment_type_id: NullableId,
  checkin_at: NullableInstant,
  location_id: Id,
  foreign_id: NullableText,
  foreign_id_type: Type.String(),
  misc: Type.Object({
    is_booked_on_nexhealth: Type.Optional(Type.Boolean()),
    booked_by_api_user_id: Type.Optional(Id),
  }),
  last_sync_time: NullableInstant,
  patient_confirmed: Type.Boolean(),
  created_by_user_id: NullableId,
  is_guardian: Type.Boolean(),
  patient_confirmed_at: NullableInstant,
  cancelled_at: NullableInstant,
  is_new_clients_patient: Type.Boolean(),
  confirmed_at: NullableInstant,
  sooner_if_possible: Type.Boolean(),
  operatory_id: NullableId,
  checked_out: Type.Boolean(),
  checked_out_at: NullableInstant,
  referrer: nullable(Type.String(PATIENT_DATA)),
  is_past_patient: Type.Boolean(),
  timezone_offset: Type.String(),
  insertion: nullable(Insertion),
}

export const AppointmentV3 = Type.Object(fields, { title: 'Appointment' })
export type AppointmentV3 = Static<typeof AppointmentV3>

const Person = Type.Object(patientFields, { title: 'AppointmentPatient' })

export const AppointmentV2 = Type.Object(
  {
    ...fields,
    deleted: Type.Boolean(),
    patient: nullable(
      Type.Object(
        { ...patientFields, guarantor: Type.Optional(nullable(Person)) },
        { title: 'AppointmentPatientWithGuarantor' },
      ),
    ),
    operatory: Type.Optional(nullable(Operatory)),
    appointment_type: Type.Optional(nullable(AppointmentType)),
    procedures: Type.Array(Procedure),
    descriptors: Type.Array(Descriptor),
    booking_details: Type.Null(),
  },
  { title: 'AppointmentV2' },
)
export type AppointmentV2 = Static<typeof AppointmentV2>

/** The appointment of events and webhooks: v3's fields and `deleted`, in both versions. */
export const AppointmentTold = Type.Object(
  { ...fields, deleted: Type.Boolean() },
  { title: 'AppointmentTold' },
)

/** v3's fields of an appointment. */
export function toAppointmentV3(shown: ShownAppointment): AppointmentV3 {
  const { deleted: _deleted, descriptor_ids: _descriptors, ...rest } = shown
  return rest
}
