/** Whether the record system holds a new patient already: looked for before one is created, and never guessed. */
import type { RecordSystem } from '../connectors/connector.ts'
import { nameKey, phoneKey } from '../model/people.ts'
import type { ForeignId } from '../model/records.ts'
import type { PatientToWrite } from '../store/patients-mirror.ts'

/**
 * The foreign id of the one patient there with this name, birth date and phone; `ambiguous` where several fit; null where
 * none does. Without a birth date nothing is matched.
 */
export async function findSamePatient(
  system: RecordSystem,
  patient: PatientToWrite,
): Promise<ForeignId | null | 'ambiguous'> {
  if (patient.birth_date === null) return null
  const found = await system.findPatients({
    firstName: patient.first_name,
    lastName: patient.last_name,
    birthDate: patient.birth_date,
  })
  const phone = phoneKey(patient.phone)
  const name = nameKey(patient.first_name, patient.last_name)
  const fitting = found.filter(
    (one) =>
      one.mergedInto === null &&
      one.birthDate === patient.birth_date &&
      nameKey(one.firstName, one.lastName) === name &&
      (one.marker === patient.marker ||
        (phone !== null &&
          [one.cellPhone, one.homePhone, one.workPhone].some((other) => phoneKey(other) === phone))),
  )
  // Our own earlier attempt: the person is there already, also where the system would not know it by the marker.
  const own = fitting.find((one) => one.marker !== null && one.marker === patient.marker)
  if (own) return own.foreignId
  const [only, ...others] = fitting
  if (others.length > 0) return 'ambiguous'
  return only?.foreignId ?? null
}
