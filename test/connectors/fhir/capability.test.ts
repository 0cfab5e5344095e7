import { describe, expect, it } from 'vitest'
import { capabilitiesOf, readFeatures } from '../../../src/connectors/fhir/capability.ts'

const interaction = ['read', 'search-type', 'update', 'create'].map((code) => ({ code }))

function statement(part: Record<string, unknown> = {}, appointment: Record<string, unknown> = {}) {
  const types = ['Appointment', 'Patient'].map((type) => ({
    type,
    interaction,
    updateCreate: true,
    ...appointment,
  }))
  return {
    resourceType: 'CapabilityStatement',
    fhirVersion: '4.0.1',
    software: { name: 'Some server', version: '1' },
    rest: [{ mode: 'server', resource: types }],
    ...part,
  }
}
const features = (part = {}, appointment = {}, insertBy: 'id' | 'condition' | null = null) =>
  readFeatures(statement(part, appointment), { insertBy, slots: null })

describe('what a server can do', () => {
  it('is read from its CapabilityStatement', () => {
    const read = features()
    expect(read.createGuard).toBe('if-none-match')
    expect(capabilitiesOf(read, false)).toMatchObject({
      effect: 'once',
      conflictCheck: 'advisory',
      writes: { insert: true, new_patient: true, cancel: true, descriptors: false },
      reads: { deletions: 'by_window' },
    })
    const told = features({}, { interaction: [...interaction, { code: 'history-type' }] })
    expect(capabilitiesOf(told, false).reads.deletions).toBe('told')
  })

  it('creates on a condition where no update may create, unless the configuration knows better', () => {
    for (const updateCreate of [false, undefined]) {
      expect(features({}, { updateCreate }).createGuard).toBeNull()
      expect(capabilitiesOf(features({}, { updateCreate }), false).effect).toBe('detected')
      expect(features({}, { updateCreate }, 'id').createGuard).toBe('if-none-match')
    }
    expect(features({}, {}, 'condition').createGuard).toBeNull()
  })

  it('creates by id on HAPI, which does so without saying it, under its own guard', () => {
    const software = { name: 'HAPI FHIR Server', version: '8.8.0' }
    expect(features({ software }, { updateCreate: undefined }).createGuard).toBe('if-match-zero')
    expect(features({ software }, { updateCreate: false }).createGuard).toBeNull()
  })

  it('changes nothing where the server keeps no versions', () => {
    const { writes } = capabilitiesOf(features({}, { versioning: 'no-version' }), false)
    expect(writes).toMatchObject({
      insert: true,
      confirm: false,
      cancel: false,
      check_in: false,
      reschedule: false,
      note: false,
    })
  })

  it('must be R4', () => {
    expect(() => features({ fhirVersion: '5.0.0' })).toThrow('5.0.0')
    expect(() => features({ fhirVersion: undefined })).toThrow('R4')
    expect(() => readFeatures({ resourceType: 'OperationOutcome' }, { insertBy: null, slots: null })).toThrow(
      'CapabilityStatement',
    )
  })
})
