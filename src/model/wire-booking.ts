/** What `POST /appointments` and `PATCH /appointments/{id}` take (reference, 3.5 and 3.7). */
import { type Static, Type } from 'typebox'
import { Day, GivenDatetime, Id, PATIENT_DATA, PatientId } from './wire-basics.ts'

const Text = (maxLength: number) => Type.Optional(Type.String({ maxLength, ...PATIENT_DATA }))
const Flag = Type.Optional(Type.Boolean())
const OptionalId = Type.Optional(Id)
const OptionalPatientId = Type.Optional(PatientId)
const DESCRIPTORS_MAX = 100

/** Ours: books over what is there. Needs the scope `appointments:overbook`; the reason is kept, sealed. */
const Overbook = Type.Optional(
  Type.Object({ reason: Type.String({ pattern: '\\S', maxLength: 200, ...PATIENT_DATA }) }),
)

/** The dependent that a guardian books for. */
const Dependent = Type.Object({
  first_name: Type.String({ minLength: 1, maxLength: 100, ...PATIENT_DATA }),
  last_name: Type.String({ minLength: 1, maxLength: 100, ...PATIENT_DATA }),
  bio: Type.Object({ date_of_birth: Day, gender: Type.Optional(Type.String({ maxLength: 20 })) }),
})

export const AppointmentCreation = Type.Object(
  {
    /** At most so many in the slot, where the location's policy takes that many. */
    appointments_per_timeslot: Type.Optional(Type.Integer({ minimum: 1, maximum: 5 })),
    appt: Type.Object({
      patient_id: OptionalPatientId,
      provider_id: OptionalId,
      start_time: GivenDatetime,
      end_time: Type.Optional(GivenDatetime),
      appointment_type_id: OptionalId,
      category_id: OptionalId,
      operatory_id: OptionalId,
      /** Some clients send it again here; the query's counts. */
      location_id: OptionalId,
      note: Text(10_000),
      referrer: Text(2_000),
      unavailable: Flag,
      is_guardian: Flag,
      patient: Type.Optional(Dependent),
      is_new_clients_patient: Flag,
      descriptor_ids: Type.Optional(Type.Array(Id, { maxItems: DESCRIPTORS_MAX })),
      /** Ours: a hold of the same key, which the booking takes the place of. */
      hold_id: OptionalId,
      overbook: Overbook,
    }),
  },
  { title: 'AppointmentCreation' },
)
export type AppointmentCreation = Static<typeof AppointmentCreation>

/** Any other attribute is a local edit, undone by the next completed pull. */
export const AppointmentChange = Type.Object(
  {
    appt: Type.Object(
      {
        confirmed: Flag,
        cancelled: Flag,
        checkin_at: Type.Optional(GivenDatetime),
        start_time: Type.Optional(GivenDatetime),
        end_time: Type.Optional(GivenDatetime),
        operatory_id: OptionalId,
        note: Text(10_000),
        patient_id: OptionalPatientId,
        provider_id: OptionalId,
        appointment_type_id: OptionalId,
        referrer: Text(2_000),
        unavailable: Flag,
        patient_missed: Flag,
        patient_confirmed: Flag,
        checked_out: Flag,
        sooner_if_possible: Flag,
        is_guardian: Flag,
        is_new_clients_patient: Flag,
        descriptor_ids: Type.Optional(Type.Array(Id, { maxItems: DESCRIPTORS_MAX })),
        overbook: Overbook,
      },
      { additionalProperties: true },
    ),
  },
  { title: 'AppointmentChange' },
)
export type AppointmentChange = Static<typeof AppointmentChange>
