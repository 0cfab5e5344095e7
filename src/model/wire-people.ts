/** What patients and providers share on the wire: the user fields and `bio` (reference, 6.4 and 6.5). */
import { type Static, Type } from 'typebox'
import { showPhone } from './people.ts'
import type { Instant, LocalDate } from './time.ts'
import {
  Id,
  InstantText,
  NullableInstant,
  NullablePatientId,
  NullableText,
  nullable,
  PATIENT_DATA,
  PatientId,
} from './wire-basics.ts'

const Personal = Type.String(PATIENT_DATA)

/** All keys are always there; what is not known is the empty text, as NexHealth has it. */
export const Bio = Type.Object(
  {
    city: Personal,
    state: Personal,
    gender: Personal,
    zip_code: Personal,
    new_patient: Type.Boolean(),
    non_patient: Type.Boolean(),
    phone_number: Personal,
    date_of_birth: Personal,
    address_line_1: Personal,
    address_line_2: Personal,
    street_address: Personal,
    cell_phone_number: Personal,
    home_phone_number: Personal,
    work_phone_number: Personal,
  },
  { title: 'Bio' },
)

/** The fields of a user up to `last_sync_time`. */
export const userFields = {
  id: Id,
  email: nullable(Personal),
  first_name: Personal,
  middle_name: nullable(Personal),
  last_name: Personal,
  name: Personal,
  created_at: InstantText,
  updated_at: InstantText,
  institution_id: Id,
  foreign_id: NullableText,
  foreign_id_type: Type.String(),
  bio: Bio,
  inactive: Type.Boolean(),
  last_sync_time: NullableInstant,
}

/** A patient as it stands inside an appointment. */
export const patientFields = {
  ...userFields,
  id: PatientId,
  guarantor_id: NullablePatientId,
  billing_type: NullableText,
  chart_id: nullable(Personal),
  preferred_language: NullableText,
}

/** A patient as the store shows it: every field of ours, before a version picks from it. */
export interface ShownPatient {
  id: number
  institution_id: number
  location_id: number | null
  /** Where the patient may be seen: its own location, else all of its data source. */
  location_ids: number[]
  foreign_id: string | null
  foreign_id_type: string
  first_name: string
  middle_name: string | null
  last_name: string
  birth_date: LocalDate | null
  gender: string | null
  email: string | null
  cell_phone: string | null
  home_phone: string | null
  work_phone: string | null
  address_line_1: string | null
  address_line_2: string | null
  city: string | null
  state: string | null
  zip_code: string | null
  language: string | null
  chart_id: string | null
  billing_type: string | null
  guarantor_id: number | null
  provider_id: number | null
  inactive: boolean
  last_sync_time: Instant | null
  created_at: Instant
  updated_at: Instant
}

const Person = Type.Object(patientFields)
export type WirePerson = Static<typeof Person>

/** The patient as it stands inside an appointment; phones as decision 23 shows them. */
export function toPerson(p: ShownPatient): WirePerson {
  const phone = p.cell_phone || p.home_phone || p.work_phone
  return {
    id: p.id,
    email: p.email,
    first_name: p.first_name,
    middle_name: p.middle_name,
    last_name: p.last_name,
    name: `${p.first_name} ${p.last_name}`,
    created_at: p.created_at,
    updated_at: p.updated_at,
    institution_id: p.institution_id,
    foreign_id: p.foreign_id,
    foreign_id_type: p.foreign_id_type,
    bio: {
      city: p.city ?? '',
      state: p.state ?? '',
      gender: p.gender ?? '',
      zip_code: p.zip_code ?? '',
      new_patient: p.foreign_id === null,
      non_patient: false,
      phone_number: showPhone(phone),
      date_of_birth: p.birth_date ?? '',
      address_line_1: p.address_line_1 ?? '',
      address_line_2: p.address_line_2 ?? '',
      street_address: p.address_line_1 ?? '',
      cell_phone_number: showPhone(p.cell_phone),
      home_phone_number: showPhone(p.home_phone),
      work_phone_number: showPhone(p.work_phone),
    },
    inactive: p.inactive,
    last_sync_time: p.last_sync_time,
    guarantor_id: p.guarantor_id,
    billing_type: p.billing_type,
    chart_id: p.chart_id,
    preferred_language: p.language,
  }
}
