/** Looking for one appointment or patient: by id, by marker, by what identifies it. */
import type { AppointmentRecord, Marker, PatientRecord } from '../../model/records.ts'
import { addMs, minutes } from '../../model/time.ts'
import { type AlikeQuery, type FindKey, type PatientQuery, Unavailable } from '../connector.ts'
import { describeMisfit, readAny, readReply } from './answers.ts'
import type { Feeding } from './changes.ts'
import { look } from './create.ts'
import type { Reading } from './read-appointment.ts'
import { type Appointment, type Bundle, readResource, type Slot } from './resources.ts'
import { pagesOf } from './search.ts'
import { MARKER_SYSTEM, parseAppointmentId } from './values.ts'

/** What stands there under the key, in whatever status; null where nothing does. @throws Unavailable */
export async function findAppointment(feeding: Feeding, key: FindKey): Promise<AppointmentRecord | null> {
  if ('foreignId' in key) return findById(feeding, key.foreignId)
  if ('marker' in key) {
    const id = feeding.features.createGuard === null ? null : key.marker
    const found = await look(feeding.http, 'Appointment', { id, marker: key.marker })
    return found.kind === 'here' ? recordOf(await feeding.reader.readOne(found.resource, true), null) : null
  }
  const { patient, provider, operatory, start } = key.natural
  // A range: what an equal `date` means of an appointment that lasts is not the same on every server.
  const path = `Appointment?patient=Patient/${patient}&date=ge${start}&date=lt${addMs(start, minutes(1))}`
  for await (const page of pagesOf(feeding.http, path)) {
    for (const { resource } of page.entries) {
      const appointment = readResource('Appointment', resource)
      if ('misfit' in appointment) continue
      const reading = await feeding.reader.readOne(appointment, false)
      const record = reading.kind === 'records' ? reading.records[0] : undefined
      if (record?.start !== start || record.cancelled) continue
      if (provider !== null && record.provider !== provider) continue
      if (operatory !== null && record.operatory !== operatory) continue
      return record
    }
  }
  return null
}

async function findById(feeding: Feeding, foreignId: string): Promise<AppointmentRecord | null> {
  const parts = parseAppointmentId(foreignId)
  if (parts === null) return null
  const resource = await readById(feeding, parts)
  return resource === null ? null : recordOf(await feeding.reader.readOne(resource, true), foreignId)
}

async function readById(
  { http }: Feeding,
  { type, id }: { type: 'Appointment' | 'Slot'; id: string },
): Promise<Appointment | Slot | null> {
  const reply = await readAny(http, { method: 'GET', path: `${type}/${id}` }, [200, 404, 410])
  if (reply.status !== 200) return null
  const resource = readResource(type, reply.body)
  if ('misfit' in resource) throw new Unavailable(describeMisfit(type, resource.misfit))
  return resource
}

/** The record of that foreign id, or the first. @throws Unavailable: to say that nothing is there would be untrue */
function recordOf(reading: Reading, foreignId: string | null): AppointmentRecord | null {
  if (reading.kind === 'unreadable') throw new Unavailable(describeMisfit('Appointment', reading.reason))
  if (reading.kind === 'gone') return null
  return reading.records.find((record) => foreignId === null || record.foreignId === foreignId) ?? null
}

/** Every Appointment that bears the marker: more than one where a condition on it was checked too early. @throws Unavailable */
export async function findCopies(feeding: Feeding, marker: Marker): Promise<AppointmentRecord[]> {
  const value = encodeURIComponent(`${MARKER_SYSTEM}|${marker}`)
  const copies: AppointmentRecord[] = []
  for await (const page of pagesOf(feeding.http, `Appointment?identifier=${value}`)) {
    for (const { resource } of page.entries) {
      const appointment = readResource('Appointment', resource)
      if ('misfit' in appointment) throw new Unavailable(describeMisfit('Appointment', appointment.misfit))
      const copy = recordOf(await feeding.reader.readOne(appointment, true), null)
      if (copy !== null) copies.push(copy)
    }
  }
  return copies
}

/** By POST to `_search`: names and birth dates stay out of URLs. @throws Unavailable */
export async function findPatients(feeding: Feeding, query: PatientQuery): Promise<PatientRecord[]> {
  const { lastName: family, firstName: given, birthDate: birthdate } = query
  const found = await searchPatients(feeding, { family, given, birthdate })
  return found.filter((record) => isSameName(record, query) && record.birthDate === query.birthDate)
}

/** By POST to `_search`, as above. Servers find a phone as it was written only. @throws Unavailable */
export async function findAlike(feeding: Feeding, query: AlikeQuery): Promise<PatientRecord[]> {
  const { birthDate: birthdate, phones } = query
  const found = birthdate === null ? [] : await searchPatients(feeding, { birthdate })
  for (const phone of phones) found.push(...(await searchPatients(feeding, { phone })))
  return found
}

async function searchPatients(feeding: Feeding, asked: Record<string, string>): Promise<PatientRecord[]> {
  const form = new URLSearchParams({ ...asked, _count: '50' })
  const reply = await readReply(feeding.http, { method: 'POST', path: 'Patient/_search', form })
  const bundle: Bundle | { misfit: string } = readResource('Bundle', reply.body)
  if ('misfit' in bundle) throw new Unavailable(`the FHIR server answered no bundle: ${bundle.misfit}`)
  const found: PatientRecord[] = []
  for (const { resource } of bundle.entry ?? []) {
    const patient = readResource('Patient', resource)
    if (!('misfit' in patient)) found.push(await feeding.reader.readPatient(patient))
  }
  return found
}

/** A FHIR search finds what begins alike; the same is what the port asks for. */
function isSameName(record: PatientRecord, query: PatientQuery): boolean {
  const fold = (text: string) => text.normalize('NFC').toLocaleLowerCase('en').trim()
  return fold(record.lastName) === fold(query.lastName) && fold(record.firstName) === fold(query.firstName)
}
