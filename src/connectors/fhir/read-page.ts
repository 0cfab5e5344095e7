/** A page of resources as change records: references learned first, what cannot be read set aside, patients in front. */
import type { ChangeRecord, ForeignId } from '../../model/records.ts'
import type { Settings } from './configuration.ts'
import type { FhirHttp } from './http.ts'
import type { Places } from './places.ts'
import { type Reading, readAppointment } from './read-appointment.ts'
import { readPatient } from './read-patient.ts'
import { readSlot } from './read-slot.ts'
import {
  type Appointment,
  nameOf,
  type Patient,
  type Reference,
  readResource,
  type Schedule,
  type Slot,
} from './resources.ts'
import { fetchByIds } from './search.ts'
import { parseReference } from './values.ts'

type Subject = Appointment | Slot | Patient

export class PageReader {
  readonly #http: FhirHttp
  readonly #settings: Settings
  readonly #places: Places
  readonly #schedules = new Map<string, Schedule | null>()

  constructor(http: FhirHttp, settings: Settings, places: Places) {
    this.#http = http
    this.#settings = settings
    this.#places = places
  }

  /** Schedules are read again when they are next named. */
  forgetSchedules(): void {
    this.#schedules.clear()
  }

  /**
   * The resources as change records, in the order to merge. Patients that the appointments name and that are neither
   * here nor in `told` are read too. @throws Unavailable
   */
  async read(resources: unknown[], told: ReadonlySet<ForeignId>): Promise<ChangeRecord[]> {
    const subjects: Subject[] = []
    const aside: ChangeRecord[] = []
    for (const raw of resources) {
      const { type } = nameOf(raw)
      if (type !== 'Appointment' && type !== 'Slot' && type !== 'Patient') continue
      const subject = readResource(type, raw)
      if ('misfit' in subject) aside.push(setAside(type, raw, subject.misfit))
      else subjects.push(subject)
    }
    const schedules = await this.#schedulesOf(subjects)
    await this.#places.learn(this.#referencesOf(subjects, schedules))
    const visits: ChangeRecord[] = []
    const patients: ChangeRecord[] = []
    for (const subject of subjects) {
      if (subject.resourceType === 'Patient') patients.push(this.#patientRecord(subject))
      else visits.push(...this.#visitRecords(subject, schedules))
    }
    const named = await this.#missingPatients([...patients, ...aside], visits, told)
    return [...patients, ...named, ...aside, ...visits]
  }

  /** One Appointment or Slot. `anyStatus` as in `readAppointment`. @throws Unavailable */
  async readOne(subject: Appointment | Slot, anyStatus: boolean): Promise<Reading> {
    const schedules = await this.#schedulesOf([subject])
    await this.#places.learn(this.#referencesOf([subject], schedules))
    return this.#reading(subject, schedules, anyStatus)
  }

  /** One Patient. @throws Unavailable */
  async readPatient(patient: Patient) {
    await this.#places.learn(this.#referencesOf([patient], new Map()))
    return readPatient(patient, this.#places, this.#settings.baseUrl)
  }

  #reading(subject: Appointment | Slot, schedules: Map<string, Schedule | null>, anyStatus = false): Reading {
    const context = { settings: this.#settings, places: this.#places }
    if (subject.resourceType === 'Appointment') return readAppointment(subject, context, anyStatus)
    const schedule = parseReference(subject.schedule, this.#settings.baseUrl)
    return readSlot(subject, schedules.get(schedule?.id ?? '') ?? null, context)
  }

  #visitRecords(subject: Appointment | Slot, schedules: Map<string, Schedule | null>): ChangeRecord[] {
    const reading = this.#reading(subject, schedules)
    if (reading.kind === 'records') return reading.records.map((record) => ({ kind: 'appointment', record }))
    if (reading.kind === 'unreadable') return [setAside(subject.resourceType, subject, reading.reason)]
    return [{ kind: 'gone', noun: 'appointment', foreignId: foreignIdOf(subject.resourceType, subject.id) }]
  }

  #patientRecord(patient: Patient): ChangeRecord {
    return { kind: 'patient', record: readPatient(patient, this.#places, this.#settings.baseUrl) }
  }

  async #missingPatients(
    here: ChangeRecord[],
    visits: ChangeRecord[],
    told: ReadonlySet<ForeignId>,
  ): Promise<ChangeRecord[]> {
    const known = new Set(here.map((change) => ('record' in change ? change.record.foreignId : null)))
    const missing = new Set<ForeignId>()
    for (const visit of visits) {
      const patient = visit.kind === 'appointment' ? visit.record.patient : null
      if (patient !== null && !known.has(patient) && !told.has(patient)) missing.add(patient)
    }
    const patients: Patient[] = []
    const aside: ChangeRecord[] = []
    for (const raw of await fetchByIds(this.#http, 'Patient', missing)) {
      const patient = readResource('Patient', raw)
      if ('misfit' in patient) aside.push(setAside('Patient', raw, patient.misfit))
      else patients.push(patient)
    }
    await this.#places.learn(this.#referencesOf(patients, new Map()))
    return [...patients.map((patient) => this.#patientRecord(patient)), ...aside]
  }

  async #schedulesOf(subjects: Subject[]): Promise<Map<string, Schedule | null>> {
    const page = new Map<string, Schedule | null>()
    const missing = new Set<string>()
    for (const subject of subjects) {
      if (subject.resourceType !== 'Slot' || subject.status !== 'busy-unavailable') continue
      const id = parseReference(subject.schedule, this.#settings.baseUrl)?.id
      if (id === undefined) continue
      const held = this.#schedules.get(id)
      page.set(id, held ?? null)
      if (held === undefined) missing.add(id)
    }
    for (const raw of await fetchByIds(this.#http, 'Schedule', missing)) {
      const schedule = readResource('Schedule', raw)
      if ('misfit' in schedule) continue
      this.#schedules.set(schedule.id, schedule)
      page.set(schedule.id, schedule)
    }
    return page
  }

  #referencesOf(
    subjects: Subject[],
    schedules: Map<string, Schedule | null>,
  ): { type: string; id: string }[] {
    const references: (Reference | undefined)[] = []
    for (const subject of subjects) {
      if (subject.resourceType === 'Appointment') {
        for (const { actor } of subject.participant ?? []) references.push(actor)
      }
      if (subject.resourceType === 'Patient') references.push(...(subject.generalPractitioner ?? []))
    }
    for (const schedule of schedules.values()) references.push(...(schedule?.actor ?? []))
    return references
      .map((reference) => parseReference(reference, this.#settings.baseUrl))
      .filter((reference) => reference !== null)
  }
}

export function foreignIdOf(type: string, id: string): ForeignId {
  return type === 'Slot' ? `slot~${id}` : id
}

function setAside(type: string, raw: unknown, reason: string): ChangeRecord {
  const { id } = nameOf(raw)
  const noun = type === 'Patient' ? 'patient' : 'appointment'
  return {
    kind: 'set_aside',
    record: { noun, foreignId: id === null ? null : foreignIdOf(type, id), reason, raw },
  }
}
