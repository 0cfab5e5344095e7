/** What the clients of one crash run ask for: appointments, each with the changes that follow, all from the seed. */
import { addMs, type Instant, minutes } from '../../src/model/time.ts'
import type { Dice } from '../../src/sandbox/random.ts'
import type { Place } from '../support/booking.ts'

/** A free half hour with the half hour behind it, in one place. */
export interface FreeTime extends Place {
  start: Instant
}

export type Act =
  | { kind: 'book' }
  | { kind: 'reschedule'; start: Instant }
  | { kind: 'confirm' }
  | { kind: 'note'; note: string }
  | { kind: 'cancel' }

export interface PlannedAppointment {
  patientId: number
  /** Our patient's first name where the practice does not hold them yet; nobody else there is called so. */
  newName: string | null
  place: Place
  start: Instant
  /** The booking first, then the changes, each of one kind at most once. */
  acts: Act[]
}

export interface Supplies {
  /** No two overlap. */
  times: FreeTime[]
  newPatients: { id: number; name: string }[]
  knownPatients: number[]
}

/** How often an appointment is asked to change so, in a hundred; a cancellation comes last. */
const SHARES = { reschedule: 35, confirm: 35, note: 25, cancel: 25 }

/** Plans exactly `requests` requests. Throws where the supplies do not reach. */
export function planRequests(throws: Dice, requests: number, supplies: Supplies): PlannedAppointment[] {
  const times = [...supplies.times]
  const people = [...supplies.newPatients]
  const planned: PlannedAppointment[] = []
  const takeTime = (): FreeTime => {
    const [time] = times.splice(throws.below(times.length), 1)
    if (!time) throw new Error('too few free times')
    return time
  }
  let left = requests
  while (left > 0) {
    const { start, ...place } = takeTime()
    const fresh = throws.chance(0.5) ? people.shift() : undefined
    const acts: Act[] = [{ kind: 'book' }]
    if (throws.below(100) < SHARES.reschedule) {
      const at = times.findIndex(({ operatoryId }) => operatoryId === place.operatoryId)
      const [target] = at < 0 ? [] : times.splice(at, 1)
      if (target) acts.push({ kind: 'reschedule', start: target.start })
    }
    if (throws.below(100) < SHARES.confirm) acts.push({ kind: 'confirm' })
    if (throws.below(100) < SHARES.note)
      acts.push({ kind: 'note', note: `Note ${planned.length} of a made-up patient` })
    if (throws.below(100) < SHARES.cancel) acts.push({ kind: 'cancel' })
    const patientId = fresh?.id ?? throws.pick(supplies.knownPatients)
    planned.push({ patientId, newName: fresh?.name ?? null, place, start, acts: acts.slice(0, left) })
    left -= acts.length
  }
  return planned
}

/** The end of every appointment of a plan: half an hour after its start. */
export function endOf(start: Instant): Instant {
  return addMs(start, minutes(30))
}
