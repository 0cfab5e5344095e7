/**
 * What changed. The first load reads each table by its key. After it each look sweeps the tables by their keys in slices,
 * for rows stamped since the last sweep began: Open Dental has no index on its stamps, and one scan of a table would keep
 * the workstations waiting. Deletions of appointments are told by a table of their own; those of blockouts leave no trace,
 * and are found by windows.
 */
import type { ChangeRecord } from '../../model/records.ts'
import { type Cursor, CursorLost, type Page } from '../connector.ts'
import { type Place, readCursor, type Sweep, writeCursor } from './cursor.ts'
import type { Row } from './database.ts'
import { readMarks } from './marks.ts'
import type { Practice } from './practice.ts'
import { readProcedure } from './read-procedure.ts'
import { PAGE, readAppointmentRows, readBlockRows, readPatientRows, readPatientsBy } from './read-rows.ts'

/** Rows of one slice of a sweep: a few milliseconds of reading. */
const SLICE = 5000
/** Deletions that are read again at each look: their keys may become visible out of order. */
const DELETIONS_AGAIN = 100
const DELETED_APPOINTMENT = 0

interface Swept {
  table: 'patient' | 'appointment' | 'schedule' | 'procedurelog'
  key: string
  /** Which rows are of interest at all. */
  where: string
  /** Most slices of one look; a longer table is swept over several. */
  slices: number
  read(practice: Practice, rows: Row[], place: Place, telling: boolean): Promise<ChangeRecord[]>
}

/** In the order to merge. */
const SWEPT: Swept[] = [
  {
    table: 'patient',
    key: 'PatNum',
    where: 'true',
    slices: 400,
    read: async (practice, rows, place) => {
      place.patients = greater(place.patients, String(rows.at(-1)?.PatNum ?? '0'))
      return await readPatientRows(practice, rows)
    },
  },
  { table: 'appointment', key: 'AptNum', where: 'true', slices: 400, read: readNamed },
  {
    table: 'schedule',
    key: 'ScheduleNum',
    where: 'SchedType in (0, 2)',
    slices: 100,
    read: (practice, rows) => readBlockRows(practice, rows),
  },
  {
    table: 'procedurelog',
    key: 'ProcNum',
    where: 'true',
    slices: 40,
    read: async (practice, rows) => {
      const facts = await practice.facts()
      return rows.flatMap((row): ChangeRecord[] => {
        const record = readProcedure(row, facts)
        return record === null ? [] : [{ kind: 'procedure', record }]
      })
    },
  },
]

const greater = (a: string, b: string) => (BigInt(a) > BigInt(b) ? a : b)

/** Appointments behind those of their patients who are new since patients were last read. */
async function readNamed(
  practice: Practice,
  rows: Row[],
  place: Place,
  telling: boolean,
): Promise<ChangeRecord[]> {
  const strangers = rows
    .map((row) => String(row.PatNum))
    .filter((num) => BigInt(num) > BigInt(place.patients))
  return [
    ...(await readPatientsBy(practice, strangers)),
    ...(await readAppointmentRows(practice, rows, telling)),
  ]
}

/** @throws Unavailable; CursorLost where the marks lie behind those of the cursor: a backup was restored */
export async function* readChanges(practice: Practice, cursor: Cursor | null): AsyncIterable<Page> {
  const marks = await readMarks(practice.database)
  const place = cursor === null ? await firstPlace(practice, marks) : readCursor(cursor)
  for (const [name, mark] of Object.entries(place.marks))
    if ((marks[name] ?? 0) < mark) throw new CursorLost('The database went back behind what was read.')
  place.marks = marks
  await practice.look()
  if (place.load !== null) yield* load(practice, place)
  else yield* sweep(practice, place)
}

/** The database's own now, in UTC. */
async function nowThere(practice: Practice): Promise<string> {
  const [row] = await practice.database.rows('select utc_timestamp() as now')
  return String(row?.now)
}

async function firstPlace(practice: Practice, marks: Record<string, number>): Promise<Place> {
  const since = earlier(await nowThere(practice), practice.settings.overlapMs)
  const sweeps = Object.fromEntries(SWEPT.map(({ table }) => [table, { since, began: null, after: '0' }]))
  const load = { table: 'patient', after: '0' }
  return { v: 1, load, sweeps, patients: '0', deletions: String(marks.deletions ?? 0), marks }
}

/** The stamp so many milliseconds before another. */
function earlier(stamp: string, ms: number): string {
  const at = Date.parse(`${stamp.replace(' ', 'T')}Z`) - ms
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ')
}

async function* load(practice: Practice, place: Place): AsyncIterable<Page> {
  const schema = await practice.schema()
  while (place.load !== null) {
    const at = SWEPT.findIndex(({ table }) => table === place.load?.table)
    const swept = SWEPT[at]
    if (!swept) throw new CursorLost('The cursor names a table that is not read.')
    const { table, key, where } = swept
    const rows = await practice.database.rows(
      `select ${schema.columns(table)} from ${table} where ${key} > ? and ${where} order by ${key} limit ${PAGE}`,
      [place.load.after],
    )
    const records = await swept.read(practice, rows, place, false)
    const next = SWEPT[at + 1]
    if (rows.length === PAGE) place.load = { table, after: String(rows.at(-1)?.[key]) }
    else place.load = next ? { table: next.table, after: '0' } : null
    yield { records, cursor: writeCursor(place), marks: place.marks, last: place.load === null }
  }
}

async function* sweep(practice: Practice, place: Place): AsyncIterable<Page> {
  for (const swept of SWEPT) {
    for await (const records of sweepTable(practice, place, swept))
      if (records.length > 0) yield { records, cursor: writeCursor(place), marks: place.marks, last: false }
  }
  const records = await readDeletions(practice, place)
  yield { records, cursor: writeCursor(place), marks: place.marks, last: true }
}

/** One table's rows stamped since the last sweep of it began, a slice at a time. Moves `place` on. */
async function* sweepTable(practice: Practice, place: Place, swept: Swept): AsyncIterable<ChangeRecord[]> {
  const { table, key } = swept
  const now = await nowThere(practice)
  const state: Sweep = place.sweeps[table] ?? { since: '1970-01-02 00:00:00', began: null, after: '0' }
  place.sweeps[table] = state
  state.began ??= now
  for (let slice = 0; slice < swept.slices; ) {
    const bound = await endOfSlice(practice, swept, state.after)
    if (bound === null) {
      state.since = earlier(state.began, practice.settings.overlapMs)
      state.began = null
      state.after = '0'
      return
    }
    const rows = await stampedRows(practice, swept, state, bound)
    const records = await swept.read(practice, rows, place, true)
    // A slice with more changed rows than a page is read on behind the last of them.
    if (rows.length === PAGE) state.after = String(rows.at(-1)?.[key])
    else {
      state.after = bound
      slice += 1
    }
    yield records
  }
}

/** The key where the next slice ends; null behind the last row. Read from the index of keys alone. */
async function endOfSlice(practice: Practice, { table, key }: Swept, after: string): Promise<string | null> {
  const stamped = (await practice.schema()).stamped.has(table)
  const [row] = await practice.database.rows(
    stamped
      ? `select max(${key}) as bound from ${table} where ${key} > ?`
      : `select max(${key}) as bound from (select ${key} from ${table} where ${key} > ? order by ${key} limit ${SLICE}) slice`,
    [after],
  )
  return row?.bound === null || row?.bound === undefined ? null : String(row.bound)
}

async function stampedRows(practice: Practice, swept: Swept, state: Sweep, bound: string): Promise<Row[]> {
  const { table, key, where } = swept
  const columns = (await practice.schema()).columns(table)
  return await practice.database.rows(
    `select ${columns} from ${table} where ${key} > ? and ${key} <= ? and DateTStamp >= ? and ${where}
      order by ${key} limit ${PAGE}`,
    [state.after, bound, state.since],
  )
}

async function readDeletions(practice: Practice, place: Place): Promise<ChangeRecord[]> {
  const from = BigInt(place.deletions) - BigInt(DELETIONS_AGAIN)
  const rows = await practice.database.rows(
    `select DeletedObjectNum, ObjectNum, ObjectType from deletedobject where DeletedObjectNum > ?
      order by DeletedObjectNum limit ${PAGE}`,
    [String(from < 0n ? 0n : from)],
  )
  place.deletions = greater(place.deletions, String(rows.at(-1)?.DeletedObjectNum ?? '0'))
  return rows
    .filter((row) => Number(row.ObjectType) === DELETED_APPOINTMENT)
    .map((row) => ({ kind: 'gone', noun: 'appointment', foreignId: String(row.ObjectNum) }))
}
