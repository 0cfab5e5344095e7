/** What the practice has set up: preferences, definitions, people, rooms, codes. Small tables, read whole now and then. */
import type { Settings } from './configuration.ts'
import type { Database, Row } from './database.ts'
import { mustBeWhole, type Schema, type TableName } from './schema.ts'
import { openWallClock, type WallClock } from './wall-clock.ts'

export interface Operatory {
  name: string
  hidden: boolean
  clinic: string
  dentist: string | null
  hygienist: string | null
}

export interface Facts {
  preferences: ReadonlyMap<string, string>
  /** Clinics are in use. */
  clinics: boolean
  /** Rows of `clinic`; of none where clinics are off. */
  clinicRows: Row[]
  providers: Row[]
  hygienists: ReadonlySet<string>
  operatories: ReadonlyMap<string, Operatory>
  types: Row[]
  /** CodeNum → code and name. */
  codes: ReadonlyMap<string, { code: string; name: string }>
  codeNums: ReadonlyMap<string, string>
  /** DefNum → name, of all that are read. */
  definitions: ReadonlyMap<string, string>
  blockoutTypes: { defNum: string; name: string; noSchedule: boolean }[]
  confirmed: ReadonlySet<string>
  /** The DefNum that confirming sets; null where none is known. */
  confirmAs: string | null
  /** DefNums that say where in the practice the patient is; null where the practice set none. */
  arrivedAs: string | null
  beyondArrival: ReadonlySet<string>
  grainMinutes: number
}

/** Category of `definition`. */
const CONFIRMATIONS = 2
const BILLING_TYPES = 4
const BLOCKOUT_TYPES = 25
const PREFERENCES = [
  'EasyNoClinics',
  'DataBaseVersion',
  'PracticeTitle',
  'AppointmentTimeIncrement',
  'AppointmentTimeArrivedTrigger',
  'AppointmentTimeSeatedTrigger',
  'AppointmentTimeDismissedTrigger',
  'ApptEConfirmStatusAccepted',
  'RandomPrimaryKeys',
]

/** @throws Unavailable */
export async function readFacts(database: Database, schema: Schema, settings: Settings): Promise<Facts> {
  mustBeWhole(schema)
  const all = (table: TableName, rest = '') =>
    database.rows(`select ${schema.columns(table)} from ${table} ${rest}`)
  const preferences = new Map(
    (
      await database.rows(`select PrefName, ValueString from preference where PrefName in (?)`, [PREFERENCES])
    ).map((row) => [String(row.PrefName), String(row.ValueString)]),
  )
  const clinics = preferences.get('EasyNoClinics') === '0'
  const definitions = await all(
    'definition',
    `where Category in (${CONFIRMATIONS}, ${BILLING_TYPES}, ${BLOCKOUT_TYPES})`,
  )
  const providers = await all('provider', 'order by ProvNum')
  const codes = await all('procedurecode', 'order by CodeNum')
  const operatories = await all('operatory', 'order by OperatoryNum')
  return {
    preferences,
    clinics,
    clinicRows: clinics ? await all('clinic', 'order by ClinicNum') : [],
    providers,
    hygienists: new Set(
      providers.filter((row) => Number(row.IsSecondary) === 1).map((row) => String(row.ProvNum)),
    ),
    operatories: new Map(operatories.map((row) => [String(row.OperatoryNum), toOperatory(row)])),
    types: await all('appointmenttype', 'order by AppointmentTypeNum'),
    codes: new Map(
      codes.map((row) => [
        String(row.CodeNum),
        { code: String(row.ProcCode), name: String(row.Descript ?? '') },
      ]),
    ),
    codeNums: new Map(codes.map((row) => [String(row.ProcCode), String(row.CodeNum)])),
    definitions: new Map(definitions.map((row) => [String(row.DefNum), String(row.ItemName ?? '')])),
    blockoutTypes: definitions
      .filter((row) => Number(row.Category) === BLOCKOUT_TYPES)
      .map((row) => ({
        defNum: String(row.DefNum),
        name: String(row.ItemName ?? ''),
        noSchedule: /\bNS\b/.test(String(row.ItemValue ?? '')),
      })),
    ...confirmationOf(preferences, settings),
    grainMinutes: Number(preferences.get('AppointmentTimeIncrement')) || 5,
  }
}

/** Which DefNums mean confirmed: as configured, else those that the practice's own preferences name. */
function confirmationOf(preferences: ReadonlyMap<string, string>, settings: Settings) {
  const named = (name: string): string | null => {
    const value = preferences.get(name) ?? '0'
    return /^[1-9]\d*$/.test(value) ? value : null
  }
  const arrivedAs = named('AppointmentTimeArrivedTrigger')
  const beyond = [named('AppointmentTimeSeatedTrigger'), named('AppointmentTimeDismissedTrigger')]
  const confirmAs = settings.confirmDefinition ?? named('ApptEConfirmStatusAccepted')
  const present = (list: (string | null)[]) => list.filter((one) => one !== null)
  const confirmed = settings.confirmedDefinitions ?? present([confirmAs, arrivedAs, ...beyond])
  return {
    confirmAs,
    arrivedAs,
    beyondArrival: new Set(present(beyond)),
    confirmed: new Set(confirmAs === null ? confirmed : [confirmAs, ...confirmed]),
  }
}

/** A key column → text; null where it names nothing. */
export function keyOf(value: string | number | null | undefined): string | null {
  const text = String(value ?? '0')
  return text === '0' ? null : text
}

function toOperatory(row: Row): Operatory {
  return {
    name: String(row.OpName ?? ''),
    hidden: Number(row.IsHidden) === 1,
    clinic: String(row.ClinicNum),
    dentist: keyOf(row.ProvDentist),
    hygienist: keyOf(row.ProvHygienist),
  }
}

/** The clock of a clinic; of the practice, where it has none of its own. */
export function clockOf(settings: Settings, clinic: string | null): WallClock {
  return openWallClock(settings.clinicZones.get(clinic ?? '') ?? settings.zone)
}

/** Every clock by which appointments are kept, each once. */
export function allClocks(settings: Settings): WallClock[] {
  return [...new Set([settings.zone, ...settings.clinicZones.values()])].map(openWallClock)
}
