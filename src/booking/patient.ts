/**
 * A new patient: checked, matched against who is there, and kept as a placeholder that goes to the record system with
 * its first appointment (reference, 6.5). The id never changes (decision 13).
 */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { isPhone } from '../model/people.ts'
import { isDay } from '../model/wire-time.ts'
import { now } from '../store/data-sources.ts'
import { getLocation } from '../store/locations.ts'
import { insertPatient } from '../store/patients.ts'
import { findProvider } from '../store/providers.ts'
import { findKnown } from './known-patient.ts'

export interface PatientWish {
  locationId: number
  providerId: number
  firstName: string
  middleName: string | null
  lastName: string
  email: string
  /** `YYYY-MM-DD` */
  birthDate: string
  phone: string
  gender: string | null
  cellPhone: string | null
  homePhone: string | null
  workPhone: string | null
  addressLine1: string | null
  addressLine2: string | null
  city: string | null
  state: string | null
  zipCode: string | null
  /** A match is answered instead of refused. */
  returnExisting: boolean
}

const genders = { male: 'Male', female: 'Female', other: 'Other' } as const

/**
 * Creates a patient, or finds the one who is there.
 * Throws `invalid_request` with a sentence for each thing wrong, `patient_exists` for a match that is not wanted back,
 * `not_found` for an unknown location or provider.
 */
export async function createPatient(
  tx: Tenant,
  wish: PatientWish,
): Promise<{ id: number; existing: boolean }> {
  const location = await getLocation(tx, wish.locationId)
  if (!(await findProvider(tx, wish.providerId))) throw new Failure('not_found', 'Provider not found')
  const today = (await now(tx)).slice(0, 10)
  const wrong = faultsOf(wish, location.country_code, today)
  if (location.data_source_id === null) wrong.push('The location is not connected to a record system yet')
  if (wrong.length > 0 || location.data_source_id === null) throw new Failure('invalid_request', wrong)

  const person = {
    firstName: wish.firstName.trim(),
    lastName: wish.lastName.trim(),
    birthDate: wish.birthDate,
  }
  const { middleName, phone, cellPhone, homePhone, workPhone } = wish
  const phones = [phone, cellPhone, homePhone, workPhone]
  const { exists, known } = await findKnown(tx, location.data_source_id, { ...person, middleName, phones })
  if (exists && !wish.returnExisting) throw new Failure('patient_exists', 'Patient already exists')
  if (known) return { id: known.id, existing: true }
  const id = await insertPatient(tx, {
    ...wish,
    ...person,
    dataSourceId: location.data_source_id,
    gender: genderOf(wish.gender),
    email: wish.email.trim(),
    // The main phone is the mobile one to every record system we speak to; a second one given stands beside it.
    cellPhone: wish.phone,
    homePhone: wish.homePhone ?? (wish.cellPhone === wish.phone ? null : wish.cellPhone),
    guarantorId: null,
  })
  return { id, existing: false }
}

/** Reads a gender as people write it; null where it is none of the three. */
export function genderOf(text: string | null): 'Male' | 'Female' | 'Other' | null {
  return genders[text?.trim().toLowerCase() as keyof typeof genders] ?? null
}

function faultsOf(wish: PatientWish, country: string, today: string): string[] {
  const wrong: string[] = []
  if (wish.firstName.trim() === '') wrong.push('Parameter first_name must not be empty')
  if (wish.lastName.trim() === '') wrong.push('Parameter last_name must not be empty')
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(wish.email.trim()))
    wrong.push('Parameter email is not an e-mail address')
  if (!isDay(wish.birthDate)) wrong.push('Parameter date_of_birth must be a day such as 1988-02-29')
  else if (wish.birthDate > today) wrong.push('Parameter date_of_birth lies in the future')
  else if (wish.birthDate < '1880-01-01') wrong.push('Parameter date_of_birth lies too far back')
  if (wish.gender !== null && genderOf(wish.gender) === null)
    wrong.push('Parameter gender must be one of Male, Female, Other')
  const phones = [wish.phone, wish.cellPhone, wish.homePhone, wish.workPhone].filter(
    (phone) => phone !== null && phone !== '',
  )
  if (phones.some((phone) => !isPhone(phone ?? '', country))) wrong.push('User phone number is invalid')
  return wrong
}
