/** One row of `patient` → our record. Pure. */
import type { ForeignId, PatientRecord } from '../../model/records.ts'
import type { Row } from './database.ts'
import { type Facts, keyOf } from './facts.ts'
import { readDate } from './wall-clock.ts'

/** `patient.PatStatus`: 2 inactive, 3 archived, 4 deleted, 5 deceased. */
const INACTIVE = new Set([2, 3, 4, 5])
/** `patient.Gender`; 2 is unknown, 3 came with a later version. */
const GENDERS: Record<number, PatientRecord['gender']> = { 0: 'Male', 1: 'Female', 3: 'Other' }

/** @param mergedInto the patient that the practice merged this one into */
export function readPatient(row: Row, mergedInto: ForeignId | null, facts: Facts): PatientRecord {
  const foreignId = String(row.PatNum)
  const guarantor = keyOf(row.Guarantor)
  const text = (name: string): string | null => {
    const value = row[name]
    return value === null || value === undefined || value === '' ? null : String(value)
  }
  return {
    foreignId,
    marker: null,
    firstName: text('FName') ?? '',
    middleName: text('MiddleI'),
    lastName: text('LName') ?? '',
    birthDate: readDate(text('Birthdate')),
    gender: GENDERS[Number(row.Gender)] ?? null,
    email: text('Email'),
    cellPhone: text('WirelessPhone'),
    homePhone: text('HmPhone'),
    workPhone: text('WkPhone'),
    addressLine1: text('Address'),
    addressLine2: text('Address2'),
    city: text('City'),
    state: text('State'),
    zipCode: text('Zip'),
    language: text('Language'),
    chartId: text('ChartNumber'),
    billingType: facts.definitions.get(String(row.BillingType)) ?? null,
    guarantor: guarantor === foreignId ? null : guarantor,
    provider: keyOf(row.PriProv),
    inactive: INACTIVE.has(Number(row.PatStatus)),
    mergedInto: mergedInto === foreignId ? null : mergedInto,
    version: null,
  }
}
