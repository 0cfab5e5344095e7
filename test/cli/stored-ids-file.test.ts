/** The file of ids that a client holds: what is read of it, and how each row that does not fit is named. */
import { expect, it } from 'vitest'
import { readStoredIds } from '../../src/cli/stored-ids-file.ts'

const T = 'msg-opendental-DataSource-35'
const HEAD = 'noun,foreign_id_type,foreign_id,name,location_id,id'
const read = (lines: string[], location: number | null = null) =>
  readStoredIds([HEAD, ...lines].join('\n'), location)

it('reads foreign ids and names, quoted or not, in columns of any order', () => {
  const text = `\uFEFFid,noun,name,foreign_id,foreign_id_type\r\n12,patient,,"a ""b"", c",${T}\r\n\r\n13,appointment_type,"Two\r\nlines",,\r\n14,location,Main,,`
  expect(readStoredIds(text, null)).toEqual({
    wrong: [],
    rows: [
      { noun: 'patient', id: 12, knownAs: 'a "b", c', foreignIdType: T, locationId: null, line: 2 },
      {
        noun: 'appointment_type',
        id: 13,
        knownAs: 'Two\r\nlines',
        foreignIdType: null,
        locationId: null,
        line: 4,
      },
      { noun: 'location', id: 14, knownAs: 'Main', foreignIdType: null, locationId: null, line: 6 },
    ],
  })
})

it('takes the location of the command where a row names none and needs one', () => {
  const { rows, wrong } = read([`descriptor,${T},7,,,1`, `descriptor,${T},7,,5,2`, `provider,${T},7,,,3`], 4)
  expect([wrong, rows.map(({ locationId }) => locationId)]).toEqual([[], [4, 5, null]])
})

it('reads the name of a working hour however its days are ordered', () => {
  const names = [
    ['17 4 Friday,Monday 09:00-17:00', '17 4 Monday,Friday 09:00-17:00'],
    ['17 - 2026-12-24 09:00-12:00', '17 - 2026-12-24 09:00-12:00'],
    ['17 -  2-week-2026-11-02 09:00-12:00', '17 - 2-weeks-2026-11-02 09:00-12:00'],
  ]
  const { rows, wrong } = read(names.map(([name], at) => `working_hour,,,"${name}",5,${at + 1}`))
  expect([wrong, rows.map(({ knownAs }) => knownAs)]).toEqual([[], names.map(([, known]) => known)])
})

it.each([
  [`room,${T},1,,,1`, 'there is no noun room'],
  [`patient,${T},1,,,0`, 'id 0 is no whole number from 1'],
  [`patient,${T},1,,,-4`, 'id -4 is no'],
  [`patient,${T},1,,,1e3`, 'id 1e3 is no'],
  [`patient,${T},1,,,1.5`, 'id 1.5 is no'],
  [`patient,${T},1,,,`, 'id (empty) is no'],
  [`appointment,${T},1,,,9007199254740993`, 'id 9007199254740993 is no'],
  [`appointment,${T},1,,,9007199254740990`, 'is above 9000000000000000'],
  [`patient,${T},1,,,2147483647`, 'is above 2147000000'],
  [`patient,,1,,,1`, 'foreign_id_type must be'],
  [`patient,${T},,Ann,,1`, 'a patient is known by its foreign_id'],
  [`appointment_type,${T},1,,,1`, 'known by its name'],
  [`working_hour,,,Mornings,5,1`, 'name Mornings is no working hour'],
  [`working_hour,,,17 4 Someday 09:00-17:00,5,1`, 'is no working hour'],
  [`descriptor,${T},1,,,1`, 'says its location_id'],
  [`descriptor,${T},1,,x,1`, 'location_id x is no'],
  [`patient,${T},1,,1`, '5 columns, where the first line has 6'],
  [`patient,${T},"1"x,,,1`, 'a quote is out of place'],
])('names the line of %s', (row, why) => {
  const { wrong } = read([`patient,${T},99,,,99`, row, `patient,${T},98,,,98`])
  expect(wrong).toEqual([expect.stringContaining(`line 3: `)])
  expect(wrong[0]).toContain(why)
})

it('names one id for two things and two ids for one, each with both lines', () => {
  const { wrong } = read([
    `patient,${T},1,,,5`,
    `patient,${T},2,,,5`,
    `patient,${T},1,,,6`,
    `provider,${T},1,,,5`,
  ])
  expect(wrong).toEqual([
    'line 3: id 5 is that of another patient in line 2',
    'line 4: patient 1 has the id 5 in line 2',
  ])
})

it.each([
  ['noun,ident', 'there is no column ident'],
  ['noun,name', 'the column id is missing'],
  ['noun,id,id', 'a column comes twice'],
  ['', 'the column noun is missing'],
])('refuses a file that begins with %j', (head, why) => {
  expect(readStoredIds(`${head}\n`, null).wrong.join(' ')).toContain(why)
})
