/** Bookings for tests: a new patient, a free start, and what a client would send. */
import { type Booked, type Booking, bookAppointment } from '../../src/booking/book.ts'
import { findFreeStarts } from '../../src/cli/demo-starts.ts'
import { addMs, hours, toInstant } from '../../src/model/time.ts'
import { listBusy } from '../../src/store/busy.ts'
import { insertPatient } from '../../src/store/patients.ts'
import { listActiveHours } from '../../src/store/resources.ts'
import type { Link } from './bridge.ts'

/** What of a bridge the helpers need. */
export type Side = Pick<Link, 't' | 'tenant' | 'sourceId' | 'locationId'>

let people = 0

/** A made-up person whom nobody knows yet. Answers our id. */
export async function newPatient(bridge: Side): Promise<number> {
  people += 1
  return await bridge.tenant((tx) =>
    insertPatient(tx, {
      dataSourceId: bridge.sourceId,
      locationId: bridge.locationId,
      providerId: null,
      firstName: `Test${people}`,
      middleName: null,
      lastName: 'Newcomer',
      birthDate: `19${String(50 + (people % 50)).padStart(2, '0')}-02-03`,
      gender: 'Other',
      email: `newcomer${people}@example.com`,
      // No two of one test share a birth date and a phone: they would be taken for one, perhaps.
      cellPhone: `${212 + Math.floor(people / 100)}555${String(100 + (people % 100)).padStart(4, '0')}`,
      homePhone: null,
      workPhone: null,
      addressLine1: null,
      addressLine2: null,
      city: null,
      state: null,
      zipCode: null,
      guarantorId: null,
    }),
  )
}

export interface Place {
  providerId: number
  operatoryId: number
}

/** Every provider with hours, in their operatory. */
export async function allPlaces(bridge: Side): Promise<Place[]> {
  const hours = await bridge.tenant((tx) => listActiveHours(tx, bridge.locationId))
  const pairs = hours.map((hour) => [hour.provider_id, hour.operatory_id ?? 0] as const)
  return [...new Map(pairs)].map(([providerId, operatoryId]) => ({ providerId, operatoryId }))
}

/** The first of them. */
export async function somePlace(bridge: Side): Promise<Place> {
  const [place] = await allPlaces(bridge)
  if (!place) throw new Error('nobody works in an operatory')
  return place
}

/** Starts that are free now, a day or more ahead. */
export async function freeStarts(bridge: Side, place: Place, count: number): Promise<string[]> {
  return await bridge.tenant(async (tx) => {
    const from = toInstant(bridge.t.clock.now() + hours(24))
    const rules = (await listActiveHours(tx, bridge.locationId)).filter(
      (hour) => hour.provider_id === place.providerId,
    )
    return findFreeStarts({
      ...place,
      zone: 'America/New_York',
      hours: rules.map((rule) => ({ begin: rule.begin_time, end: rule.end_time, days: rule.days })),
      busy: await listBusy(tx, bridge.locationId, from, addMs(from, hours(24 * 41))),
      from,
      count,
    })
  })
}

/** Books as a client would; 30 minutes unless `wanted` says otherwise. */
export async function book(
  bridge: Side & Pick<Link, 'apiKeyId' | 'wake'>,
  wanted: Partial<Booking> & { start: string; patientId: number | null },
): Promise<Booked> {
  const place = await somePlace(bridge)
  const booked = await bridge.tenant((tx) =>
    bookAppointment(tx, {
      apiKeyId: bridge.apiKeyId,
      locationId: bridge.locationId,
      dependent: null,
      ...place,
      end: null,
      appointmentTypeId: null,
      categoryId: null,
      note: null,
      referrer: null,
      unavailable: false,
      isGuardian: false,
      isNewClientsPatient: null,
      descriptorIds: [],
      ...wanted,
    }),
  )
  bridge.wake()
  return booked
}
