/** One row of `appointment` → our record, with the meaning that Open Dental gives its states. Pure. */
import { createHash } from 'node:crypto'
import type { AppointmentRecord, ForeignId } from '../../model/records.ts'
import { addMs, type Instant, minutes } from '../../model/time.ts'
import type { Settings } from './configuration.ts'
import type { Row } from './database.ts'
import { clockOf, type Facts, keyOf } from './facts.ts'
import { unmarkNote } from './marker.ts'
import { openWallClock, type WallClock } from './wall-clock.ts'

/** `appointment.AptStatus` (opendental.com/OpenDentalDocumentation26-1.xml). */
const SCHEDULED = 1
const COMPLETE = 2
const UNSCHEDULED = 3
/** Until 17.4.1, when it became a priority. */
const ASAP = 4
const BROKEN = 5
const IS_APPOINTMENT = new Set([SCHEDULED, COMPLETE, UNSCHEDULED, ASAP, BROKEN])
/** The code that breaking with the type Missed attaches. */
const MISSED_CODE = 'D9986'
/** Each character of a pattern. */
const PATTERN_MINUTES = 5

export type AppointmentReading =
  | { kind: 'appointment'; record: AppointmentRecord; doubt: string | null }
  /** A note, a planned or never scheduled visit: nothing is booked. */
  | { kind: 'none' }
  | { kind: 'set_aside'; reason: string }

/** @param codeNums the codes of the procedures attached to it, by CodeNum */
export function readAppointment(
  row: Row,
  codeNums: string[],
  facts: Facts,
  settings: Settings,
): AppointmentReading {
  const status = Number(row.AptStatus)
  if (!IS_APPOINTMENT.has(status)) return { kind: 'none' }
  const operatory = keyOf(row.Op)
  const clinic =
    (operatory === null ? undefined : facts.operatories.get(operatory)?.clinic) ?? String(row.ClinicNum)
  const clock = clockOf(settings, clinic)
  const start = clock.read(String(row.AptDateTime))
  // What was never on the schedule has no date; what was taken off it keeps its own.
  if (start === null) {
    if (status === UNSCHEDULED) return { kind: 'none' }
    return { kind: 'set_aside', reason: 'It stands on the schedule without a date.' }
  }
  const length = String(row.Pattern ?? '').length
  if (length === 0) return { kind: 'set_aside', reason: 'Its time pattern is empty.' }
  const patient = keyOf(row.PatNum)
  if (patient === null) return { kind: 'set_aside', reason: 'It names no patient.' }
  const { note, marker } = unmarkNote(row.Note === null ? null : String(row.Note))
  const arrivedAt = timeOf(clock, row.DateTimeArrived)
  const dismissedAt = timeOf(clock, row.DateTimeDismissed)
  const codes = codeNums.map((num) => facts.codes.get(num)?.code)
  const cancelled = status === BROKEN || status === UNSCHEDULED
  return {
    kind: 'appointment',
    doubt: doubtOf(start.doubtful),
    record: {
      foreignId: String(row.AptNum),
      marker,
      patient,
      provider: providerOf(row),
      operatory,
      location: facts.clinics ? clinic : null,
      start: start.instant,
      end: addMs(start.instant, minutes(length * PATTERN_MINUTES)),
      unavailable: false,
      confirmed: facts.confirmed.has(String(row.Confirmed)) || arrivedAt !== null,
      confirmedAt: null,
      cancelled,
      cancelledAt: null,
      checkinAt: arrivedAt,
      checkedOut: status === COMPLETE,
      checkedOutAt: status === COMPLETE ? dismissedAt : null,
      missed: status === BROKEN && codes.includes(MISSED_CODE),
      note,
      descriptors: descriptorsOf(row, codeNums),
      enteredAt: enteredAt(row, settings),
      version: versionOf(row, codeNums),
    },
  }
}

function doubtOf(doubtful: 'twice' | 'never' | null): string | null {
  if (doubtful === null) return null
  return doubtful === 'twice'
    ? 'Its time comes twice in the night the clocks go back, and is read as the first.'
    : 'Its time does not come in the night the clocks go forward, and is read as the hour after.'
}

/** Who is booked: the hygienist where it is a hygiene visit; ProvNum then is the dentist who looks in. */
function providerOf(row: Row): ForeignId | null {
  const hygienist = keyOf(row.ProvHyg)
  return Number(row.IsHygiene) === 1 && hygienist !== null ? hygienist : keyOf(row.ProvNum)
}

/** A moment of the visit; midnight means that nothing was noted. */
function timeOf(clock: WallClock, value: string | number | null | undefined): Instant | null {
  const text = String(value ?? '')
  return text.slice(11, 19) === '00:00:00' ? null : (clock.read(text)?.instant ?? null)
}

/** `SecDateTEntry` is the server's own clock, not the clinic's. */
function enteredAt(row: Row, settings: Settings): Instant | null {
  if (row.SecDateTEntry === null) return null
  return openWallClock(settings.serverZone).read(String(row.SecDateTEntry))?.instant ?? null
}

function descriptorsOf(row: Row, codeNums: string[]): ForeignId[] {
  const type = keyOf(row.AppointmentTypeNum)
  const codes = [...new Set(codeNums)].map((num) => `code_${num}`)
  return [...(type === null ? [] : [`type_${type}`]), ...codes].sort()
}

/**
 * Open Dental has no version of a row, and its stamp has whole seconds: the version is a print of all that is read of it.
 * What the stamp alone changes is no change to us.
 */
function versionOf(row: Row, codeNums: string[]): string {
  const { DateTStamp: _, ...rest } = row
  return createHash('sha1')
    .update(JSON.stringify([rest, [...codeNums].sort()]))
    .digest('base64url')
    .slice(0, 16)
}

/** The pattern of a visit of that length; one that stands there keeps its marks of who is needed when. */
export function patternOf(start: Instant, end: Instant, present = ''): string {
  const length = Math.ceil((Date.parse(end) - Date.parse(start)) / minutes(PATTERN_MINUTES))
  return present.slice(0, length).padEnd(length, 'X')
}

/** The longest that a pattern can say: 255 characters. */
export const LONGEST_MS: number = minutes(255 * PATTERN_MINUTES)
