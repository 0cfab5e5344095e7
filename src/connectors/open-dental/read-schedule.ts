/** Rows of `schedule` → blocks and working hours. Pure. */
import type { AppointmentRecord, ForeignId, SetAsideRecord, WorkingHourRecord } from '../../model/records.ts'
import { addMs, hours, type Instant } from '../../model/time.ts'
import type { Settings } from './configuration.ts'
import type { Row } from './database.ts'
import { clockOf, type Facts, keyOf } from './facts.ts'
import type { WallClock } from './wall-clock.ts'

/** `schedule.SchedType`; 3 (employees) and 4 (lists of Web Sched) are no business of the schedule's. */
const PRACTICE = 0
const PROVIDER = 1
const BLOCKOUT = 2
/** `schedule.Status`: 0 open, 1 closed, 2 holiday. */
const OPEN = 0

export type BlockReading =
  | { kind: 'appointment'; record: AppointmentRecord }
  | { kind: 'set_aside'; record: SetAsideRecord }

/** The row of `schedule` that a foreign id of a block means; null where it means none. */
export function scheduleMeant(foreignId: ForeignId): string | null {
  return /^block_([1-9]\d{0,18})_c?\d{1,19}$/.exec(foreignId)?.[1] ?? null
}

/**
 * The blocks of one row: one for each operatory of a blockout, the whole site's where it names none; on a holiday one for
 * each site that it is for.
 */
export function readBlocks(
  row: Row,
  operatories: ForeignId[],
  facts: Facts,
  settings: Settings,
): BlockReading[] {
  const type = Number(row.SchedType)
  const clinic = String(row.ClinicNum)
  if (type === PRACTICE && Number(row.Status) !== OPEN) {
    const clinics =
      facts.clinics && clinic === '0' ? facts.clinicRows.map((one) => String(one.ClinicNum)) : [clinic]
    return clinics.map((one) => {
      const clock = clockOf(settings, one)
      const day = String(row.SchedDate)
      // The next day's first instant, wherever the clocks change meanwhile.
      const next = addMs(`${day}T00:00:00.000Z`, hours(24)).slice(0, 10)
      const span = { start: clock.startOfDay(day), end: clock.startOfDay(next) }
      return block(row, `block_${row.ScheduleNum}_c${one}`, null, facts.clinics ? one : null, span)
    })
  }
  if (type !== BLOCKOUT || !blocks(String(row.BlockoutType), facts, settings)) return []
  const places: { id: string; operatory: ForeignId | null; clinic: string }[] =
    operatories.length === 0
      ? [{ id: `block_${row.ScheduleNum}_0`, operatory: null, clinic }]
      : operatories.map((operatory) => ({
          id: `block_${row.ScheduleNum}_${operatory}`,
          operatory,
          clinic: facts.operatories.get(operatory)?.clinic ?? clinic,
        }))
  return places.map(({ id, operatory, clinic: at }) => {
    const span = spanOf(row, clockOf(settings, at))
    const location = facts.clinics ? at : null
    return span === null ? aside(row, id) : block(row, id, operatory, location, span)
  })
}

/** Types flagged NS, those that the practice listed, and those that nobody has decided about. */
function blocks(defNum: string, facts: Facts, settings: Settings): boolean {
  if (settings.blockingBlockouts.has(defNum)) return true
  if (facts.blockoutTypes.some((type) => type.defNum === defNum && type.noSchedule)) return true
  return !settings.bookableBlockouts.has(defNum)
}

/** Blockout types that block because nobody said what they mean. */
export function undecidedBlockouts(facts: Facts, settings: Settings): { defNum: string; name: string }[] {
  return facts.blockoutTypes.filter(
    ({ defNum, noSchedule }) =>
      !noSchedule && !settings.blockingBlockouts.has(defNum) && !settings.bookableBlockouts.has(defNum),
  )
}

function spanOf(row: Row, clock: WallClock): { start: Instant; end: Instant } | null {
  const start = clock.read(`${row.SchedDate} ${row.StartTime}`)?.instant
  const stop = String(row.StopTime)
  const end = stop.startsWith('24:')
    ? clock.startOfDay(addMs(`${row.SchedDate}T00:00:00.000Z`, hours(24)).slice(0, 10))
    : clock.read(`${row.SchedDate} ${stop}`)?.instant
  return start === undefined || end === undefined || end <= start ? null : { start, end }
}

function aside(row: Row, foreignId: ForeignId): BlockReading {
  const reason = 'The blockout does not end after it starts.'
  return { kind: 'set_aside', record: { noun: 'appointment', foreignId, reason, raw: row } }
}

function block(
  row: Row,
  foreignId: ForeignId,
  operatory: ForeignId | null,
  location: ForeignId | null,
  { start, end }: { start: Instant; end: Instant },
): BlockReading {
  return {
    kind: 'appointment',
    record: {
      foreignId,
      marker: null,
      patient: null,
      provider: null,
      operatory,
      location,
      start,
      end,
      unavailable: true,
      confirmed: false,
      confirmedAt: null,
      cancelled: false,
      cancelledAt: null,
      checkinAt: null,
      checkedOut: false,
      checkedOutAt: null,
      missed: false,
      note: row.Note === null || row.Note === '' ? null : String(row.Note),
      descriptors: [],
      enteredAt: null,
      version: null,
    },
  }
}

/**
 * The working hours of one row: in each of its operatories; in those whose default provider it is where it names none;
 * in any where there are none of these either.
 */
export function readHours(row: Row, named: ForeignId[], facts: Facts): WorkingHourRecord[] {
  const provider = keyOf(row.ProvNum)
  if (Number(row.SchedType) !== PROVIDER || Number(row.Status) !== OPEN || provider === null) return []
  const beginTime = String(row.StartTime).slice(0, 5)
  const endTime = String(row.StopTime).slice(0, 5)
  if (endTime <= beginTime) return []
  const own = [...facts.operatories].flatMap(([id, { dentist, hygienist, hidden }]) =>
    !hidden && (dentist === provider || hygienist === provider) ? [id] : [],
  )
  const places: (ForeignId | null)[] = named.length > 0 ? named : own
  return (places.length > 0 ? places : [null]).map((operatory) => ({
    foreignId: `hours_${row.ScheduleNum}_${operatory ?? 0}`,
    provider,
    operatory,
    location: locationOf(row, operatory, facts),
    beginTime,
    endTime,
    days: [],
    specificDate: String(row.SchedDate),
  }))
}

/** Null where the operatory tells it, or there is one site only. */
function locationOf(row: Row, operatory: ForeignId | null, facts: Facts): ForeignId | null {
  return facts.clinics && operatory === null ? String(row.ClinicNum) : null
}
