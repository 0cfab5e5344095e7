import { describe, expect, it } from 'vitest'
import { kindOf } from '../../../src/connectors/fhir/places.ts'
import type { Location } from '../../../src/connectors/fhir/resources.ts'

const byRule = { locations: null, operatories: null }

function location(id: string, physicalType: string | null, partOf: string | null): Location {
  return {
    resourceType: 'Location',
    id,
    ...(physicalType === null ? {} : { physicalType: { coding: [{ code: physicalType }] } }),
    ...(partOf === null ? {} : { partOf: { reference: `Location/${partOf}` } }),
  }
}

describe('what a Location is', () => {
  it.each([
    ['si', null, 'site'],
    ['bu', 'campus', 'site'],
    ['ro', 'site', 'operatory'],
    ['ro', null, 'operatory'],
    ['bd', 'ward', 'operatory'],
    ['wi', 'site', 'neither'],
    ['ve', null, 'neither'],
    [null, null, 'site'],
    [null, 'site', 'operatory'],
  ] as const)('of physical type %s and part of %s is %s', (type, partOf, kind) => {
    expect(kindOf(location('x', type, partOf), byRule)).toBe(kind)
  })

  it('is what the configuration says, and nothing else then', () => {
    const settings = { locations: new Set(['a']), operatories: new Set(['b']) }
    expect(kindOf(location('a', 'ro', 'z'), settings)).toBe('site')
    expect(kindOf(location('b', 'si', null), settings)).toBe('operatory')
    expect(kindOf(location('c', 'si', null), settings)).toBe('neither')
    expect(kindOf(location('d', 'ro', 'a'), settings)).toBe('neither')
    expect(kindOf(location('d', 'ro', 'a'), { ...settings, operatories: null })).toBe('operatory')
  })
})
