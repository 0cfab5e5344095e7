/** A Patient as our patient. Pure; the table is in docs/connectors/fhir.md. */
import type { PatientRecord } from '../../model/records.ts'
import type { Places } from './places.ts'
import { bestName, partsOf } from './read-directory.ts'
import type { Patient } from './resources.ts'
import { markerOf, parseReference } from './values.ts'

const GENDERS: Record<string, PatientRecord['gender']> = { male: 'Male', female: 'Female', other: 'Other' }

export function readPatient(
  patient: Patient,
  places: Pick<Places, 'practitionerOf'>,
  baseUrl: string,
): PatientRecord {
  const { first, middle, last } = partsOf(bestName(patient.name))
  const phones = contactsOf(patient, 'phone')
  const phone = (use: string) => phones.find((contact) => contact.use === use)?.value ?? null
  const address = patient.address?.find(({ use, period }) => use !== 'old' && period?.end === undefined)
  const replaced = patient.link?.find(({ type }) => type === 'replaced-by')
  const survivor = parseReference(replaced?.other, baseUrl)
  return {
    foreignId: patient.id,
    marker: markerOf(patient.identifier),
    firstName: first,
    middleName: middle,
    lastName: last,
    // A year or a month alone is no birth date to match by.
    birthDate: /^\d{4}-\d\d-\d\d$/.test(patient.birthDate ?? '') ? (patient.birthDate ?? null) : null,
    gender: GENDERS[patient.gender ?? ''] ?? null,
    email: contactsOf(patient, 'email')[0]?.value ?? null,
    cellPhone:
      phone('mobile') ?? phones.find(({ use }) => use === undefined || use === 'temp')?.value ?? null,
    homePhone: phone('home'),
    workPhone: phone('work'),
    addressLine1: address?.line?.[0] ?? null,
    addressLine2: address?.line?.[1] ?? null,
    city: address?.city ?? null,
    state: address?.state ?? null,
    zipCode: address?.postalCode ?? null,
    language: languageOf(patient),
    chartId:
      patient.identifier?.find(({ type }) => type?.coding?.some(({ code }) => code === 'MR'))?.value ?? null,
    billingType: null,
    guarantor: null,
    provider: providerOf(patient, places, baseUrl),
    inactive:
      patient.active === false || patient.deceasedBoolean === true || patient.deceasedDateTime !== undefined,
    mergedInto: survivor?.type === 'Patient' ? survivor.id : null,
    version: patient.meta?.versionId ?? null,
  }
}

/** What is in use, in the order of `rank` (1 first; none comes last). */
function contactsOf(patient: Patient, system: string) {
  const contacts = (patient.telecom ?? []).filter(
    (contact) => contact.system === system && contact.use !== 'old' && contact.period?.end === undefined,
  )
  return contacts.toSorted((a, b) => (a.rank ?? 1e9) - (b.rank ?? 1e9))
}

function languageOf(patient: Patient): string | null {
  const chosen =
    patient.communication?.find(({ preferred }) => preferred === true) ?? patient.communication?.[0]
  return chosen?.language?.coding?.[0]?.code ?? chosen?.language?.text ?? null
}

function providerOf(
  patient: Patient,
  places: Pick<Places, 'practitionerOf'>,
  baseUrl: string,
): string | null {
  for (const reference of patient.generalPractitioner ?? []) {
    const actor = parseReference(reference, baseUrl)
    if (actor?.type === 'Practitioner') return actor.id
    if (actor?.type === 'PractitionerRole') return places.practitionerOf(actor.id)
  }
  return null
}
