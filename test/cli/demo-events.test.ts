import { expect, it } from 'vitest'
import { openTeller } from '../../src/cli/demo-events.ts'

const at = '2026-11-23T15:00:01.000Z'
const appointment = {
  id: 17,
  start_time: '2026-11-24T14:00:00.000Z',
  foreign_id: null as string | null,
  confirmed: false,
  confirmed_at: null as string | null,
  note: null as string | null,
  unavailable: false,
  insertion: { status: 'pending', code: null, message: null, retriable: null, attempts: 0 } as object | null,
}

function tellAll(events: [name: string, body: Record<string, unknown>][]): (string | null)[] {
  const teller = openTeller('America/New_York')
  return events.map(([name, body]) => teller.tell({ name, body, created_at: at }))
}

it('tells a booking from acceptance to its id in the record system, in the time of the location', () => {
  const written = { ...appointment, foreign_id: '88' }
  expect(
    tellAll([
      ['appointment_accepted', { appointment }],
      ['appointment_insertion.complete', { appointment: written }],
      ['appointment_created', { appointment: written }],
    ]),
  ).toEqual([
    '10:00:01  accepted    appointment 17, 2026-11-24 09:00',
    '10:00:01  written     appointment 17 is 88 in the record system',
    null,
  ])
})

it("knows our own change from the front desk's, and an edit that was undone from both", () => {
  const confirmed = { ...appointment, confirmed: true, confirmed_at: at }
  const edited = { ...appointment, note: 'Rosalind calls back' }
  const lines = tellAll([
    [
      'appointment_accepted',
      { appointment: confirmed, previous_attributes: { confirmed: false, confirmed_at: null } },
    ],
    [
      'appointment_updated',
      {
        // The record system has an instant of its own for it.
        appointment: { ...confirmed, confirmed_at: '2026-11-23T15:00:02.000Z' },
        previous_attributes: { confirmed: false, confirmed_at: null },
      },
    ],
    ['appointment_updated', { appointment, previous_attributes: { confirmed: true, confirmed_at: at } }],
    ['appointment_updated', { appointment, previous_attributes: { start_time: at } }],
    ['appointment_accepted', { appointment: edited, previous_attributes: { note: null } }],
    ['appointment_updated', { appointment, previous_attributes: { note: 'Rosalind calls back' } }],
  ])
  expect(lines.map((line) => line?.slice(10))).toEqual([
    'accepted    appointment 17: confirmed true',
    'written     appointment 17: confirmed true',
    'front desk  changed appointment 17: confirmed false',
    'front desk  changed appointment 17: start time "2026-11-24T14:00:00.000Z"',
    'accepted    appointment 17: note changed',
    'undone      appointment 17: note changed, as the record system has it',
  ])
})

it('says why an insertion failed, and never what a person wrote', () => {
  const failed = {
    ...appointment,
    insertion: { status: 'failed', code: 'slot_taken', message: 'The chair is taken.' },
  }
  const [line] = tellAll([['appointment_insertion.failed', { appointment: failed }]])
  expect(line).toContain('failed      appointment 17: The chair is taken.')
})

it('tells what the front desk books and blocks', () => {
  const theirs = { ...appointment, foreign_id: '90', insertion: null }
  const [booked, blocked] = tellAll([
    ['appointment_created', { appointment: theirs }],
    ['appointment_created', { appointment: { ...theirs, unavailable: true } }],
  ])
  expect(booked).toContain('front desk  booked 2026-11-24 09:00 (appointment 17, 90 in the record system)')
  expect(blocked).toContain('front desk  blocked 2026-11-24 09:00')
})
