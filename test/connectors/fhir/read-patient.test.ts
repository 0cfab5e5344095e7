import { describe, expect, it } from 'vitest'
import { readPractitioner } from '../../../src/connectors/fhir/read-directory.ts'
import { readPatient } from '../../../src/connectors/fhir/read-patient.ts'
import type { Patient } from '../../../src/connectors/fhir/resources.ts'
import { BASE, context } from './resources.ts'

function read(part: Partial<Patient>) {
  return readPatient({ resourceType: 'Patient', id: 'pat-1', ...part }, context.places, BASE)
}

describe('a Patient read as ours', () => {
  it('carries every field over', () => {
    const record = read({
      meta: { versionId: '7' },
      identifier: [
        { system: 'urn:slotbridge:marker', value: 'm-2' },
        { value: 'MR-17', type: { coding: [{ code: 'MR' }] } },
      ],
      name: [
        { use: 'old', family: 'Formerly' },
        { use: 'official', family: 'Fairbrook', given: ['Klara', 'Jo', 'Ann'] },
      ],
      gender: 'female',
      birthDate: '1990-02-03',
      telecom: [
        { system: 'phone', use: 'home', value: '(617) 555-0101' },
        { system: 'phone', use: 'mobile', value: '(617) 555-0103', rank: 2 },
        { system: 'phone', use: 'mobile', value: '(617) 555-0102', rank: 1 },
        { system: 'phone', use: 'work', value: '(617) 555-0104' },
        { system: 'email', use: 'old', value: 'old@example.com' },
        { system: 'email', value: 'klara@example.com' },
      ],
      address: [{ line: ['1 Wharf Road', 'Flat 2'], city: 'Harborton', state: 'MA', postalCode: '02199' }],
      communication: [
        { language: { coding: [{ code: 'es' }] } },
        { language: { coding: [{ code: 'en' }] }, preferred: true },
      ],
      generalPractitioner: [{ reference: 'PractitionerRole/role-1' }],
    })
    expect(record).toEqual({
      foreignId: 'pat-1',
      marker: 'm-2',
      firstName: 'Klara',
      middleName: 'Jo Ann',
      lastName: 'Fairbrook',
      birthDate: '1990-02-03',
      gender: 'Female',
      email: 'klara@example.com',
      cellPhone: '(617) 555-0102',
      homePhone: '(617) 555-0101',
      workPhone: '(617) 555-0104',
      addressLine1: '1 Wharf Road',
      addressLine2: 'Flat 2',
      city: 'Harborton',
      state: 'MA',
      zipCode: '02199',
      language: 'en',
      chartId: 'MR-17',
      billingType: null,
      guarantor: null,
      provider: 'prac-1',
      inactive: false,
      mergedInto: null,
      version: '7',
    })
  })

  it.each(['1990', '1990-02'])('born in %s has no birth date to match by', (birthDate) => {
    expect(read({ birthDate }).birthDate).toBeNull()
  })

  it.each<[Partial<Patient>]>([
    [{ active: false }],
    [{ deceasedBoolean: true }],
    [{ deceasedDateTime: '2020' }],
  ])('with %j is inactive', (part) => {
    expect(read(part).inactive).toBe(true)
  })

  it('merged away names the survivor', () => {
    const link = [{ type: 'replaced-by', other: { reference: 'Patient/pat-2' } }]
    expect(read({ link }).mergedInto).toBe('pat-2')
    expect(read({ link: [{ type: 'seealso', other: { reference: 'Patient/pat-2' } }] }).mergedInto).toBeNull()
  })

  it('whose name is only text is split at its last space; one without a name has none', () => {
    expect(read({ name: [{ text: 'Klara Jo Fairbrook' }] })).toMatchObject({
      firstName: 'Klara Jo',
      lastName: 'Fairbrook',
    })
    expect(read({})).toMatchObject({ firstName: '', lastName: '' })
  })

  it('with a phone of no use keeps it as the cell phone', () => {
    expect(read({ telecom: [{ system: 'phone', value: '(617) 555-0109' }] }).cellPhone).toBe('(617) 555-0109')
  })
})

it('a Practitioner is a provider with a name to show', () => {
  const identifier = [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '1999900001' }]
  const name = [{ prefix: ['Dr.'], given: ['Hugo'], family: 'Kingsley', suffix: ['DDS'] }]
  const resource = { resourceType: 'Practitioner' as const, id: 'prac-1', active: false, identifier, name }
  expect(readPractitioner(resource, ['site'])).toEqual({
    foreignId: 'prac-1',
    firstName: 'Hugo',
    lastName: 'Kingsley',
    displayName: 'Dr. Hugo Kingsley DDS',
    npi: '1999900001',
    inactive: true,
    locations: ['site'],
  })
})
