/** FHIR's small values: references, instants, identifiers, versions. Pure. */
import { createHash } from 'node:crypto'
import type { ForeignId, Marker } from '../../model/records.ts'
import { type Instant, toInstant } from '../../model/time.ts'

/** The system of the identifier that carries our marker on every appointment and patient that we create. */
export const MARKER_SYSTEM = 'urn:slotbridge:marker'

/** A reference to a resource on the same server, relative or under its base; null for any other (contained, logical, elsewhere). */
export function parseReference(
  reference: { reference?: string | undefined } | undefined,
  baseUrl: string,
): { type: string; id: string } | null {
  let text = reference?.reference
  if (text === undefined) return null
  if (text.startsWith(`${baseUrl}/`)) text = text.slice(baseUrl.length + 1)
  const parts = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})(?:\/_history\/[A-Za-z0-9.-]+)?$/.exec(text)
  const [, type, id] = parts ?? []
  return type === undefined || id === undefined ? null : { type, id }
}

/** FHIR's `instant` and a `dateTime` with time and zone, as an instant of ours; null for anything less exact. */
export function parseInstant(text: string | undefined): Instant | null {
  if (text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text))
    return null
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? null : toInstant(ms)
}

/** Our marker among a resource's identifiers. */
export function markerOf(
  identifiers: { system?: string | undefined; value?: string | undefined }[] | undefined,
): Marker | null {
  return identifiers?.find((identifier) => identifier.system === MARKER_SYSTEM)?.value ?? null
}

/**
 * The id that a new patient gets: a UUID made from the marker alone, so that a resend names the same patient.
 * A marker is random, so the id tells nothing about the patient and cannot be guessed.
 * @throws Error on an empty marker: two patients would become one
 */
export function patientIdFor(marker: Marker): ForeignId {
  if (marker === '') throw new Error('a new patient without a marker')
  const hex = createHash('sha256').update(`patient/${marker}`).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`, // version 8: made by a rule of one's own (RFC 9562)
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}

/** The version in an `ETag` such as `W/"3"`, null where there is none. */
export function versionOfEtag(etag: string | null | undefined): string | null {
  return /^(?:W\/)?"(.+)"$/.exec(etag ?? '')?.[1] ?? null
}

/**
 * Foreign ids of ours for what is an appointment to us. FHIR ids hold no `~`, so these cannot meet:
 * `<id>` an Appointment, `<id>~<actor>` one more actor of a block, `slot~<id>` and `slot~<id>~<actor>` a busy Slot.
 */
export function parseAppointmentId(
  foreignId: ForeignId,
): { type: 'Appointment' | 'Slot'; id: string; actor: string | null } | null {
  const parts = foreignId.split('~')
  if (parts.some((part) => !/^[A-Za-z0-9.-]{1,64}$/.test(part))) return null
  const isSlot = parts[0] === 'slot' && parts.length > 1
  const [id, actor, ...more] = isSlot ? parts.slice(1) : parts
  if (id === undefined || more.length > 0) return null
  return { type: isSlot ? 'Slot' : 'Appointment', id, actor: actor ?? null }
}
