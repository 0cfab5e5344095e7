/** An Appointment as a FHIR server shows it, for those who judge the connector. */
import type { View } from '../../../src/connectors/conformance/world.ts'
import type { Resource } from './fhir-rest.ts'

const HERE = ['arrived', 'checked-in', 'fulfilled']

export function viewOf(resource: Resource): View {
  const parts = (resource.participant ?? []) as { actor?: { reference?: string }; status: string }[]
  const who = parts.find(({ actor }) => actor?.reference?.startsWith('Patient/'))
  const status = String(resource.status)
  return {
    foreignId: String(resource.id),
    patient: who?.actor?.reference?.slice('Patient/'.length) ?? null,
    start: new Date(String(resource.start)).toISOString(),
    end: new Date(String(resource.end)).toISOString(),
    cancelled: status === 'cancelled',
    confirmed: who?.status === 'accepted' || HERE.includes(status),
    arrived: HERE.includes(status),
    note: typeof resource.comment === 'string' ? resource.comment : null,
  }
}
