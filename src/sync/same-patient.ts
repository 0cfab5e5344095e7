/**
 * Whom a new patient is in the record system: looked for there before one is created, and never guessed. What was said by a
 * person once holds for every write of that patient.
 */
import type { Insertion, RecordSystem } from '../connectors/connector.ts'
import type { ForeignId, PatientRecord } from '../model/records.ts'
import { type Agreement, comparePeople, type Identity } from '../model/same-person.ts'
import type { Instant } from '../model/time.ts'
import { now } from '../store/data-sources.ts'
import { identityOf } from '../store/patients.ts'
import { listAlike, type PatientToWrite } from '../store/patients-mirror.ts'
import type { Push } from './at-work.ts'

/** Several may be the patient, or one who does not agree in all. */
export interface Undecided {
  kind: 'undecided'
  candidates: { foreignId: ForeignId; agreeing: Agreement[] }[]
  /** Those of them that were read there just now, and when that read began. */
  records: PatientRecord[]
  seenAt: Instant
}

/** A person of the record system, as it was read there or as we mirror it. */
interface Found {
  foreignId: ForeignId
  marker: string | null
  identity: Identity
}

/**
 * The patient of an insertion as the record system is to be told. Only one with whom name, birth date and phone agree is
 * taken; where nobody comes near, a new one is created; all else is `undecided`. Throws `Unavailable`.
 */
export async function choosePatient(
  push: Push,
  patient: PatientToWrite | null,
): Promise<Insertion['patient'] | Undecided> {
  if (!patient) return null
  if (patient.foreign_id !== null) return { foreignId: patient.foreign_id }
  const { records, seenAt } = await searchThere(push, patient)
  const read = new Set(records.map(({ foreignId }) => foreignId))
  const found = [
    ...records.filter(({ mergedInto }) => mergedInto === null).map(readFound),
    // What was read just now outweighs what we knew of it.
    ...(await listKnown(push, patient)).filter(({ foreignId, alias }) => alias || !read.has(foreignId)),
  ]
  // Our own earlier attempt: the person is there already, also where the system would not know it by the marker.
  const own = found.find(({ marker }) => marker !== null && marker === patient.marker)
  if (own) return { foreignId: own.foreignId }
  if (patient.surely_new) return draftOf(patient)
  const wanted = identityOf(patient)
  const compared = found.map((one) => ({ ...one, ...comparePeople(wanted, one.identity) }))
  const same = new Set(compared.flatMap((one) => (one.likeness === 'same' ? [one.foreignId] : [])))
  const [only, ...others] = same
  if (only !== undefined && others.length === 0) return { foreignId: only }
  const near = compared.filter(({ likeness }) => likeness !== 'other')
  if (near.length === 0) return draftOf(patient)
  const candidates = new Map(near.map(({ foreignId, agreeing }) => [foreignId, { foreignId, agreeing }]))
  return {
    kind: 'undecided',
    candidates: [...candidates.values()],
    records: records.filter(({ foreignId }) => candidates.has(foreignId)),
    seenAt,
  }
}

/** Asks the record system itself: it knows whom the front desk entered a moment ago. */
async function searchThere(
  { system, hold }: Push,
  patient: PatientToWrite,
): Promise<{ records: PatientRecord[]; seenAt: Instant }> {
  const seenAt = await hold.inTenant(now)
  const records = [...(await searchByName(system, patient))]
  const phones = patient.phone === null ? [] : [patient.phone]
  if (system.findAlike) records.push(...(await system.findAlike({ birthDate: patient.birth_date, phones })))
  return { records: [...new Map(records.map((one) => [one.foreignId, one])).values()], seenAt }
}

async function searchByName(system: RecordSystem, patient: PatientToWrite): Promise<PatientRecord[]> {
  const { first_name: firstName, last_name: lastName, birth_date: birthDate } = patient
  return birthDate === null ? [] : await system.findPatients({ firstName, lastName, birthDate })
}

async function listKnown(
  { hold, source }: Push,
  patient: PatientToWrite,
): Promise<(Found & { alias: boolean })[]> {
  const { birth_date, phone_keys } = patient
  const rows = await hold.inTenant((tx) => listAlike(tx, source.id, birth_date, phone_keys))
  return rows.map((row) => {
    const { foreign_id: foreignId, marker, alias } = row
    return { foreignId, marker, alias, identity: identityOf(row) }
  })
}

function readFound(record: PatientRecord): Found {
  const { foreignId, marker, firstName, middleName, lastName, birthDate } = record
  const phones = [record.cellPhone, record.homePhone, record.workPhone]
  return { foreignId, marker, identity: { firstName, middleName, lastName, birthDate, phones } }
}

function draftOf(patient: PatientToWrite): Insertion['patient'] {
  // Without it every new patient would be one and the same there.
  if (patient.marker === null) throw new Error(`patient ${patient.id} has no marker`)
  return {
    marker: patient.marker,
    draft: {
      firstName: patient.first_name,
      middleName: patient.middle_name,
      lastName: patient.last_name,
      birthDate: patient.birth_date,
      gender: patient.gender,
      email: patient.email,
      phone: patient.phone,
    },
  }
}
