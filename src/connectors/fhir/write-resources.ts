/** What we write as FHIR resources. Pure; what a resource held before and we do not know stays as it was. */

import type { ForeignId, Marker } from '../../model/records.ts'
import { type Instant, toMs } from '../../model/time.ts'
import type { Change, Insertion, PatientDraft } from '../connector.ts'
import type { Settings } from './configuration.ts'
import { CHECKIN_EXTENSION, isConfirmed } from './read-appointment.ts'
import type { Appointment, Participant } from './resources.ts'
import { MARKER_SYSTEM, parseInstant, parseReference } from './values.ts'

/** A new Patient, `id` null where the server gives it. */
export function writePatient(
  draft: PatientDraft,
  marker: Marker,
  id: ForeignId | null,
): Record<string, unknown> {
  const given = [draft.firstName, draft.middleName].filter((name) => name !== null && name !== '')
  const telecom = [
    ...(draft.phone === null ? [] : [{ system: 'phone', use: 'mobile', value: draft.phone }]),
    ...(draft.email === null ? [] : [{ system: 'email', value: draft.email }]),
  ]
  return {
    resourceType: 'Patient',
    ...(id === null ? {} : { id }),
    identifier: [{ system: MARKER_SYSTEM, value: marker }],
    active: true,
    name: [{ use: 'official', family: draft.lastName, ...(given.length > 0 ? { given } : {}) }],
    ...(telecom.length > 0 ? { telecom } : {}),
    ...(draft.gender === null ? {} : { gender: draft.gender.toLowerCase() }),
    ...(draft.birthDate === null ? {} : { birthDate: draft.birthDate }),
  }
}

/** A new Appointment; a block has no patient. `site` stands in where neither provider nor operatory is named. */
export function writeAppointment(
  request: Insertion,
  {
    id,
    patient,
    site,
    createdAt,
  }: { id: ForeignId | null; patient: ForeignId | null; site: ForeignId | null; createdAt: Instant },
  confirmation: Settings['confirmation'],
): Record<string, unknown> & { participant: Participant[] } {
  const place = request.operatory ?? request.location ?? (request.provider === null ? site : null)
  const participant: Participant[] = [
    // Unconfirmed until a change confirms it; the practice's own side has accepted by offering the time.
    ...(patient === null ? [] : [{ actor: { reference: `Patient/${patient}` }, status: 'needs-action' }]),
    ...(request.provider === null ? [] : [accepted(`Practitioner/${request.provider}`)]),
    ...(place === null ? [] : [accepted(`Location/${place}`)]),
  ]
  return {
    resourceType: 'Appointment',
    ...(id === null ? {} : { id }),
    identifier: [{ system: MARKER_SYSTEM, value: request.marker }],
    status: confirmation === 'status' && patient !== null ? 'pending' : 'booked',
    start: request.start,
    end: request.end,
    minutesDuration: Math.round((toMs(request.end) - toMs(request.start)) / 60_000),
    created: createdAt,
    ...(isBlank(request.note) ? {} : { comment: request.note }),
    participant,
  }
}

export type Applied =
  | { kind: 'changed'; resource: Appointment }
  | { kind: 'already' }
  /** It stands in a state that this change does not go with. */
  | { kind: 'refused'; message: string }

const OVER = new Set(['fulfilled', 'noshow', 'entered-in-error'])
const HERE = new Set(['arrived', 'checked-in', 'fulfilled'])

/** The Appointment with the change made; `isOperatory` tells which of its Locations the operatory is. */
export function applyChange(
  resource: Appointment,
  change: Change,
  settings: Pick<Settings, 'baseUrl' | 'confirmation'>,
  isOperatory: (locationId: ForeignId) => boolean,
): Applied {
  if (change.kind === 'cancel') {
    if (resource.status === 'cancelled') return { kind: 'already' }
    if (OVER.has(resource.status)) return refused(resource)
    return { kind: 'changed', resource: { ...resource, status: 'cancelled' } }
  }
  if (change.kind === 'note') return applyNote(resource, change.note)
  if (resource.status === 'cancelled' || resource.status === 'entered-in-error') return refused(resource)
  switch (change.kind) {
    case 'confirm':
      return isConfirmed(resource, settings) ? { kind: 'already' } : applyConfirm(resource, settings)
    case 'check_in':
      if (HERE.has(resource.status)) return { kind: 'already' }
      return { kind: 'changed', resource: checkedIn(resource, change.at) }
    case 'reschedule':
      return OVER.has(resource.status)
        ? refused(resource)
        : applyReschedule(resource, change, settings.baseUrl, isOperatory)
  }
}

function applyNote(resource: Appointment, note: string | null): Applied {
  const wanted = note === null || isBlank(note) ? undefined : note
  if (resource.comment === wanted) return { kind: 'already' }
  const { comment: _, ...rest } = resource
  return { kind: 'changed', resource: wanted === undefined ? rest : { ...rest, comment: wanted } }
}

function applyConfirm(resource: Appointment, settings: Pick<Settings, 'baseUrl' | 'confirmation'>): Applied {
  if (settings.confirmation === 'status')
    return { kind: 'changed', resource: { ...resource, status: 'booked' } }
  const isPatient = ({ actor }: Participant) => parseReference(actor, settings.baseUrl)?.type === 'Patient'
  if (!resource.participant?.some(isPatient)) {
    return { kind: 'refused', message: 'The FHIR Appointment has no patient who could confirm it.' }
  }
  const participant = resource.participant.map((one) =>
    isPatient(one) ? { ...one, status: 'accepted' } : one,
  )
  return { kind: 'changed', resource: { ...resource, participant } }
}

function checkedIn(resource: Appointment, at: Instant): Appointment {
  const others = (resource.extension ?? []).filter(({ url }) => url !== CHECKIN_EXTENSION)
  const extension = [...others, { url: CHECKIN_EXTENSION, valueInstant: at }]
  return { ...resource, status: 'arrived', extension }
}

function applyReschedule(
  resource: Appointment,
  { start, end, operatory }: Extract<Change, { kind: 'reschedule' }>,
  baseUrl: string,
  isOperatory: (locationId: ForeignId) => boolean,
): Applied {
  const roomOf = ({ actor }: Participant) => {
    const reference = parseReference(actor, baseUrl)
    return reference?.type === 'Location' && isOperatory(reference.id) ? reference.id : null
  }
  const rooms = (resource.participant ?? []).map(roomOf).filter((id) => id !== null)
  const moves = operatory !== null && !(rooms.length === 1 && rooms[0] === operatory)
  if (parseInstant(resource.start) === start && parseInstant(resource.end) === end && !moves)
    return { kind: 'already' }
  const { slot: _, ...rest } = resource // the slots of the old time
  const others = (resource.participant ?? []).filter((one) => roomOf(one) === null)
  const minutesDuration = Math.round((toMs(end) - toMs(start)) / 60_000)
  return {
    kind: 'changed',
    resource: {
      ...rest,
      start,
      end,
      ...(resource.minutesDuration === undefined ? {} : { minutesDuration }),
      ...(moves ? { participant: [...others, accepted(`Location/${operatory}`)] } : {}),
    },
  }
}

/** FHIR has no empty strings: a note of nothing but space is none (hl7.org/fhir/R4/datatypes.html#string). */
function isBlank(note: string | null): boolean {
  return note === null || note.trim() === ''
}

function accepted(reference: string): Participant {
  return { actor: { reference }, status: 'accepted' }
}

function refused(resource: Appointment): Applied {
  return { kind: 'refused', message: `The FHIR Appointment stands there as ${resource.status}.` }
}
