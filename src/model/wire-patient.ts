/** Wire shapes of patients, v2 and v3, and what `POST /patients` takes (reference, 6.5). */
import { type Static, Type } from 'typebox'
import { Day, Id, InstantText, NullableId, NullableText, nullable, PATIENT_DATA } from './wire-basics.ts'
import { patientFields, type ShownPatient, toPerson } from './wire-people.ts'
import { Procedure } from './wire-procedure.ts'

const Dated = nullable(Type.String())
const Flag = nullable(Type.Boolean())

/** Not held by us: every value is null. */
const Hipaa = Type.Object(
  {
    authorization: Flag,
    authorization_date: Dated,
    privacy: Flag,
    privacy_date: Dated,
    consent: Flag,
    consent_date: Dated,
  },
  { title: 'Hipaa' },
)

export const BasicAppointment = Type.Object(
  {
    id: Id,
    provider_id: NullableId,
    provider_name: NullableText,
    start_time: InstantText,
    end_time: InstantText,
    location_id: Id,
    confirmed: Type.Boolean(),
  },
  { title: 'BasicAppointment' },
)

const Person = Type.Object(patientFields, { title: 'AppointmentPatient' })
const Text = nullable(Type.String(PATIENT_DATA))

/** What `include[]` adds to a patient. */
const included = {
  upcoming_appts: Type.Optional(Type.Array(BasicAppointment)),
  last_visited_appointment: Type.Optional(nullable(BasicAppointment)),
  children: Type.Optional(Type.Array(Person)),
  guarantor: Type.Optional(nullable(Person)),
  procedures: Type.Optional(Type.Array(Procedure)),
  address: Type.Optional(
    Type.Object({ line_1: Text, line_2: Text, postal_code: Text, city: Text, region: Text }),
  ),
}

export const PatientV2 = Type.Object(
  {
    ...patientFields,
    preferred_locale: Type.String(),
    location_ids: Type.Array(Id),
    provider_id: NullableId,
    /** No ledger is read: null. */
    balance: Type.Null(),
    unsubscribe_sms: Type.Boolean(),
    ...included,
  },
  { title: 'PatientV2' },
)
export type PatientV2 = Static<typeof PatientV2>

export const PatientV3 = Type.Object(
  { ...patientFields, provider_id: NullableId, hipaa: Hipaa },
  { title: 'Patient' },
)
export const SinglePatientV3 = Type.Object(
  { ...patientFields, provider_id: NullableId, hipaa: Hipaa, location_ids: Type.Array(Id), ...included },
  { title: 'SinglePatient' },
)
export type SinglePatientV3 = Static<typeof SinglePatientV3>

/** The patient of events and webhooks: either face. */
export const PatientTold = Type.Object(
  {
    ...patientFields,
    provider_id: NullableId,
    location_ids: Type.Array(Id),
    hipaa: Type.Optional(Hipaa),
    preferred_locale: Type.Optional(Type.String()),
    balance: Type.Optional(Type.Null()),
    unsubscribe_sms: Type.Optional(Type.Boolean()),
  },
  { title: 'PatientTold' },
)

/** `data.user` of `POST /patients`. */
export const CreatedPatient = Type.Object(
  { ...patientFields, preferred_locale: Type.String(), location_ids: Type.Array(Id) },
  { title: 'CreatedPatient' },
)

const Name = Type.String({ minLength: 1, maxLength: 100, ...PATIENT_DATA })
const Line = Type.Optional(Type.String({ maxLength: 255, ...PATIENT_DATA }))

export const PatientCreation = Type.Object(
  {
    provider: Type.Object({ provider_id: Id }),
    patient: Type.Object({
      first_name: Name,
      middle_name: Type.Optional(Type.String({ maxLength: 100, ...PATIENT_DATA })),
      last_name: Name,
      email: Type.String({ minLength: 3, maxLength: 254, ...PATIENT_DATA }),
      bio: Type.Object({
        date_of_birth: Day,
        phone_number: Type.String({ minLength: 1, maxLength: 40, ...PATIENT_DATA }),
        gender: Type.Optional(Type.String({ maxLength: 20 })),
        city: Line,
        state: Line,
        zip_code: Line,
        address_line_1: Line,
        address_line_2: Line,
        street_address: Line,
        cell_phone_number: Line,
        home_phone_number: Line,
        work_phone_number: Line,
      }),
    }),
    return_existing_if_match: Type.Optional(Type.Boolean()),
  },
  { title: 'PatientCreation' },
)
export type PatientCreation = Static<typeof PatientCreation>

const unheldHipaa = {
  authorization: null,
  authorization_date: null,
  privacy: null,
  privacy_date: null,
  consent: null,
  consent_date: null,
}

/** The older face of a patient. */
export function toPatientV2(p: ShownPatient): PatientV2 {
  return {
    ...toPerson(p),
    preferred_locale: p.language ?? 'en',
    location_ids: p.location_ids,
    provider_id: p.provider_id,
    balance: null,
    unsubscribe_sms: false,
  }
}

/** The newer face; a list's row leaves `location_ids` out by its schema. */
export function toPatientV3(p: ShownPatient): SinglePatientV3 {
  return { ...toPerson(p), provider_id: p.provider_id, hipaa: unheldHipaa, location_ids: p.location_ids }
}
