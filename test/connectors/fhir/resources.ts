/** Small made-up FHIR resources and places for the mapping tests. */
import type { ReadingContext } from '../../../src/connectors/fhir/read-appointment.ts'
import type { Appointment } from '../../../src/connectors/fhir/resources.ts'

export const BASE = 'https://fhir.example.org/r4'

/** One site with two rooms; `role-1` is `prac-1`; the service `hygiene` is in `room-2`. */
export const context: ReadingContext = {
  settings: { baseUrl: BASE, confirmation: 'participant', locations: null },
  places: {
    practitionerOf: (role) => (role === 'role-1' ? 'prac-1' : null),
    placeOfService: (service) => (service === 'hygiene' ? { operatory: 'room-2', site: 'site' } : null),
    placeOf: (location) => {
      if (location === 'site') return { operatory: null, site: 'site' }
      return location.startsWith('room-') ? { operatory: location, site: 'site' } : null
    },
  },
}

/** A booked half hour of `pat-1` with `prac-1` in `room-1`, unconfirmed. */
export function anAppointment(part: Partial<Appointment> = {}): Appointment {
  return {
    resourceType: 'Appointment',
    id: 'appt-1',
    meta: { versionId: '3', lastUpdated: '2026-12-01T10:00:00.123+00:00' },
    status: 'booked',
    start: '2026-12-07T09:00:00-05:00',
    end: '2026-12-07T09:30:00-05:00',
    participant: [
      { actor: { reference: 'Patient/pat-1' }, status: 'needs-action' },
      { actor: { reference: 'Practitioner/prac-1' }, status: 'accepted' },
      { actor: { reference: 'Location/room-1' }, status: 'accepted' },
    ],
    ...part,
  }
}

export function actor(reference: string, status = 'accepted') {
  return { actor: { reference }, status }
}
