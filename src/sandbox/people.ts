/** The practice's people: entered once for each external reference, looked for before that, renamed by the desk. */
import { type Body, flag, id, onlyFields, parseDay, requiredId, requiredText, text } from './body.ts'
import type { Actor, Practice } from './practice.ts'
import { badInput, noSuch } from './refusal.ts'
import { type Json, type PersonRow, personJson } from './rows.ts'

/** Every column but the folded ones, which serve searches only. */
export const PERSON_COLUMNS = `id, first_name, middle_name, last_name, birth_date, sex, email, phone, street, city,
  state, zip, chart, payer_id, active, external_reference, version, revision, entered_at,
  changed_at, (select into_id from merged_people m where m.person_id = people.id) as merged_into`

const DRAFT_FIELDS = [
  'first_name',
  'middle_name',
  'last_name',
  'birth_date',
  'sex',
  'email',
  'phone',
  'street',
  'city',
  'state',
  'zip',
  'chart',
  'external_reference',
]

/** A person about to be entered; `enteredAt` in epoch milliseconds. */
export interface PersonDraft {
  first_name: string
  middle_name: string | null
  last_name: string
  birth_date: string | null
  sex: string | null
  email: string | null
  phone: string | null
  street: string | null
  city: string | null
  state: string | null
  zip: string | null
  chart: string | null
  payer: number | null
  external_reference: string | null
}

/** How names are compared: composed letters, lower case, single spaces. */
function fold(name: string): string {
  return name.normalize('NFKC').toLowerCase().trim().replaceAll(/\s+/g, ' ')
}

/** Digits alone, without a leading country code 1. */
function phoneDigits(phone: string): string {
  const digits = phone.replaceAll(/\D/g, '')
  return digits.length === 11 && digits.startsWith('1') ? digits.slice(1) : digits
}

export function readPersonDraft(body: Body): PersonDraft {
  onlyFields(body, DRAFT_FIELDS)
  const birthDate = text(body, 'birth_date') ?? null
  const sex = text(body, 'sex') ?? null
  if (sex !== null && !['F', 'M', 'X'].includes(sex)) throw badInput('bad_field', 'sex must be F, M or X.')
  return {
    first_name: requiredText(body, 'first_name', 60),
    middle_name: text(body, 'middle_name', 60) ?? null,
    last_name: requiredText(body, 'last_name', 60),
    birth_date: birthDate === null ? null : parseDay(birthDate, 'birth_date'),
    sex,
    email: text(body, 'email', 200) ?? null,
    phone: text(body, 'phone', 40) ?? null,
    street: text(body, 'street', 100) ?? null,
    city: text(body, 'city', 60) ?? null,
    state: text(body, 'state', 20) ?? null,
    zip: text(body, 'zip', 20) ?? null,
    chart: text(body, 'chart', 40) ?? null,
    payer: null,
    external_reference: text(body, 'external_reference', 100) ?? null,
  }
}

function findPerson(practice: Practice, id: number): PersonRow | undefined {
  return practice.get<PersonRow>(`select ${PERSON_COLUMNS} from people where id = ?`, [id])
}

/** @throws Refusal 404 */
export function getPerson(practice: Practice, id: number): PersonRow {
  const row = findPerson(practice, id)
  if (row === undefined) throw noSuch('person', String(id))
  return row
}

/** Enters a person, or answers the one who already bears the reference. Within a transaction. */
export function enterPerson(
  practice: Practice,
  actor: Actor,
  draft: PersonDraft,
  enteredAt = practice.now(),
): PersonRow {
  const reference = draft.external_reference
  if (reference !== null) {
    const sql = `select ${PERSON_COLUMNS} from people where external_reference = ?`
    const known = practice.get<PersonRow>(sql, [reference])
    if (known !== undefined) return known
  }
  const revision = practice.count('revision')
  const id = practice.run(
    `insert into people (first_name, middle_name, last_name, first_folded, last_folded, birth_date, sex, email, phone,
       phone_digits, street, city, state, zip, chart, payer_id, external_reference, revision, entered_at, changed_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      draft.first_name,
      draft.middle_name,
      draft.last_name,
      fold(draft.first_name),
      fold(draft.last_name),
      draft.birth_date,
      draft.sex,
      draft.email,
      draft.phone,
      draft.phone === null ? null : phoneDigits(draft.phone),
      draft.street,
      draft.city,
      draft.state,
      draft.zip,
      draft.chart,
      draft.payer,
      reference,
      revision,
      enteredAt,
      enteredAt,
    ],
  )
  const row = getPerson(practice, id)
  practice.write(actor, revision, { act: 'enter', noun: 'person', id, before: null, after: personJson(row) })
  return row
}

/** Everyone who fits all that is asked; at least a last name, a birth date or a phone must be given. At most 50. */
export function searchPeople(practice: Practice, body: Body): Json[] {
  onlyFields(body, ['last_name', 'first_name', 'birth_date', 'phone'])
  const last = text(body, 'last_name') ?? null
  const first = text(body, 'first_name') ?? null
  const birthDate = text(body, 'birth_date') ?? null
  const phone = text(body, 'phone') ?? null
  if (last === null && birthDate === null && phone === null)
    throw badInput('missing_field', 'Give last_name, birth_date or phone.')
  const conditions: [string, string][] = []
  if (last !== null) conditions.push(['last_folded = ?', fold(last)])
  if (first !== null) conditions.push(['first_folded = ?', fold(first)])
  if (birthDate !== null) conditions.push(['birth_date = ?', parseDay(birthDate, 'birth_date')])
  if (phone !== null) conditions.push(['phone_digits = ?', phoneDigits(phone)])
  const where = conditions.map(([condition]) => condition).join(' and ')
  const rows = practice.all<PersonRow>(
    `select ${PERSON_COLUMNS} from people where ${where} order by id limit 50`,
    conditions.map(([, value]) => value),
  )
  return rows.map(personJson)
}

/** The desk corrects a person's names or phone, or lays the chart away (`active: false`). */
export function changePerson(practice: Practice, actor: Actor, id: number, body: Body): PersonRow {
  onlyFields(body, ['person_id', 'first_name', 'last_name', 'phone', 'email', 'active'])
  return practice.transaction(() => {
    const row = getPerson(practice, id)
    const first = text(body, 'first_name', 60) ?? row.first_name
    const last = text(body, 'last_name', 60) ?? row.last_name
    if (first.trim() === '' || last.trim() === '') throw badInput('bad_field', 'A name may not be empty.')
    const phone = text(body, 'phone', 40)
    const email = text(body, 'email', 200)
    const active = flag(body, 'active') ?? row.active === 1
    const revision = practice.count('revision')
    const newPhone = phone === undefined ? row.phone : phone
    practice.run(
      `update people set first_name = ?, last_name = ?, first_folded = ?, last_folded = ?, phone = ?, phone_digits = ?,
         email = ?, active = ?, version = version + 1, revision = ?, changed_at = ? where id = ?`,
      [
        first,
        last,
        fold(first),
        fold(last),
        newPhone,
        newPhone === null ? null : phoneDigits(newPhone),
        email === undefined ? row.email : email,
        active ? 1 : 0,
        revision,
        practice.now(),
        id,
      ],
    )
    const after = getPerson(practice, id)
    practice.write(actor, revision, {
      act: 'rename',
      noun: 'person',
      id,
      before: personJson(row),
      after: personJson(after),
    })
    return after
  })
}

/**
 * The desk lays two files together: `person_id` is kept as an alias of `into`, and its visits stay as they are. Without
 * `into` it takes that back.
 */
export function mergePerson(practice: Practice, actor: Actor, body: Body): PersonRow {
  onlyFields(body, ['person_id', 'into'])
  return practice.transaction(() => {
    const row = getPerson(practice, requiredId(body, 'person_id'))
    const into = id(body, 'into') ?? null
    if (into === row.id) throw badInput('bad_field', 'A file cannot be laid into itself.')
    practice.run('delete from merged_people where person_id = ?', [row.id])
    if (into !== null)
      practice.run('insert into merged_people (person_id, into_id) values (?, ?)', [
        row.id,
        getPerson(practice, into).id,
      ])
    const revision = practice.count('revision')
    practice.run('update people set version = version + 1, revision = ?, changed_at = ? where id = ?', [
      revision,
      practice.now(),
      row.id,
    ])
    const after = getPerson(practice, row.id)
    const [before, then] = [personJson(row), personJson(after)]
    practice.write(actor, revision, { act: 'merge', noun: 'person', id: row.id, before, after: then })
    return after
  })
}
