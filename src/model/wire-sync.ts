/** Wire shapes around the sync: its state, what a record system can do, the writes we owe, and events. */
import { type Static, type TSchema, Type } from 'typebox'
import { INSERTION_STATES } from './appointment.ts'
import {
  Alternative,
  Id,
  InstantText,
  NullableId,
  NullableInstant,
  NullableText,
  nullable,
  oneOf,
  PATIENT_DATA,
  PatientId,
  POLICIES,
} from './wire-basics.ts'
import { Candidate } from './wire-candidate.ts'
import { BasicLocation } from './wire-practice.ts'

const Light = oneOf(['green', 'red'])

export const SyncStatus = Type.Object(
  {
    institution_id: Id,
    sync_source_type: Type.String(),
    sync_source_name: Type.String(),
    emr: Type.Object({
      id: Type.Integer(),
      name: Type.String(),
      display_name: Type.String(),
      type: oneOf(['cloud', 'onprem']),
    }),
    read_status: Light,
    read_status_at: InstantText,
    write_status: Light,
    write_status_at: InstantText,
    locations: Type.Array(BasicLocation),
    /** Ours: why a light is red, and whether the first load is complete. */
    read_reason: NullableText,
    write_reason: NullableText,
    loaded_at: NullableInstant,
    /** Ours: when the last pull that completed began; what the record system held then is shown, or newer. */
    data_as_of: NullableInstant,
    /** Ours: how many rows of the record system could not be read and are set aside. */
    set_aside: Type.Integer(),
  },
  { title: 'SyncStatus' },
)

const Able = Type.Boolean()
export const Capabilities = Type.Object(
  {
    location_id: Id,
    data_source: nullable(
      Type.Object({ id: Id, name: Type.String(), connector: Type.String(), foreign_id_type: Type.String() }),
    ),
    /** False until the record system was reached once; everything below is then false or null. */
    known: Type.Boolean(),
    /** By the field of `PATCH /appointments/{id}` and what `POST /appointments` takes. */
    writes: Type.Object({
      appointment: Able,
      block: Able,
      new_patient: Able,
      descriptor_ids: Able,
      confirmed: Able,
      cancelled: Able,
      checkin_at: Able,
      start_time: Able,
      end_time: Able,
      operatory_id: Able,
      note: Able,
    }),
    reads: Type.Object({
      blocks: Able,
      working_hours: Able,
      descriptors: Able,
      procedures: Able,
      deletions: NullableText,
    }),
    /** `once`: no second copy can take effect. `detected`: copies are found and repaired. */
    effect: NullableText,
    conflict_check: NullableText,
    /** The location's own policy. */
    overbooking: Type.Object({
      policy: oneOf(POLICIES),
      /** At most so many at one instant; null where they are not counted. */
      operatory_limit: nullable(Type.Integer()),
      provider_limit: nullable(Type.Integer()),
    }),
    limits: Type.Object({
      grain_minutes: nullable(Type.Integer()),
      note_length: nullable(Type.Integer()),
      characters: NullableText,
    }),
  },
  { title: 'Capabilities' },
)
export type Capabilities = Static<typeof Capabilities>

export const Write = Type.Object(
  {
    id: Id,
    kind: Type.String(),
    status: oneOf(INSERTION_STATES),
    fields: Type.Array(Type.String()),
    code: NullableText,
    message: NullableText,
    retriable: nullable(Type.Boolean()),
    differing: Type.Array(Type.String()),
    candidates: nullable(Type.Array(Candidate)),
    alternatives: Type.Array(Alternative),
    created_at: InstantText,
    deadline: InstantText,
    next_attempt_at: NullableInstant,
    ended_at: NullableInstant,
    attempts: Type.Array(
      Type.Object({
        started_at: InstantText,
        ended_at: NullableInstant,
        outcome: NullableText,
        code: NullableText,
        message: NullableText,
      }),
    ),
    /** Who let it stand over what was there. */
    overrides: Type.Array(
      Type.Object({
        api_key_id: Id,
        reason: Type.String(PATIENT_DATA),
        start_time: InstantText,
        end_time: InstantText,
        operatory_id: NullableId,
        appointment_ids: Type.Array(Id),
        hold_ids: Type.Array(Id),
        created_at: InstantText,
      }),
    ),
  },
  { title: 'Write' },
)

/**
 * What a person says of a write that waits for a decision, exactly one of them: who the patient is, or, where it crashed its
 * workers, to look for it and go on; or to give it up.
 */
export const WriteResolution = Type.Object(
  {
    patient_id: Type.Optional(PatientId),
    create_new: Type.Optional(Type.Literal(true)),
    retry: Type.Optional(Type.Literal(true)),
    give_up: Type.Optional(Type.Literal(true)),
  },
  { title: 'WriteResolution' },
)
export type WriteResolution = Static<typeof WriteResolution>

/** One event, shaped as its webhook would be, with the cursor to read on from. */
export function eventOf(appointment: TSchema, patient: TSchema) {
  return Type.Object({
    id: Id,
    cursor: Type.String(),
    institution_id: Id,
    subdomain: Type.String(),
    resource_type: Type.String(),
    event_name: Type.String(),
    event_time: InstantText,
    data: Type.Object(
      {
        appointment: Type.Optional(appointment),
        appointments: Type.Optional(Type.Array(appointment)),
        patient: Type.Optional(patient),
        /** The survivor, where the practice merged two patients. */
        merged_into: Type.Optional(PatientId),
      },
      { additionalProperties: true },
    ),
  })
}
