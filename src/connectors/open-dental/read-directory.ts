/** The directory: clinics as locations, people, rooms, types and codes as descriptors, schedules as working hours. */
import type { DirectoryRecord, ProviderRecord } from '../../model/records.ts'
import { addMs, hours, toInstant } from '../../model/time.ts'
import type { Settings } from './configuration.ts'
import type { Row } from './database.ts'
import { clockOf, type Facts } from './facts.ts'
import type { Practice } from './practice.ts'
import { operatoriesOf } from './read-rows.ts'
import { readHours } from './read-schedule.ts'
import { readDate } from './wall-clock.ts'

/** `provider.ProvStatus`. */
const DELETED = 1
const STEP_DAYS = 14

/** Reads the practice's set-up anew. @throws Unavailable */
export async function* readDirectory(practice: Practice): AsyncIterable<DirectoryRecord> {
  await practice.refresh()
  const facts = await practice.facts()
  const today = toInstant(practice.context.now()).slice(0, 10)
  yield* locationsOf(facts, practice.settings)
  for (const row of facts.providers) yield { kind: 'provider', record: readProvider(row, today) }
  for (const [foreignId, { name, hidden, clinic }] of facts.operatories) {
    const location = facts.clinics ? clinic : null
    yield { kind: 'operatory', record: { foreignId, name, location, active: !hidden } }
  }
  for (const row of facts.types)
    yield descriptor(
      `type_${row.AppointmentTypeNum}`,
      String(row.AppointmentTypeName),
      null,
      Number(row.IsHidden) === 0,
    )
  for (const [num, { code, name }] of facts.codes) yield descriptor(`code_${num}`, name || code, code, true)
  yield* hoursOf(practice, facts)
}

/** Clinics; and one location for what belongs to none, which is all there is where clinics are off. */
function* locationsOf(facts: Facts, settings: Settings): Iterable<DirectoryRecord> {
  const withoutClinic = !facts.clinics || [...facts.operatories.values()].some(({ clinic }) => clinic === '0')
  if (withoutClinic) {
    const name = settings.locationName ?? (facts.preferences.get('PracticeTitle') || 'Open Dental')
    yield { kind: 'location', record: { foreignId: '0', name, zone: settings.zone } }
  }
  for (const row of facts.clinicRows) {
    if (Number(row.IsHidden) === 1) continue
    const foreignId = String(row.ClinicNum)
    const zone = clockOf(settings, foreignId).zone
    yield { kind: 'location', record: { foreignId, name: String(row.Description ?? ''), zone } }
  }
}

function readProvider(row: Row, today: string): ProviderRecord {
  const firstName = String(row.FName ?? '')
  const lastName = String(row.LName ?? '')
  const name = `${firstName} ${lastName}`.trim() || String(row.Abbr ?? '')
  const left = readDate(row.DateTerm === null ? null : String(row.DateTerm))
  return {
    foreignId: String(row.ProvNum),
    firstName,
    lastName,
    displayName: row.Suffix ? `${name}, ${row.Suffix}` : name,
    npi: row.NationalProvID ? String(row.NationalProvID) : null,
    inactive:
      Number(row.IsHidden) === 1 || Number(row.ProvStatus) === DELETED || (left !== null && left <= today),
    locations: [],
  }
}

function descriptor(foreignId: string, name: string, code: string | null, active: boolean): DirectoryRecord {
  const descriptorType = code === null ? 'Appointment Type' : 'Procedure Code'
  return { kind: 'descriptor', record: { foreignId, descriptorType, name, code, location: null, active } }
}

/** Providers' schedules from yesterday on, some days of them at a time. */
async function* hoursOf(practice: Practice, facts: Facts): AsyncIterable<DirectoryRecord> {
  const columns = (await practice.schema()).columns('schedule')
  const dayAt = (days: number) => addMs(toInstant(practice.context.now()), days * hours(24)).slice(0, 10)
  const last = practice.settings.hoursDaysAhead
  for (let day = -1; day <= last; day += STEP_DAYS) {
    const rows = await practice.database.rows(
      `select ${columns} from schedule where SchedDate >= ? and SchedDate < ? and SchedType = 1 order by ScheduleNum`,
      [dayAt(day), dayAt(Math.min(day + STEP_DAYS, last + 1))],
    )
    const operatories = await operatoriesOf(practice, rows)
    for (const row of rows)
      for (const record of readHours(row, operatories.get(String(row.ScheduleNum)) ?? [], facts))
        yield { kind: 'working_hour', record }
  }
}
