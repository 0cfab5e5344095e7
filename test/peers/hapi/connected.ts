/** The connector on the run's HAPI, its front desk, and what the tests ask of both. */
import { inject } from 'vitest'
import type { Insertion, RecordSystem } from '../../../src/connectors/connector.ts'
import { fhirConnector } from '../../../src/connectors/fhir/fhir-connector.ts'
import type { AppointmentRecord, ChangeRecord } from '../../../src/model/records.ts'
import { addMs, type Instant, minutes } from '../../../src/model/time.ts'
import { frontDesk } from './desk.ts'
import { makePractice } from './practice.ts'

const { base, practice: options } = inject('hapi')

export const practice = makePractice(options)
export const desk = frontDesk(base)
export const hapiBase = base
/** The day that the practice's year lies around. */
export const today = options.today

export function openHapi(settings: Record<string, unknown> = {}): Promise<RecordSystem> {
  return fhirConnector.open({ base_url: base, ...settings }, { now: () => Date.now() })
}

/** Years of their own for each test file, after those that the practice has appointments in. */
const YEARS = { bridge: 2031, conformance: 2037, crashes: 2043, reading: 2049, slots: 2055, writing: 2061 }
let asked = 0

/** Half hours that nobody else takes, from a random day on, since a HAPI may have seen earlier runs. */
export function quietTimes(whose: keyof typeof YEARS): () => { start: Instant; end: Instant } {
  let taken = 0
  // Up to three in one file, two years each.
  const year = YEARS[whose] + 2 * (asked++ % 3) + Math.floor(Math.random() * 2)
  const first = `${year}-0${1 + Math.floor(Math.random() * 9)}-${10 + Math.floor(Math.random() * 19)}T00:00:00.000Z`
  return () => {
    const start = addMs(first, minutes(30) * taken++)
    return { start, end: addMs(start, minutes(30)) }
  }
}

/** An insertion into the first room with the first practitioner, for a patient of the practice unless said otherwise. */
export function anInsertion(
  system: RecordSystem,
  part: Partial<Insertion> & { start: Instant; end: Instant },
): Insertion {
  return {
    marker: system.reserve(),
    patient: { foreignId: practice.patients[5] ?? '' },
    provider: practice.practitioners[0] ?? '',
    operatory: practice.rooms[0] ?? '',
    location: practice.site,
    unavailable: false,
    note: null,
    descriptors: [],
    overbook: false,
    ...part,
  }
}

/** A patient nobody has seen before. */
export function aNewPatient(system: RecordSystem, lastName = 'Newcomer') {
  return {
    marker: system.reserve(),
    draft: {
      firstName: 'Ines',
      middleName: 'May',
      lastName,
      birthDate: '1988-04-09',
      gender: 'Female' as const,
      email: 'ines@example.com',
      phone: '(617) 555-0147',
    },
  }
}

/** Everything that the changes from a cursor bring, and where to go on. */
export async function allChanges(system: RecordSystem, cursor: string | null) {
  const records: ChangeRecord[] = []
  let pages = 0
  let next = cursor
  let last = false
  for await (const page of system.changes(cursor)) {
    records.push(...page.records)
    next = page.cursor
    last = page.last
    pages++
  }
  return { records, cursor: next, last, pages }
}

export async function wholeWindow(system: RecordSystem, from: Instant, to: Instant): Promise<ChangeRecord[]> {
  const records: ChangeRecord[] = []
  for await (const some of system.window(from, to)) records.push(...some)
  return records
}

export function appointmentsIn(records: ChangeRecord[]): AppointmentRecord[] {
  return records.flatMap((change) => (change.kind === 'appointment' ? [change.record] : []))
}

/** The last word of some changes on one appointment. */
export function lastOf(records: ChangeRecord[], foreignId: string): AppointmentRecord | undefined {
  return appointmentsIn(records).findLast((record) => record.foreignId === foreignId)
}
