/** Looking for patients: by name and birth date, and those who have a birth date or a phone in common with somebody. */
import { phoneKey } from '../../model/people.ts'
import type { PatientRecord } from '../../model/records.ts'
import type { AlikeQuery, PatientQuery } from '../connector.ts'
import type { Row } from './database.ts'
import type { Practice } from './practice.ts'
import { PAGE, readPatientRows } from './read-rows.ts'

/** `patient.PatStatus` of one whom the practice deleted. */
const DELETED = 4
/** The youngest patients by key: more than a practice enters while a look for changes is late. */
const YOUNGEST = 2000

/** Patients with this name and birth date; the columns' own collation folds the case. Not the deleted ones. @throws Unavailable */
export async function findPatients(practice: Practice, query: PatientQuery): Promise<PatientRecord[]> {
  const columns = (await practice.schema()).columns('patient')
  const rows = await practice.database.rows(
    `select ${columns} from patient where LName = ? and FName = ? and Birthdate = ? and PatStatus <> ${DELETED} order by PatNum limit ${PAGE}`,
    [query.lastName, query.firstName, query.birthDate],
  )
  return await recordsOf(practice, rows)
}

/**
 * Patients with one of these phones, and the youngest with this birth date: no index finds one of all of them, and whom the
 * practice had for longer is mirrored here. Not the deleted ones. @throws Unavailable
 */
export async function findAlike(practice: Practice, query: AlikeQuery): Promise<PatientRecord[]> {
  const { columns, phones } = await practice.schema()
  const select = `select ${columns('patient')} from patient where PatStatus <> ${DELETED}`
  const rows: Row[] = []
  const forms = query.phones.flatMap(formsOf)
  if (forms.length > 0)
    for (const column of phones)
      rows.push(
        ...(await practice.database.rows(`${select} and ${column} in (?) order by PatNum limit ${PAGE}`, [
          forms,
        ])),
      )
  if (query.birthDate !== null) {
    const [bound] = await practice.database.rows(
      `select min(PatNum) as least from (select PatNum from patient order by PatNum desc limit ${YOUNGEST}) youngest`,
    )
    rows.push(
      ...(await practice.database.rows(
        `${select} and PatNum >= ? and Birthdate = ? order by PatNum limit ${PAGE}`,
        [String(bound?.least ?? '0'), query.birthDate],
      )),
    )
  }
  return await recordsOf(practice, [...new Map(rows.map((row) => [row.PatNum, row])).values()])
}

/** A phone as practices write it: as given, its digits, and the three ways of the North American plan. */
function formsOf(phone: string): string[] {
  const key = phoneKey(phone)
  if (key === null) return []
  const [, area, exchange, line] = /^(\d{3})(\d{3})(\d{4})$/.exec(key) ?? []
  const plan =
    area === undefined
      ? []
      : [
          `(${area})${exchange}-${line}`,
          `(${area}) ${exchange}-${line}`,
          `${area}-${exchange}-${line}`,
          `1${key}`,
        ]
  return [...new Set([phone.trim(), key, ...plan])]
}

async function recordsOf(practice: Practice, rows: Row[]): Promise<PatientRecord[]> {
  const changes = await readPatientRows(practice, rows)
  return changes.flatMap((one) => (one.kind === 'patient' ? [one.record] : []))
}
