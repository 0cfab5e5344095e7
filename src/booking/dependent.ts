/** The dependent that a guardian books for: a patient of their own, whose guarantor is the guardian. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import type { LocalDate } from '../model/time.ts'
import { isDay } from '../model/wire-time.ts'
import { findPatient, insertPatient } from '../store/patients.ts'
import { findKnown } from './known-patient.ts'

export interface Dependent {
  firstName: string
  lastName: string
  /** `YYYY-MM-DD` */
  birthDate: LocalDate
  gender: 'Male' | 'Female' | 'Other' | null
}

/**
 * Finds the dependent by name, birth date and the guardian (or the guardian's phone), or adds a placeholder that is written with the
 * appointment. Answers the patient's id and foreign id.
 */
export async function findOrAddDependent(
  tx: Tenant,
  guardianId: number,
  place: { dataSourceId: number; locationId: number },
  dependent: Dependent,
): Promise<{ id: number; foreign_id: string | null }> {
  if (!isDay(dependent.birthDate))
    throw new Failure('invalid_request', 'Parameter patient.bio.date_of_birth is not a day (YYYY-MM-DD)')
  const guardian = await findPatient(tx, guardianId)
  const phone = guardian?.cell_phone ?? guardian?.home_phone ?? null
  const person = { ...dependent, middleName: null, phones: [phone], guarantorId: guardianId }
  const { known } = await findKnown(tx, place.dataSourceId, person)
  if (known) return known
  const id = await insertPatient(tx, {
    ...dependent,
    ...place,
    providerId: null,
    middleName: null,
    email: null,
    cellPhone: phone,
    homePhone: null,
    workPhone: null,
    addressLine1: null,
    addressLine2: null,
    city: null,
    state: null,
    zipCode: null,
    guarantorId: guardianId,
  })
  return { id, foreign_id: null }
}
