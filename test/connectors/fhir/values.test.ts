import { describe, expect, it } from 'vitest'
import {
  parseAppointmentId,
  parseInstant,
  parseReference,
  patientIdFor,
  versionOfEtag,
} from '../../../src/connectors/fhir/values.ts'
import { BASE } from './resources.ts'

it.each([
  ['2026-12-07T09:00:00-05:00', '2026-12-07T14:00:00.000Z'],
  ['2026-12-07T14:00:00.123456Z', '2026-12-07T14:00:00.123Z'],
  ['2026-12-07T14:00+00:00', '2026-12-07T14:00:00.000Z'],
  ['2026-12-07T14:00:00', null],
  ['2026-12-07', null],
  ['2026-02-31T25:00:00Z', null],
  ['yesterday', null],
  [undefined, null],
])('the instant %s is %s', (text, instant) => {
  expect(parseInstant(text)).toBe(instant)
})

it.each([
  ['Patient/a-1', { type: 'Patient', id: 'a-1' }],
  ['Patient/a-1/_history/3', { type: 'Patient', id: 'a-1' }],
  [`${BASE}/Patient/a.1`, { type: 'Patient', id: 'a.1' }],
  ['https://other.example.org/Patient/a-1', null],
  [`${BASE}.evil.example/Patient/a-1`, null],
  ['#contained', null],
  ['urn:uuid:0', null],
  ['Patient?identifier=x', null],
  ['Patient/a/b', null],
  [undefined, null],
])('the reference %s is %j', (reference, parsed) => {
  expect(parseReference({ reference }, BASE)).toEqual(parsed)
})

it.each([
  ['a-1', { type: 'Appointment', id: 'a-1', actor: null }],
  ['a-1~room', { type: 'Appointment', id: 'a-1', actor: 'room' }],
  ['slot~s', { type: 'Slot', id: 's', actor: null }],
  ['slot~s~room', { type: 'Slot', id: 's', actor: 'room' }],
  ['slot', { type: 'Appointment', id: 'slot', actor: null }],
  ['slot~s~room~more', null],
  ['../Patient', null],
  ['a?b', null],
  ['', null],
])('the foreign id %s is %j', (foreignId, parsed) => {
  expect(parseAppointmentId(foreignId)).toEqual(parsed)
})

describe("a new patient's id", () => {
  it('is a UUID that the marker alone makes', () => {
    expect(patientIdFor('m-1')).toBe(patientIdFor('m-1'))
    expect(patientIdFor('m-1')).not.toBe(patientIdFor('m-2'))
    expect(patientIdFor('m-1')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('is never made of nothing', () => {
    expect(() => patientIdFor('')).toThrow('without a marker')
  })
})

it.each([
  ['W/"3"', '3'],
  ['"3"', '3'],
  ['3', null],
  [null, null],
])('the version of the ETag %s is %s', (etag, version) => {
  expect(versionOfEtag(etag)).toBe(version)
})
