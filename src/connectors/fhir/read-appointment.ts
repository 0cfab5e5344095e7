/** An Appointment as our appointment or blocks. Pure; the tables are in docs/connectors/fhir.md. */
import type { AppointmentRecord, ForeignId } from '../../model/records.ts'
import { addMs, type Instant, minutes } from '../../model/time.ts'
import type { Settings } from './configuration.ts'
import type { Place, Places } from './places.ts'
import type { Appointment, Participant } from './resources.ts'
import { markerOf, parseInstant, parseReference } from './values.ts'

/** Ours, on an Appointment: R4 has no field for when the patient came. */
export const CHECKIN_EXTENSION = 'urn:slotbridge:checkin-at'
/** HL7's backport of the R5 field to R4. */
const CANCELLATION_EXTENSION =
  'http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.cancellationDate'

/** Statuses of an Appointment that takes or took its time (hl7.org/fhir/R4/valueset-appointmentstatus.html). */
const STANDING = new Set(['pending', 'booked', 'arrived', 'checked-in', 'fulfilled', 'noshow', 'cancelled'])
const HERE = new Set(['arrived', 'checked-in', 'fulfilled'])
/** Fields that R5 gave an Appointment and R4 has not. */
const R5_FIELDS = [
  'subject',
  'note',
  'reason',
  'class',
  'cancellationDate',
  'recurrenceTemplate',
  'virtualService',
]

export type Reading =
  | { kind: 'records'; records: AppointmentRecord[] }
  /** Never an appointment, or one no longer: a wish (`proposed`, `waitlist`), an error, at another site. */
  | { kind: 'gone' }
  | { kind: 'unreadable'; reason: string }

export interface ReadingContext {
  settings: Pick<Settings, 'baseUrl' | 'confirmation' | 'locations'>
  places: Pick<Places, 'practitionerOf' | 'placeOf' | 'placeOfService'>
}

export interface Actors {
  patient: ForeignId | null
  providers: ForeignId[]
  operatories: ForeignId[]
  site: ForeignId | null
  /** Every Location named lies outside the configured sites. */
  elsewhere: boolean
}

/**
 * One record, or for a block of several providers or operatories one for each.
 * `anyStatus`: also what does not stand is read, as cancelled: for looking at one that we wrote.
 */
export function readAppointment(resource: Appointment, context: ReadingContext, anyStatus = false): Reading {
  const misfit = R5_FIELDS.find((field) => field in resource)
  if (misfit !== undefined) return unreadable(`an Appointment with ${misfit} is not of R4`)
  const stands = STANDING.has(resource.status)
  if (!stands && !anyStatus) return { kind: 'gone' }
  const start = parseInstant(resource.start)
  const end = endOf(resource, start)
  if (start === null || end === null) {
    // R4 lets only wishes and cancelled ones be without times (constraint app-3).
    if (resource.start === undefined && resource.status === 'cancelled') return { kind: 'gone' }
    return unreadable('start or end is not an instant with a zone')
  }
  if (end <= start) return unreadable('end is not after start')
  if (resource.participant === undefined || resource.participant.length === 0) {
    return unreadable('an Appointment without participants')
  }
  const actors = actorsOf(resource.participant, context)
  if (actors.elsewhere) return { kind: 'gone' }
  const record: AppointmentRecord = {
    ...whatItSays(resource, start, end, context),
    patient: actors.patient,
    provider: actors.providers[0] ?? null,
    operatory: actors.operatories[0] ?? null,
    location: actors.site,
    unavailable: actors.patient === null,
    cancelled: resource.status === 'cancelled' || !stands,
  }
  if (actors.patient !== null) return { kind: 'records', records: [record] }
  if (record.provider === null && record.operatory === null && record.location === null) {
    return unreadable('an Appointment without a patient that names no provider or location')
  }
  return { kind: 'records', records: blocksOf(record, actors) }
}

/** One record for the first provider and operatory, and one for each actor more. */
export function blocksOf(record: AppointmentRecord, actors: Actors): AppointmentRecord[] {
  const more = (actor: ForeignId, part: Partial<AppointmentRecord>): AppointmentRecord => ({
    ...record,
    foreignId: `${record.foreignId}~${actor}`,
    provider: null,
    operatory: null,
    ...part,
  })
  return [
    record,
    ...actors.providers.slice(1).map((provider) => more(provider, { provider })),
    ...actors.operatories.slice(1).map((operatory) => more(operatory, { operatory })),
  ]
}

/** Who and what takes part, each once, in their order; a provider or Location that declined does not. */
export function actorsOf(participants: Participant[], context: ReadingContext): Actors {
  const actors: Actors = { patient: null, providers: [], operatories: [], site: null, elsewhere: false }
  const services: (Place | null)[] = []
  let locations = 0
  let known = 0
  for (const participant of participants) {
    const actor = parseReference(participant.actor, context.settings.baseUrl)
    if (actor === null) continue
    if (actor.type === 'Patient') actors.patient ??= actor.id
    if (participant.status === 'declined') continue
    if (actor.type === 'Practitioner') addOnce(actors.providers, actor.id)
    if (actor.type === 'PractitionerRole') addOnce(actors.providers, context.places.practitionerOf(actor.id))
    if (actor.type === 'HealthcareService') services.push(context.places.placeOfService(actor.id))
    if (actor.type === 'Location') {
      locations++
      const place = context.places.placeOf(actor.id)
      if (place === null) continue
      known++
      addOnce(actors.operatories, place.operatory)
      actors.site ??= place.site
    }
  }
  // A Location says it more exactly.
  for (const place of locations === 0 ? services : []) {
    addOnce(actors.operatories, place?.operatory ?? null)
    actors.site ??= place?.site ?? null
  }
  actors.elsewhere = context.settings.locations !== null && locations > 0 && known === 0
  return actors
}

/** The patient's part of an Appointment. */
export function patientPart(resource: Appointment, baseUrl: string): Participant | undefined {
  return resource.participant?.find(({ actor }) => parseReference(actor, baseUrl)?.type === 'Patient')
}

/**
 * Confirmed: by the patient's own `participant.status` (`accepted`), or where the practice says so in the status
 * (`pending` until confirmed). A patient who has come has confirmed.
 */
export function isConfirmed(
  resource: Appointment,
  settings: Pick<Settings, 'baseUrl' | 'confirmation'>,
): boolean {
  if (HERE.has(resource.status)) return true
  if (settings.confirmation === 'status') return resource.status === 'booked'
  return patientPart(resource, settings.baseUrl)?.status === 'accepted'
}

function whatItSays(resource: Appointment, start: Instant, end: Instant, { settings }: ReadingContext) {
  const isVisit = patientPart(resource, settings.baseUrl) !== undefined
  return {
    foreignId: resource.id,
    marker: markerOf(resource.identifier),
    start,
    end,
    confirmed: isVisit && isConfirmed(resource, settings),
    confirmedAt: null,
    cancelledAt: parseInstant(extensionOf(resource, CANCELLATION_EXTENSION)),
    checkinAt: checkinAt(resource),
    checkedOut: resource.status === 'fulfilled',
    checkedOutAt: null,
    missed: resource.status === 'noshow',
    note: resource.comment ?? null,
    descriptors: [],
    enteredAt: enteredAt(resource),
    version: resource.meta?.versionId ?? null,
  }
}

/**
 * When it came to stand there, by the server's own clock, so that of two writers who see each other both know who was
 * first: its `lastUpdated` while it is in its first version. Later versions do not tell (null: it counts as earlier); where
 * versions are no numbers, `created` is the best there is, by whatever clock its writer had.
 */
function enteredAt({ meta, created }: Appointment): Instant | null {
  if (meta?.versionId === '1') return parseInstant(meta.lastUpdated)
  return /^\d+$/.test(meta?.versionId ?? '') ? null : parseInstant(created)
}

/** Ours where we wrote it; else, while the patient is there, when this version was made: the best that R4 tells. */
function checkinAt(resource: Appointment): Instant | null {
  const written = parseInstant(extensionOf(resource, CHECKIN_EXTENSION))
  if (written !== null) return written
  const isHere = resource.status === 'arrived' || resource.status === 'checked-in'
  return isHere ? parseInstant(resource.meta?.lastUpdated) : null
}

function extensionOf(resource: Appointment, url: string): string | undefined {
  const extension = resource.extension?.find((one) => one.url === url)
  return extension?.valueInstant ?? extension?.valueDateTime
}

function endOf(resource: Appointment, start: Instant | null): Instant | null {
  if (resource.end !== undefined || start === null) return parseInstant(resource.end)
  return resource.minutesDuration === undefined ? null : addMs(start, minutes(resource.minutesDuration))
}

function addOnce(list: ForeignId[], id: ForeignId | null): void {
  if (id !== null && !list.includes(id)) list.push(id)
}

function unreadable(reason: string): Reading {
  return { kind: 'unreadable', reason }
}
