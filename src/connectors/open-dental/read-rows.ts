/** Rows with what hangs on them, fetched by their keys and read as records, in the order to merge. */
import type { ChangeRecord, ForeignId } from '../../model/records.ts'
import type { Row } from './database.ts'
import type { Practice } from './practice.ts'
import { readAppointment } from './read-appointment.ts'
import { readPatient } from './read-patient.ts'
import { isAttached, readProcedure } from './read-procedure.ts'
import { readBlocks } from './read-schedule.ts'

/** Most rows of one query: a longer one would hold a reader's lock for longer, and its page more memory. */
export const PAGE = 500

/** `patient.LinkType` of a merge. */
const MERGED = 1

/** Patients by their rows. @throws Unavailable */
export async function readPatientRows(practice: Practice, rows: Row[]): Promise<ChangeRecord[]> {
  if (rows.length === 0) return []
  const facts = await practice.facts()
  const links = await practice.database.rows(
    `select PatNumFrom, PatNumTo from patientlink where PatNumFrom in (?) and LinkType = ${MERGED}`,
    [rows.map((row) => String(row.PatNum))],
  )
  const into = new Map(links.map((row) => [String(row.PatNumFrom), String(row.PatNumTo)]))
  return rows.map((row) => ({
    kind: 'patient',
    record: readPatient(row, into.get(String(row.PatNum)) ?? null, facts),
  }))
}

/** Patients by their keys. @throws Unavailable */
export async function readPatientsBy(practice: Practice, patNums: ForeignId[]): Promise<ChangeRecord[]> {
  const wanted = [...new Set(patNums)]
  if (wanted.length === 0) return []
  const columns = (await practice.schema()).columns('patient')
  return await readPatientRows(
    practice,
    await practice.database.rows(`select ${columns} from patient where PatNum in (?)`, [wanted]),
  )
}

/** The procedures attached to appointments, by AptNum. @throws Unavailable */
async function attachedTo(practice: Practice, aptNums: ForeignId[]): Promise<Map<string, Row[]>> {
  const columns = (await practice.schema()).columns('procedurelog')
  const rows = await practice.database.rows(`select ${columns} from procedurelog where AptNum in (?)`, [
    aptNums,
  ])
  return Map.groupBy(rows, (row) => String(row.AptNum))
}

/**
 * Appointments. One whose time is in doubt is shown and set aside. Where they are told as changes, `telling`, their
 * procedures come with them (a load and the sweeps read these by themselves), and one that is none by its meaning is gone,
 * since it may have been one before. @throws Unavailable
 */
export async function readAppointmentRows(
  practice: Practice,
  rows: Row[],
  telling: boolean,
): Promise<ChangeRecord[]> {
  if (rows.length === 0) return []
  const facts = await practice.facts()
  const attached = await attachedTo(
    practice,
    rows.map((row) => String(row.AptNum)),
  )
  return rows.flatMap((row): ChangeRecord[] => {
    const foreignId = String(row.AptNum)
    const procedures = attached.get(foreignId) ?? []
    const codeNums = procedures.filter(isAttached).map((one) => String(one.CodeNum))
    const reading = readAppointment(row, codeNums, facts, practice.settings)
    if (reading.kind === 'none') return telling ? [{ kind: 'gone', noun: 'appointment', foreignId }] : []
    const aside = (reason: string): ChangeRecord => ({
      kind: 'set_aside',
      record: { noun: 'appointment', foreignId, reason, raw: row },
    })
    if (reading.kind === 'set_aside') return [aside(reading.reason)]
    return [
      { kind: 'appointment', record: reading.record },
      ...(reading.doubt === null ? [] : [aside(reading.doubt)]),
      ...(telling ? procedures : []).flatMap((one): ChangeRecord[] => {
        const record = readProcedure(one, facts)
        return record === null ? [] : [{ kind: 'procedure', record }]
      }),
    ]
  })
}

/** The operatories of rows of `schedule`, by ScheduleNum. @throws Unavailable */
export async function operatoriesOf(practice: Practice, rows: Row[]): Promise<Map<string, ForeignId[]>> {
  const found = new Map<string, ForeignId[]>()
  for (let at = 0; at < rows.length; at += PAGE) {
    const nums = rows.slice(at, at + PAGE).map((row) => String(row.ScheduleNum))
    const ops = await practice.database.rows(
      'select ScheduleNum, OperatoryNum from scheduleop where ScheduleNum in (?) order by ScheduleOpNum',
      [nums],
    )
    for (const op of ops) {
      const num = String(op.ScheduleNum)
      found.set(num, [...(found.get(num) ?? []), String(op.OperatoryNum)])
    }
  }
  return found
}

/** Blocks by their rows of `schedule`. @throws Unavailable */
export async function readBlockRows(practice: Practice, rows: Row[]): Promise<ChangeRecord[]> {
  if (rows.length === 0) return []
  const facts = await practice.facts()
  const operatories = await operatoriesOf(practice, rows)
  return rows.flatMap((row) =>
    readBlocks(row, [...new Set(operatories.get(String(row.ScheduleNum)))], facts, practice.settings),
  )
}
