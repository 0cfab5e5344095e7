/**
 * A made-up practice for HAPI, the same for the same options: a site in New York with rooms, practitioners with their
 * roles and schedules, patients, and a year of appointments and blocks around a day. Loaded over HAPI's own REST.
 */
import { Temporal } from 'temporal-polyfill'
import { putAll, type Resource } from './fhir-rest.ts'
import { FAMILIES, GIVEN, numbers, stableUuid } from './made-up.ts'

export const ZONE = 'America/New_York'

export interface PracticeOptions {
  /** The day that the year lies around, `2026-11-22`. */
  today: string
  seed?: number
  patients?: number
  /** Over the year; blocks come on top. */
  appointments?: number
  /** Each has a practitioner of its own. */
  rooms?: number
}

export interface Practice {
  site: string
  rooms: string[]
  practitioners: string[]
  roles: string[]
  schedules: string[]
  patients: string[]
  directory: Resource[]
  people: Resource[]
  appointments: Resource[]
  slots: Resource[]
}

/** Working days of a year, at least. */
const WEEKDAYS = 260
/** Start times of a working day in half hours, lunch left out. */
const HALF_HOURS = Array.from({ length: 18 }, (_, i) => 8 * 60 + i * 30).filter((at) => at < 720 || at >= 780)

/** The practice as resources, nothing sent. Weekday times from 17:00 on are always free. */
export function makePractice(options: PracticeOptions): Practice {
  const { seed = 7, patients = 300, appointments = 4000 } = options
  // Two of three half hours at most are taken, so that a front desk finds free ones.
  const rooms = options.rooms ?? Math.max(3, Math.ceil(appointments / (WEEKDAYS * HALF_HOURS.length * 0.66)))
  const next = numbers(seed)
  const id = (...words: (string | number)[]) => stableUuid('practice', seed, ...words)
  const each = (count: number, noun: string) => Array.from({ length: count }, (_, i) => id(noun, i))
  const practice: Practice = {
    site: id('site'),
    rooms: each(rooms, 'room'),
    practitioners: each(rooms, 'practitioner'),
    roles: each(rooms, 'role'),
    schedules: each(rooms, 'schedule'),
    patients: each(patients, 'patient'),
    directory: [],
    people: [],
    appointments: [],
    slots: [],
  }
  practice.directory = directoryOf(practice)
  practice.people = practice.patients.map((patient, i) => personOf(patient, i, next))
  fillYear(practice, options.today, appointments, next, id)
  return practice
}

/** Loads it by transactions; `told` hears how many resources stand there. */
export async function loadPractice(
  base: string,
  practice: Practice,
  told?: (done: number, of: number) => void,
): Promise<void> {
  const parts = [practice.directory, practice.people, practice.slots, practice.appointments]
  const of = parts.reduce((sum, part) => sum + part.length, 0)
  let before = 0
  for (const part of parts) {
    await putAll(base, part, (done) => told?.(before + done, of))
    before += part.length
  }
}

function directoryOf(practice: Practice): Resource[] {
  const site: Resource = {
    resourceType: 'Location',
    id: practice.site,
    name: 'Harbor Light Dental',
    status: 'active',
    physicalType: physicalType('si'),
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/timezone', valueCode: ZONE }],
  }
  const resources = [site]
  practice.rooms.forEach((room, i) => {
    const practitioner = practice.practitioners[i]
    resources.push(
      {
        resourceType: 'Location',
        id: room,
        name: `Room ${i + 1}`,
        status: 'active',
        physicalType: physicalType('ro'),
        partOf: { reference: `Location/${practice.site}` },
      },
      {
        resourceType: 'Practitioner',
        id: practitioner,
        active: true,
        identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: String(1999900000 + i) }],
        name: [
          {
            use: 'official',
            family: FAMILIES[(i * 5) % FAMILIES.length],
            given: [GIVEN[(i * 7) % GIVEN.length]],
          },
        ],
      },
      {
        resourceType: 'PractitionerRole',
        id: practice.roles[i],
        active: true,
        practitioner: { reference: `Practitioner/${practitioner}` },
        location: [{ reference: `Location/${practice.site}` }],
      },
      {
        resourceType: 'Schedule',
        id: practice.schedules[i],
        active: true,
        actor: [{ reference: `Practitioner/${practitioner}` }, { reference: `Location/${room}` }],
      },
    )
  })
  return resources
}

function personOf(id: string, i: number, next: () => number): Resource {
  const family = FAMILIES[i % FAMILIES.length] ?? ''
  const given = GIVEN[Math.floor(i / FAMILIES.length) % GIVEN.length] ?? ''
  const day = String(1 + Math.floor(next() * 28)).padStart(2, '0')
  const month = String(1 + Math.floor(next() * 12)).padStart(2, '0')
  return {
    resourceType: 'Patient',
    id,
    active: true,
    name: [{ use: 'official', family, given: [given] }],
    gender: next() < 0.5 ? 'female' : 'male',
    birthDate: `${1935 + Math.floor(next() * 80)}-${month}-${day}`,
    telecom: [
      { system: 'phone', use: 'mobile', value: `(617) 555-01${String(i % 100).padStart(2, '0')}` },
      { system: 'email', value: `person${i}@example.com` },
    ],
    address: [{ line: [`${1 + (i % 200)} Wharf Road`], city: 'Harborton', state: 'MA', postalCode: '02199' }],
  }
}

/** Spreads exactly `count` appointments over the half hours of the year, and adds lunches and staff meetings as blocks. */
function fillYear(
  practice: Practice,
  today: string,
  count: number,
  next: () => number,
  id: (...words: (string | number)[]) => string,
): void {
  const noon = Temporal.PlainDate.from(today)
  const days = Array.from({ length: 365 }, (_, i) => noon.add({ days: i - 180 })).filter(
    (d) => d.dayOfWeek <= 5,
  )
  let cells = days.length * practice.rooms.length * HALF_HOURS.length
  let left = count
  for (const day of days) {
    const past = Temporal.PlainDate.compare(day, noon) < 0
    practice.rooms.forEach((_, room) => {
      for (const minute of HALF_HOURS) {
        if (next() * cells-- < left) {
          left--
          practice.appointments.push(visitOf(practice, room, day, minute, past, next, id))
        }
      }
      practice.slots.push(lunchOf(practice, room, day, id))
    })
    if (day.dayOfWeek === 3) practice.appointments.push(meetingOf(practice, day, id))
  }
}

function visitOf(
  practice: Practice,
  room: number,
  day: Temporal.PlainDate,
  minute: number,
  past: boolean,
  next: () => number,
  id: (...words: (string | number)[]) => string,
): Resource {
  const chance = next()
  const status = chance < 0.06 ? 'cancelled' : past ? (chance < 0.1 ? 'noshow' : 'fulfilled') : 'booked'
  const patient = practice.patients[Math.floor(next() * practice.patients.length)]
  return {
    resourceType: 'Appointment',
    id: id('visit', room, day.toString(), minute),
    status,
    start: wall(day, minute),
    end: wall(day, minute + 30),
    minutesDuration: 30,
    ...(next() < 0.3 ? { comment: 'Prefers the window chair' } : {}),
    participant: [
      { actor: { reference: `Patient/${patient}` }, status: next() < 0.4 ? 'accepted' : 'needs-action' },
      // One in four names the practitioner by the role, as some systems do.
      next() < 0.25
        ? { actor: { reference: `PractitionerRole/${practice.roles[room]}` }, status: 'accepted' }
        : { actor: { reference: `Practitioner/${practice.practitioners[room]}` }, status: 'accepted' },
      { actor: { reference: `Location/${practice.rooms[room]}` }, status: 'accepted' },
    ],
  }
}

function lunchOf(
  practice: Practice,
  room: number,
  day: Temporal.PlainDate,
  id: (...words: (string | number)[]) => string,
): Resource {
  return {
    resourceType: 'Slot',
    id: id('lunch', room, day.toString()),
    schedule: { reference: `Schedule/${practice.schedules[room]}` },
    status: 'busy-unavailable',
    start: wall(day, 720),
    end: wall(day, 780),
    comment: 'Lunch',
  }
}

/** Everyone, in no room: an appointment without a patient. */
function meetingOf(
  practice: Practice,
  day: Temporal.PlainDate,
  id: (...words: (string | number)[]) => string,
): Resource {
  return {
    resourceType: 'Appointment',
    id: id('meeting', day.toString()),
    status: 'booked',
    start: wall(day, 450),
    end: wall(day, 480),
    comment: 'Staff meeting',
    participant: practice.practitioners.map((practitioner) => ({
      actor: { reference: `Practitioner/${practitioner}` },
      status: 'accepted',
    })),
  }
}

function physicalType(code: 'si' | 'ro') {
  return { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/location-physical-type', code }] }
}

/** Minutes past local midnight of a day in New York, as FHIR's instant. */
function wall(day: Temporal.PlainDate, minute: number): string {
  const time = Temporal.PlainTime.from({ hour: Math.floor(minute / 60), minute: minute % 60 })
  return day
    .toZonedDateTime({ timeZone: ZONE, plainTime: time })
    .toInstant()
    .toString({ fractionalSecondDigits: 3 })
}
