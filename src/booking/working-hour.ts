/** Making and changing working hours: what they must be (reference, 5.2), and that synced ones belong to the record system. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { WEEKDAYS } from '../model/records.ts'
import { isDay } from '../model/wire-time.ts'
import type { WorkingHourChange } from '../model/wire-working-hours.ts'
import { listAppointmentTypes } from '../store/appointment-types.ts'
import { getLocation, type LocationRow } from '../store/locations.ts'
import { findBookingOperatory, findBookingProvider } from '../store/resources.ts'
import {
  deleteWorkingHour,
  findWorkingHour,
  insertWorkingHour,
  replaceWorkingHourTypes,
  updateWorkingHour,
  type WorkingHourFields,
  type WorkingHourRow,
} from '../store/working-hours.ts'

const UNITS = ['day', 'week', 'month'] as const
/** Beyond this a recurrence is a slip of the hand. */
const EVERY_MAX = 1000
const RECURRENCES = ['days', 'specific_date', 'custom_recurrence'] as const

/** Makes a working hour of a location and answers its id. Refuses with one sentence for each thing wrong. */
export async function createWorkingHour(
  tx: Tenant,
  locationId: number,
  given: WorkingHourChange,
): Promise<number> {
  const location = await getLocation(tx, locationId)
  const wrong = recurrencesOf(given).length === 1 ? [] : [oneRecurrence('exactly')]
  const fields = {
    provider_id: given.provider_id ?? 0,
    operatory_id: given.operatory_id ?? null,
    begin_time: given.begin_time ?? '',
    end_time: given.end_time ?? '',
    active: given.active ?? true,
    ...recurrenceOf(given),
  }
  await check(tx, location, fields, typesOf(given), wrong)
  const id = await insertWorkingHour(tx, locationId, normal(fields))
  await replaceWorkingHourTypes(tx, id, typesOf(given) ?? [])
  return id
}

/**
 * Changes what is given; a recurrence replaces the one that was there, and a list of types the list. Of a synced one only
 * the types can change: they are ours alone.
 */
export async function changeWorkingHour(tx: Tenant, id: number, given: WorkingHourChange): Promise<void> {
  const row = await getWorkingHour(tx, id)
  const typeIds = typesOf(given)
  const { appointment_type_ids: _types, appointment_category_ids: _categories, ...rest } = given
  if (Object.keys(rest).length > 0) refuseSynced(row)
  const location = await getLocation(tx, row.location_id)
  const wrong = recurrencesOf(given).length <= 1 ? [] : [oneRecurrence('at most')]
  const isKept = recurrencesOf(given).length === 0
  const recurrence = isKept ? recurrenceOf(row) : recurrenceOf(given)
  if (isKept && given.days !== undefined && row.days.length > 0)
    wrong.push('Parameter days must not be empty here; active=false takes a working hour out')
  const fields = {
    provider_id: given.provider_id ?? row.provider_id,
    operatory_id: given.operatory_id ?? row.operatory_id,
    begin_time: given.begin_time ?? row.begin_time,
    end_time: given.end_time ?? row.end_time,
    active: given.active ?? row.active,
    ...recurrence,
  }
  if (row.source === 'manual') {
    await check(tx, location, fields, typeIds, wrong)
    await updateWorkingHour(tx, id, normal(fields))
  } else refuse(await typeFaults(tx, location, typeIds))
  if (typeIds) await replaceWorkingHourTypes(tx, id, typeIds)
}

/** Deletes a working hour that was entered here. */
export async function removeWorkingHour(tx: Tenant, id: number): Promise<void> {
  refuseSynced(await getWorkingHour(tx, id))
  await deleteWorkingHour(tx, id)
}

async function getWorkingHour(tx: Tenant, id: number): Promise<WorkingHourRow> {
  const row = await findWorkingHour(tx, id)
  if (!row) throw new Failure('not_found', 'Working hour not found')
  return row
}

function refuseSynced(row: WorkingHourRow): void {
  if (row.source === 'synced')
    throw new Failure(
      'unsupported_by_source',
      `Working hour ${row.id} is synced: it comes from the health record system and is changed there. Only appointment_type_ids can be changed here.`,
    )
}

type Given = Pick<WorkingHourChange, (typeof RECURRENCES)[number]>

/** Which recurrences are given; an empty list of days is none. */
function recurrencesOf(given: Given): string[] {
  return RECURRENCES.filter((name) =>
    name === 'days' ? (given.days ?? []).length > 0 : given[name] !== undefined,
  )
}

function recurrenceOf(given: { [K in keyof Given]?: Given[K] | null }) {
  return {
    days: given.days ?? [],
    specific_date: given.specific_date ?? null,
    custom_recurrence: given.custom_recurrence ?? null,
  }
}

function oneRecurrence(many: 'exactly' | 'at most'): string {
  return `Give ${many} one of the parameters days, specific_date and custom_recurrence`
}

function typesOf(given: WorkingHourChange): number[] | undefined {
  return given.appointment_type_ids ?? given.appointment_category_ids
}

async function check(
  tx: Tenant,
  location: LocationRow,
  fields: WorkingHourFields,
  typeIds: number[] | undefined,
  wrong: string[],
): Promise<void> {
  wrong.push(...timeFaults(fields), ...recurrenceFaults(fields))
  if (!(await findBookingProvider(tx, fields.provider_id)))
    wrong.push('Parameter provider_id names no provider of this institution')
  const byOperatory = location.map_by_operatory || location.set_availability_by_operatory
  if (fields.operatory_id === null && byOperatory) wrong.push('Missing parameter operatory_id')
  if (fields.operatory_id !== null) {
    const operatory = await findBookingOperatory(tx, fields.operatory_id)
    if (operatory?.location_id !== location.id)
      wrong.push('Parameter operatory_id names no operatory of this location')
  }
  refuse([...wrong, ...(await typeFaults(tx, location, typeIds))])
}

async function typeFaults(tx: Tenant, location: LocationRow, ids: number[] | undefined): Promise<string[]> {
  if (!ids || ids.length === 0) return []
  const known = await listAppointmentTypes(tx, { ids, locationId: location.id })
  const unknown = ids.filter((id) => !known.some((type) => type.id === id))
  return unknown.length === 0
    ? []
    : [
        `Parameter appointment_type_ids names no appointment type of this location: ${unknown.slice(0, 20).join(', ')}`,
      ]
}

function refuse(wrong: string[]): void {
  if (wrong.length > 0) throw new Failure('invalid_request', wrong)
}

const TIME = /^([01]?\d|2[0-3]):([0-5]\d)(:00)?$/

/** `9:00` → `09:00`; null where it is no wall time. Midnight at the end of a day is `24:00`. */
function wallTime(text: string, isEnd: boolean): string | null {
  if (isEnd && /^24:00(:00)?$/.test(text)) return '24:00'
  const [, hour = '', minute = ''] = TIME.exec(text) ?? []
  return hour === '' ? null : `${hour.padStart(2, '0')}:${minute}`
}

function timeFaults(fields: WorkingHourFields): string[] {
  const begin = wallTime(fields.begin_time, false)
  const end = wallTime(fields.end_time, true)
  const wrong: string[] = []
  if (begin === null) wrong.push('Parameter begin_time must be a wall time such as 09:00')
  if (end === null) wrong.push('Parameter end_time must be a wall time such as 17:00, at most 24:00')
  if (begin !== null && end !== null && end <= begin)
    wrong.push('Parameter end_time must be after begin_time, on the same day')
  return wrong
}

function recurrenceFaults({
  days,
  specific_date: date,
  custom_recurrence: every,
}: WorkingHourFields): string[] {
  const wrong: string[] = []
  const unknown = days.filter((name) => weekday(name) === undefined)
  if (unknown.length > 0) wrong.push('Parameter days must be names of weekdays in English, such as Monday')
  if (date !== null && !isDay(date)) wrong.push('Parameter specific_date must be a day such as 2026-12-07')
  if (every === null) return wrong
  if (!(every.num >= 1 && every.num <= EVERY_MAX))
    wrong.push(`Parameter custom_recurrence.num must be a whole number from 1 to ${EVERY_MAX}`)
  if (!(UNITS as readonly string[]).includes(every.unit))
    wrong.push(`Parameter custom_recurrence.unit must be one of ${UNITS.join(', ')}`)
  if (!isDay(every.ref)) wrong.push('Parameter custom_recurrence.ref must be a day such as 2026-12-07')
  return wrong
}

function weekday(name: string): string | undefined {
  return WEEKDAYS.find((each) => each.toLowerCase() === name.trim().toLowerCase())
}

/** As it is kept: `HH:MM`, weekdays by their full names in the order of the week, each once. */
function normal(fields: WorkingHourFields): WorkingHourFields {
  const named = new Set(fields.days.map(weekday))
  return {
    ...fields,
    begin_time: wallTime(fields.begin_time, false) ?? fields.begin_time,
    end_time: wallTime(fields.end_time, true) ?? fields.end_time,
    days: WEEKDAYS.filter((name) => named.has(name)),
  }
}
