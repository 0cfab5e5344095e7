/**
 * The tables and columns of Open Dental that are read, and which of them this practice's version has. A column is never
 * guessed: one that must be there and is not is named, one that came with a later version is read as absent.
 */
import { Unavailable } from '../connector.ts'
import { type Database, NotReadable } from './database.ts'

/** Columns by table: those that must be there, and those that some versions lack. */
const WANTED = {
  appointment: [
    'AptNum PatNum AptStatus Pattern Confirmed Op Note ProvNum ProvHyg AptDateTime ClinicNum IsHygiene DateTStamp DateTimeArrived DateTimeDismissed',
    'AppointmentTypeNum SecDateTEntry',
  ],
  patient: [
    'PatNum LName FName MiddleI PatStatus Gender Birthdate HmPhone WkPhone WirelessPhone Email Address Address2 City State Zip Guarantor PriProv BillingType ChartNumber Language DateTStamp',
    '',
  ],
  provider: ['ProvNum Abbr LName FName Suffix IsSecondary IsHidden NationalProvID', 'ProvStatus DateTerm'],
  operatory: ['OperatoryNum OpName IsHidden ProvDentist ProvHygienist ClinicNum', ''],
  schedule: [
    'ScheduleNum SchedDate StartTime StopTime SchedType ProvNum BlockoutType Note Status ClinicNum DateTStamp',
    '',
  ],
  scheduleop: ['ScheduleOpNum ScheduleNum OperatoryNum', ''],
  appointmenttype: ['AppointmentTypeNum AppointmentTypeName IsHidden', ''],
  definition: ['DefNum Category ItemName ItemValue IsHidden', ''],
  procedurecode: ['CodeNum ProcCode Descript', ''],
  procedurelog: ['ProcNum PatNum AptNum ProcDate ProcStatus ProvNum CodeNum ClinicNum DateTStamp', ''],
  deletedobject: ['DeletedObjectNum ObjectNum ObjectType', ''],
  histappointment: ['HistApptNum', ''],
  clinic: ['ClinicNum Description IsHidden', ''],
  preference: ['PrefName ValueString', ''],
  patientlink: ['PatNumFrom PatNumTo LinkType', ''],
} as const satisfies Record<string, readonly [string, string]>

const PHONES = ['HmPhone', 'WkPhone', 'WirelessPhone']

export type TableName = keyof typeof WANTED
export const TABLES = Object.keys(WANTED) as TableName[]

export interface Schema {
  /** A select list of a table, with `null` for what this version lacks. */
  columns(table: TableName, prefix?: string): string
  has(table: TableName, column: string): boolean
  /** Tables that an index on DateTStamp lets us search by it. */
  stamped: ReadonlySet<string>
  /** Columns of phones that an index lets us search by. */
  phones: readonly string[]
  /** The character set of a note. */
  noteCharset: string
  /** What cannot be read and must be, a sentence each. */
  missing: string[]
}

const lower = (text: unknown) => String(text).toLowerCase()
const wordsOf = (text: string) => text.split(' ').filter((word) => word !== '')

/** @throws Unavailable */
export async function readSchema(database: Database): Promise<Schema> {
  const rows = await database.rows(
    `select table_name as t, column_name as c, character_set_name as s from information_schema.columns
      where table_schema = database() and table_name in (?)`,
    [TABLES],
  )
  const indexed = await database.rows(
    `select table_name as t, column_name as c from information_schema.statistics where table_schema = database()
      and table_name in (?) and column_name in (?) and seq_in_index = 1`,
    [TABLES, ['DateTStamp', ...PHONES]],
  )
  const found = new Set(rows.map(({ t, c }) => `${t}.${c}`.toLowerCase()))
  const has = (table: TableName, column: string) => found.has(`${table}.${column}`.toLowerCase())
  const note = rows.find(({ t, c }) => t === 'appointment' && c === 'Note')
  const missing: string[] = []
  for (const table of TABLES) missing.push(...(await missingOf(database, table, has)))
  return {
    has,
    missing,
    stamped: new Set(indexed.flatMap(({ t, c }) => (lower(c) === 'datetstamp' ? [String(t)] : []))),
    phones: PHONES.filter((column) =>
      indexed.some(({ t, c }) => lower(t) === 'patient' && lower(c) === lower(column)),
    ),
    noteCharset: String(note?.s ?? 'utf8mb3'),
    columns(table, prefix = '') {
      const [needed, later] = WANTED[table]
      const lists = wordsOf(later).map((name) => (has(table, name) ? `${prefix}${name}` : `null as ${name}`))
      return [...wordsOf(needed).map((name) => `${prefix}${name}`), ...lists].join(', ')
    },
  }
}

/** What is wrong with one table: no right to it, not there, or without a column that must be there. */
async function missingOf(
  database: Database,
  table: TableName,
  has: (table: TableName, column: string) => boolean,
): Promise<string[]> {
  const absent = wordsOf(WANTED[table][0]).filter((name) => !has(table, name))
  if (absent.length === 0) return []
  try {
    await database.rows(`select 1 from ${table} limit 0`)
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error
    return error.code === 'ER_NO_SUCH_TABLE'
      ? [`This version of Open Dental has no table ${table}.`]
      : [`The database account lacks SELECT on ${table}.`]
  }
  return [
    `The table ${table} shows no ${absent.join(', ')}: another version, or rights to some columns only.`,
  ]
}

/** @throws Unavailable naming what cannot be read */
export function mustBeWhole(schema: Schema): void {
  const [first] = schema.missing
  if (first !== undefined) throw new Unavailable(first)
}
