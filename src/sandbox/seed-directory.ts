/** The practice's own staff, rooms and price list; always the same. Entered once, when the database is new. */
import type { Practice } from './practice.ts'

const CLINICIANS = [
  ['Ottoline', 'Marsh', 'Dr.', 'dentist', '1990000011'],
  ['Benedikt', 'Solberg', 'Dr.', 'dentist', '1990000029'],
  ['Rosalind', 'Achebe', '', 'hygienist', null],
] as const

const CHAIRS = ['Chair 1', 'Chair 2', 'Hygiene 3'] as const

const KINDS = [
  ['Examination', 30],
  ['Cleaning', 60],
  ['Filling', 60],
  ['Root canal', 90],
  ['Emergency', 30],
] as const

const CODES = [
  ['D0120', 'Periodic oral evaluation'],
  ['D0140', 'Limited oral evaluation, problem focused'],
  ['D1110', 'Cleaning, adult'],
  ['D2391', 'Filling, one surface'],
  ['D3310', 'Root canal, front tooth'],
] as const

/** The procedure that each kind of visit usually comes with, by the order of `KINDS`. */
export const USUAL_CODE = ['D0120', 'D1110', 'D2391', 'D3310', 'D0140'] as const

/** Wall times of the weekly hours, and of the lunch closures on weekdays. */
export const OPENS = '08:00'
export const CLOSES = '17:00'
export const LUNCH_BEGINS = '12:00'
export const LUNCH_FINISHES = '13:00'

/** Each clinician works Monday to Saturday in the chair of the same number, without end. */
export function seedDirectory(practice: Practice): void {
  practice.run(
    'insert into sites (name, phone, street, city, state, zip, zone) values (?, ?, ?, ?, ?, ?, ?)',
    ['Harbor Street Dental', '(212) 555-0100', '1 Harbor St', 'New York', 'NY', '10001', practice.zone],
  )
  for (const row of CLINICIANS) {
    const sql = 'insert into clinicians (first_name, last_name, title, role, npi) values (?, ?, ?, ?, ?)'
    practice.run(sql, [...row])
  }
  for (const name of CHAIRS) practice.run('insert into chairs (site_id, name) values (1, ?)', [name])
  for (const row of KINDS) practice.run('insert into visit_kinds (name, minutes) values (?, ?)', [...row])
  for (const row of CODES) practice.run('insert into procedure_codes (code, name) values (?, ?)', [...row])
  for (const [at] of CLINICIANS.entries()) {
    practice.run(
      'insert into weekly_hours (clinician_id, chair_id, weekdays, opens, closes) values (?, ?, ?, ?, ?)',
      [at + 1, at + 1, '[1,2,3,4,5,6]', OPENS, CLOSES],
    )
  }
}
