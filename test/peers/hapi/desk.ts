/** The front desk of the practice on HAPI: the people who change it over plain FHIR REST while nobody looks. */
import { type Bundle, call, edit, type Resource, read } from './fhir-rest.ts'

export interface Booking {
  patient: string
  practitioner?: string
  room?: string
  /** Instants with a zone. */
  start: string
  end: string
  comment?: string
}

interface Participant {
  actor?: { reference?: string }
  status: string
}

/** Acts of the front desk; each returns the resource as it then stands, or its id. */
export function frontDesk(base: string) {
  const appointment = (id: string) => `Appointment/${id}`
  return {
    async book(booking: Booking): Promise<string> {
      return String((await call(base, 'POST', 'Appointment', appointmentOf(booking))).id)
    },
    async block({ practitioner, room, start, end, comment }: Omit<Booking, 'patient'>): Promise<string> {
      const blocked = await call(base, 'POST', 'Appointment', {
        resourceType: 'Appointment',
        status: 'booked',
        start,
        end,
        comment: comment ?? 'Closed',
        participant: at(practitioner, room),
      })
      return String(blocked.id)
    },
    /** A `busy-unavailable` slot of a schedule; returns the slot's id. */
    async blockSlot(schedule: string, start: string, end: string): Promise<string> {
      const slot = { resourceType: 'Slot', status: 'busy-unavailable', start, end }
      const made = await call(base, 'POST', 'Slot', {
        ...slot,
        schedule: { reference: `Schedule/${schedule}` },
      })
      return String(made.id)
    },
    /** A free slot of a schedule; returns its id. */
    async offer(schedule: string, start: string, end: string): Promise<string> {
      const slot = { resourceType: 'Slot', status: 'free', start, end }
      const made = await call(base, 'POST', 'Slot', {
        ...slot,
        schedule: { reference: `Schedule/${schedule}` },
      })
      return String(made.id)
    },
    /** Books as a desk does that takes slots: all in one transaction. Answers the appointment's id. */
    async bookSlots(booking: Booking, slots: string[]): Promise<string> {
      const held = await Promise.all(slots.map((id) => read(base, `Slot/${id}`)))
      const entry = held.map((slot) => ({
        resource: { ...slot, status: 'busy' },
        request: { method: 'PUT', url: `Slot/${slot?.id}`, ifMatch: `W/"${slot?.meta?.versionId}"` },
      }))
      const resource = {
        ...appointmentOf(booking),
        slot: slots.map((id) => ({ reference: `Slot/${id}` })),
      }
      const answer = await call<Bundle>(base, 'POST', '', {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [{ resource, request: { method: 'POST', url: 'Appointment' } }, ...entry],
      })
      const [made] = (answer.entry ?? []) as { response?: { location?: string } }[]
      return made?.response?.location?.split('/')[1] ?? ''
    },
    seeSlot: (id: string) => read(base, `Slot/${id}`),
    freeSlot: (id: string) => edit(base, `Slot/${id}`, (slot) => Object.assign(slot, { status: 'free' })),
    move: (id: string, start: string, end: string, room?: string) =>
      edit(base, appointment(id), (resource) => {
        Object.assign(resource, { start, end })
        for (const participant of participants(resource)) {
          if (room !== undefined && participant.actor?.reference?.startsWith('Location/')) {
            participant.actor.reference = `Location/${room}`
          }
        }
      }),
    cancel: (id: string) =>
      edit(base, appointment(id), (resource) => Object.assign(resource, { status: 'cancelled' })),
    arrive: (id: string) =>
      edit(base, appointment(id), (resource) => Object.assign(resource, { status: 'arrived' })),
    comment: (id: string, comment: string) =>
      edit(base, appointment(id), (resource) => Object.assign(resource, { comment })),
    confirm: (id: string) =>
      edit(base, appointment(id), (resource) => {
        for (const participant of participants(resource)) {
          if (participant.actor?.reference?.startsWith('Patient/')) participant.status = 'accepted'
        }
      }),
    rename: (patient: string, family: string) =>
      edit(base, `Patient/${patient}`, (resource) => {
        for (const name of (resource.name ?? []) as { family?: string }[]) name.family = family
      }),
    remove: (id: string) => call(base, 'DELETE', appointment(id)),
    removeSlot: (id: string) => call(base, 'DELETE', `Slot/${id}`),
    /** As it stands there, null where deleted. */
    see: (id: string) => read(base, appointment(id)),
    seePatient: (id: string) => read(base, `Patient/${id}`),
  }
}

function appointmentOf({ patient, practitioner, room, start, end, comment }: Booking): Resource {
  return {
    resourceType: 'Appointment',
    status: 'booked',
    start,
    end,
    ...(comment === undefined ? {} : { comment }),
    participant: [
      { actor: { reference: `Patient/${patient}` }, status: 'needs-action' },
      ...at(practitioner, room),
    ],
  }
}

function participants(resource: Resource): Participant[] {
  return (resource.participant ?? []) as Participant[]
}

function at(practitioner: string | undefined, room: string | undefined): Participant[] {
  const actors = [
    ...(practitioner === undefined ? [] : [`Practitioner/${practitioner}`]),
    ...(room === undefined ? [] : [`Location/${room}`]),
  ]
  return actors.map((reference) => ({ actor: { reference }, status: 'accepted' }))
}
