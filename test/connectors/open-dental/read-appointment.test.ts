import { describe, expect, it } from 'vitest'
import type { Row } from '../../../src/connectors/open-dental/database.ts'
import type { Facts } from '../../../src/connectors/open-dental/facts.ts'
import { patternOf, readAppointment } from '../../../src/connectors/open-dental/read-appointment.ts'
import { appointmentRow, factsOf, settingsOf } from './rows.ts'

const read = (more: Row = {}, codes: string[] = [], facts: Partial<Facts> = {}, settings = {}) =>
  readAppointment(appointmentRow(more), codes, factsOf(facts), settingsOf(settings))
const recordOf = (...given: Parameters<typeof read>) => {
  const reading = read(...given)
  if (reading.kind !== 'appointment') throw new Error(JSON.stringify(reading))
  return reading.record
}

describe('a row of the schedule', () => {
  it('is an appointment: who, where, when, and five minutes for each letter of its pattern', () => {
    expect(recordOf({ AppointmentTypeNum: '3' }, ['11'])).toEqual({
      foreignId: '812',
      marker: null,
      patient: '7',
      provider: '1',
      operatory: '1',
      location: null,
      start: '2026-12-07T14:00:00.000Z',
      end: '2026-12-07T14:30:00.000Z',
      unavailable: false,
      confirmed: false,
      confirmedAt: null,
      cancelled: false,
      cancelledAt: null,
      checkinAt: null,
      checkedOut: false,
      checkedOutAt: null,
      missed: false,
      note: 'By the window',
      descriptors: ['code_11', 'type_3'],
      enteredAt: '2026-11-01T15:00:00.000Z',
      version: expect.stringMatching(/^[\w-]{16}$/),
    })
  })

  it.each<[string, Row, object]>([
    ['complete: checked out, and still there', { AptStatus: 2 }, { checkedOut: true, cancelled: false }],
    ['broken: cancelled', { AptStatus: 5 }, { cancelled: true, missed: false }],
    [
      'taken off the schedule with its date: cancelled',
      { AptStatus: 3, Op: '0' },
      { cancelled: true, operatory: null },
    ],
    ['ASAP, as until 17.4: booked', { AptStatus: 4 }, { cancelled: false }],
    ['confirmed by its definition', { Confirmed: '21' }, { confirmed: true }],
    [
      'with a patient who arrived',
      { DateTimeArrived: '2026-12-07 08:55:00' },
      { confirmed: true, checkinAt: '2026-12-07T13:55:00.000Z' },
    ],
    [
      'with an arrival at midnight, which is none',
      { DateTimeArrived: '2026-12-07 00:00:00' },
      { checkinAt: null },
    ],
    ['of hygiene: the hygienist', { IsHygiene: 1, ProvHyg: '4' }, { provider: '4' }],
    ['with a hygienist beside the dentist: the dentist', { ProvHyg: '4' }, { provider: '1' }],
    ['without a date of entry', { SecDateTEntry: null }, { enteredAt: null }],
  ])('may be %s', (_, row, expected) => {
    expect(recordOf(row)).toMatchObject(expected)
  })

  it('was missed where the code for it is attached to what was broken', () => {
    expect(recordOf({ AptStatus: 5 }, ['14']).missed).toBe(true)
    expect(recordOf({}, ['14']).missed).toBe(false)
  })

  it.each<[string, Row]>([
    ['never on the schedule', { AptStatus: 3, AptDateTime: '0001-01-01 00:00:00' }],
    ['planned', { AptStatus: 6 }],
    ['a note', { AptStatus: 7 }],
    ['a note that is done', { AptStatus: 8 }],
    ['nothing', { AptStatus: 0 }],
  ])('is no appointment where it is %s', (_, row) => {
    expect(read(row).kind).toBe('none')
  })

  it.each<[string, Row]>([
    ['without a date', { AptDateTime: '0001-01-01 00:00:00' }],
    ['without a length', { Pattern: '' }],
    ['without a patient', { PatNum: '0' }],
  ])('is set aside %s', (_, row) => {
    expect(read(row).kind).toBe('set_aside')
  })

  it('in the hour that comes twice is read as the first, and marked', () => {
    expect(read({ AptDateTime: '2026-11-01 01:30:00' })).toMatchObject({
      record: { start: '2026-11-01T05:30:00.000Z' },
      doubt: expect.stringContaining('twice'),
    })
    expect(read()).toMatchObject({ doubt: null })
  })

  it('is by the clocks of the clinic of its operatory', () => {
    const operatories = new Map([
      ['1', { name: 'West', hidden: false, clinic: '2', dentist: null, hygienist: null }],
    ])
    const record = recordOf({}, [], { clinics: true, operatories }, { clinic_zones: { 2: 'America/Denver' } })
    expect([record.location, record.start]).toEqual(['2', '2026-12-07T16:00:00.000Z'])
    // The server's own clock is another.
    expect(record.enteredAt).toBe('2026-11-01T15:00:00.000Z')
  })

  it('has another version when anything that is read of it changes, and not for its stamp', () => {
    const { version } = recordOf()
    expect(recordOf({ DateTStamp: '2026-11-21 15:00:00' }).version).toBe(version)
    expect(recordOf({ Note: 'Another' }).version).not.toBe(version)
    expect(recordOf({}, ['11']).version).not.toBe(version)
  })
})

it('a pattern keeps its marks when it becomes longer or shorter', () => {
  const at = (minutes: number) => new Date(Date.UTC(2026, 11, 7) + minutes * 60_000).toISOString()
  expect(patternOf(at(0), at(30))).toBe('XXXXXX')
  expect(patternOf(at(0), at(40), '/XXXX/')).toBe('/XXXX/XX')
  expect(patternOf(at(0), at(20), '/XXXX/')).toBe('/XXX')
})
