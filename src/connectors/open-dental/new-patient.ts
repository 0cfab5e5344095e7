/**
 * A new patient. Open Dental takes no mark of ours on one: what tells an earlier attempt of ours is that it was entered
 * after the marker was made, with all that we would send.
 */
import type { PatientRecord } from '../../model/records.ts'
import type { Insertion, PatientDraft } from '../connector.ts'
import { type Api, keyIn, type NotWritten, refusalOf } from './api.ts'
import { readMarker } from './marker.ts'
import type { Practice } from './practice.ts'
import { PAGE, readPatientRows, readPatientsBy } from './read-rows.ts'
import { unkept } from './text.ts'

type NewPatient = Extract<NonNullable<Insertion['patient']>, { marker: string }>

/** The patient, there before or entered now. @throws Unavailable where it cannot be looked for */
export async function enterPatient(
  practice: Practice,
  api: Api,
  { marker, draft }: NewPatient,
): Promise<{ kind: 'here'; record: PatientRecord } | NotWritten> {
  const standing = await findOwn(practice, marker, draft)
  if (standing) return { kind: 'here', record: standing }
  const characters = await practice.characters()
  const texts = [draft.firstName, draft.middleName, draft.lastName, draft.email, draft.phone]
  if (texts.some((text) => unkept(text ?? '', characters)))
    return {
      kind: 'rejected',
      code: 'invalid',
      message: 'The patient has letters that Open Dental cannot keep here.',
    }
  const reply = await api.call('POST', 'patients', bodyOf(draft))
  if (reply.kind !== 'answer' || (reply.status !== 200 && reply.status !== 201)) return refusalOf(reply)
  const patNum = keyIn(reply.json, 'PatNum')
  const [entered] = patNum === null ? [] : await readPatientsBy(practice, [patNum])
  if (entered?.kind !== 'patient' || !isSame(entered.record, draft))
    return { kind: 'unknown', message: 'The patient was taken by the API, and is not there as sent yet.' }
  return { kind: 'here', record: entered.record }
}

function bodyOf(draft: PatientDraft): Record<string, unknown> {
  const { middleName, birthDate, gender, email, phone } = draft
  return {
    LName: draft.lastName,
    FName: draft.firstName,
    ...(middleName === null ? {} : { MiddleI: middleName }),
    ...(birthDate === null ? {} : { Birthdate: birthDate }),
    Gender: gender === 'Male' || gender === 'Female' ? gender : 'Unknown',
    ...(email === null ? {} : { Email: email }),
    ...(phone === null ? {} : { WirelessPhone: phone }),
  }
}

async function findOwn(
  practice: Practice,
  marker: string,
  draft: PatientDraft,
): Promise<PatientRecord | null> {
  const known = readMarker(marker)
  if (known === null) return null
  const columns = (await practice.schema()).columns('patient')
  const rows = await practice.database.rows(
    `select ${columns} from patient where LName = ? and FName = ? and PatNum > ? and PatStatus <> 4 order by PatNum limit ${PAGE}`,
    [draft.lastName, draft.firstName, known.patNum],
  )
  for (const one of await readPatientRows(practice, rows))
    if (one.kind === 'patient' && isSame(one.record, draft)) return one.record
  return null
}

const digits = (phone: string | null) => (phone ?? '').replace(/\D/g, '')

function isSame(record: PatientRecord, draft: PatientDraft): boolean {
  return (
    record.firstName === draft.firstName &&
    record.lastName === draft.lastName &&
    record.birthDate === draft.birthDate &&
    (record.email ?? '') === (draft.email ?? '') &&
    digits(record.cellPhone) === digits(draft.phone)
  )
}
