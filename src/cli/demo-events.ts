/** One line for each thing that happens in the demo, told from its events. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Temporal } from 'temporal-polyfill'
import { type Database, inTenant } from '../db/database.ts'
import type { ShownAppointment } from '../model/appointment.ts'
import type { Instant } from '../model/time.ts'
import { listEvents, type StoredEvent } from '../store/events.ts'

const LOOK_MS = 250
const PAGE = 200
/** Changes that were accepted and not told as carried out yet; a demo never comes near it. */
const PENDING_MAX = 10_000

type Fields = Record<string, unknown>

export interface Teller {
  /** The line of an event; null where another event says the same. */
  tell(event: Pick<StoredEvent, 'name' | 'created_at' | 'body'>): string | null
}

/** Tells events in order. Remembers what was accepted, to know our own changes from the front desk's. */
export function openTeller(zone: string): Teller {
  /** By appointment: what was asked for, and what stood before. */
  const accepted = new Map<number, { now: Fields; before: Fields }>()
  const at = (instant: string) => Temporal.Instant.from(instant).toZonedDateTimeISO(zone)
  const when = ({ start_time }: ShownAppointment) => {
    const start = at(start_time)
    return `${start.toPlainDate()} ${start.toPlainTime().toString({ smallestUnit: 'minute' })}`
  }
  const describe = (name: string, body: Fields): [string, string] | null => {
    const appointment = body.appointment as ShownAppointment | undefined
    if (!appointment) return describeOther(name, body)
    const what = `appointment ${appointment.id}`
    const previous = (body.previous_attributes ?? {}) as Fields
    if (name === 'appointment_accepted') {
      if (accepted.size > PENDING_MAX) accepted.clear()
      const earlier = accepted.get(appointment.id)?.before
      accepted.set(appointment.id, { now: { ...appointment }, before: { ...earlier, ...previous } })
      if (body.previous_attributes === undefined) return ['accepted', `${what}, ${when(appointment)}`]
      return ['accepted', `${what}: ${changesOf(appointment, previous)}`]
    }
    if (name === 'appointment_created') {
      if (appointment.insertion) return null
      return [
        'front desk',
        `${appointment.unavailable ? 'blocked' : 'booked'} ${when(appointment)} (${what}, ${idThere(appointment)})`,
      ]
    }
    if (name === 'appointment_updated')
      return describeUpdate(what, appointment, previous, accepted.get(appointment.id))
    if (name === 'conflict_detected')
      return ['conflict', `${what}: the front desk booked appointment ${body.conflicts_with} over it`]
    return describeOutcome(name, what, appointment)
  }
  return {
    tell({ name, created_at, body }) {
      const told = describe(name, body)
      const time = at(created_at).toPlainTime().toString({ smallestUnit: 'second' })
      return told && `${time}  ${told[0].padEnd(10)}  ${told[1]}`
    },
  }
}

function describeOutcome(name: string, what: string, appointment: ShownAppointment): [string, string] {
  const [noun = '', outcome = ''] = name.split('.')
  const why = appointment.insertion?.message ? `: ${appointment.insertion.message}` : ''
  if (name === 'appointment_insertion.complete') return ['written', `${what} is ${idThere(appointment)}`]
  if (noun === 'appointment_insertion') return [outcome.replace('_', ' '), `${what}${why}`]
  return [outcome.replace('_', ' '), `change of ${what}: ./slotbridge writes ${appointment.id} tells more`]
}

function describeUpdate(
  what: string,
  appointment: ShownAppointment,
  previous: Fields,
  ours: { now: Fields; before: Fields } | undefined,
): [string, string] {
  const present: Fields = { ...appointment }
  const names = Object.keys(previous).filter((name) => ours && name in ours.before && !echoes.includes(name))
  const same = (fields: Fields) =>
    names.length > 0 && names.every((name) => JSON.stringify(present[name]) === JSON.stringify(fields[name]))
  const changes = changesOf(appointment, previous)
  const isWritten = ours !== undefined && same(ours.now)
  const isUndone = ours !== undefined && same(ours.before)
  // Told once: what happens to these fields from now on is the front desk's doing.
  if (ours && (isWritten || isUndone)) for (const name of names) delete ours.before[name]
  if (isWritten) return ['written', `${what}: ${changes}`]
  if (isUndone) return ['undone', `${what}: ${changes}, as the record system has it`]
  return ['front desk', `changed ${what}: ${changes}`]
}

function describeOther(name: string, body: Fields): [string, string] | null {
  const patient = body.patient as { id?: number } | undefined
  if (patient) return ['patient', `${patient.id}: ${name.replace('patient_', '')}`]
  const status = body.sync_status as { read_status?: string; write_status?: string } | undefined
  if (status) return ['status', `reading ${status.read_status}, writing ${status.write_status}`]
  const source = body.data_source as { appointments?: number; patients?: number } | undefined
  if (source) return ['loaded', `${source.appointments} appointments, ${source.patients} patients`]
  return [name, '']
}

/** Instants that go with another field tell nothing more. */
const echoes = ['confirmed_at', 'cancelled_at', 'checked_out_at', 'updated_at', 'patient_confirmed_at']

function changesOf(appointment: ShownAppointment, previous: Fields): string {
  const present: Fields = { ...appointment }
  const names = Object.keys(previous).filter((name) => !echoes.includes(name))
  // What a person wrote is not repeated here.
  const shownValue = (name: string) =>
    name === 'note' || name === 'referrer' ? 'changed' : JSON.stringify(present[name])
  const said = names.map((name) => `${name.replaceAll('_', ' ')} ${shownValue(name)}`)
  return said.join(', ') || Object.keys(previous).join(', ').replaceAll('_', ' ')
}

function idThere({ foreign_id }: ShownAppointment): string {
  return `${foreign_id} in the record system`
}

/**
 * Says a line for each event since an instant, until the signal is aborted. Older ones (of earlier starts) are read past.
 * @param demo whose events, and the zone that times are said in
 */
export async function followEvents(
  database: Database,
  demo: { institutionId: number; zone: string; since: Instant },
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const teller = openTeller(demo.zone)
  let position: number | null = null
  while (!signal.aborted) {
    const events = await inTenant(database, demo.institutionId, (tx) => listEvents(tx, position, PAGE))
    for (const event of events) {
      position = event.position
      const line = event.created_at >= demo.since ? teller.tell(event) : null
      if (line) say(line)
    }
    if (events.length < PAGE) await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
  }
}
