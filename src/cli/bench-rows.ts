/** Made-up rows for `bench sync merge`: what a record system could have said, the same in each run. */
import type { AppointmentRecord, OperatoryRecord, PatientRecord, ProviderRecord } from '../model/records.ts'
import { addMs, hours, type Instant, minutes } from '../model/time.ts'

const DENTISTS = 10
const ROOMS = 20
const PATIENTS_MAX = 5_000
/** The first day; its rooms are filled from then on, a half hour after the other. */
const FIRST_DAY: Instant = '2024-01-01T14:00:00.000Z'
const PER_DAY = 16

const numbered = <T>(count: number, make: (number: number) => T) =>
  Array.from({ length: count }, (_, at) => make(at + 1))

export const dentists: ProviderRecord[] = numbered(DENTISTS, (number) => ({
  foreignId: String(number),
  firstName: 'Ada',
  lastName: `Example ${number}`,
  displayName: `Ada Example ${number}`,
  npi: null,
  inactive: false,
  locations: [],
}))

export const rooms: OperatoryRecord[] = numbered(ROOMS, (number) => ({
  foreignId: String(number),
  name: `Room ${number}`,
  location: null,
  active: true,
}))

const patientsFor = (appointments: number) => Math.min(PATIENTS_MAX, appointments)

/** The patients of so many appointments. */
export const makePatients = (appointments: number): PatientRecord[] =>
  numbered(patientsFor(appointments), (number) => ({
    foreignId: String(number),
    marker: null,
    firstName: `Max ${number % 97}`,
    middleName: null,
    lastName: `Sample ${number}`,
    birthDate: `19${String(10 + (number % 90))}-0${1 + (number % 9)}-1${number % 10}`,
    gender: number % 2 ? 'Female' : 'Male',
    email: `patient.${number}@example.org`,
    cellPhone: `555${String(number).padStart(7, '0')}`,
    homePhone: null,
    workPhone: null,
    addressLine1: `${number} Example Street`,
    addressLine2: null,
    city: 'Springfield',
    state: 'NY',
    zipCode: '12345',
    language: null,
    chartId: null,
    billingType: null,
    guarantor: String(number - (number % 3 === 0 ? 1 : 0)),
    provider: String(1 + (number % DENTISTS)),
    inactive: false,
    mergedInto: null,
    version: '1',
  }))

/** So many appointments, room by room and day by day; one in twenty is a block. */
export function makeAppointments(count: number): AppointmentRecord[] {
  return numbered(count, (number) => {
    const at = Math.floor(number / ROOMS)
    const start = addMs(FIRST_DAY, hours(24 * Math.floor(at / PER_DAY)) + minutes(30 * (at % PER_DAY)))
    const isBlock = number % 20 === 7
    return {
      foreignId: String(number),
      marker: null,
      patient: isBlock ? null : String(1 + ((number * 7) % patientsFor(count))),
      provider: String(1 + (number % DENTISTS)),
      operatory: String(1 + (number % ROOMS)),
      location: null,
      start,
      end: addMs(start, minutes(30)),
      unavailable: isBlock,
      confirmed: number % 3 === 0,
      confirmedAt: null,
      cancelled: number % 11 === 0,
      cancelledAt: null,
      checkinAt: null,
      checkedOut: number % 2 === 0,
      checkedOutAt: null,
      missed: false,
      note: number % 4 === 0 ? 'Prefers the afternoon.' : null,
      descriptors: [],
      enteredAt: FIRST_DAY,
      version: String(number),
    }
  })
}
