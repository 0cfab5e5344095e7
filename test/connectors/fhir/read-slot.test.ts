import { expect, it } from 'vitest'
import { readSlot } from '../../../src/connectors/fhir/read-slot.ts'
import type { Schedule, Slot } from '../../../src/connectors/fhir/resources.ts'
import { context } from './resources.ts'

const slot: Slot = {
  resourceType: 'Slot',
  id: 'lunch',
  schedule: { reference: 'Schedule/s' },
  status: 'busy-unavailable',
  start: '2026-12-07T17:00:00Z',
  end: '2026-12-07T18:00:00Z',
  comment: 'Lunch',
}
const schedule: Schedule = {
  resourceType: 'Schedule',
  id: 's',
  actor: [
    { reference: 'PractitionerRole/role-1' },
    { reference: 'Location/room-1' },
    { reference: 'Location/room-2' },
  ],
}

it('a busy-unavailable Slot is a block of the actors of its Schedule', () => {
  const reading = readSlot(slot, schedule, context)
  expect(reading).toMatchObject({
    records: [
      {
        foreignId: 'slot~lunch',
        provider: 'prac-1',
        operatory: 'room-1',
        location: 'site',
        unavailable: true,
        note: 'Lunch',
      },
      { foreignId: 'slot~lunch~room-2', provider: null, operatory: 'room-2' },
    ],
  })
})

it.each(['free', 'busy', 'busy-tentative', 'entered-in-error'])('a Slot that is %s is no block', (status) => {
  expect(readSlot({ ...slot, status }, schedule, context)).toEqual({ kind: 'gone' })
})

it('a Slot whose Schedule cannot be read is set aside', () => {
  expect(readSlot(slot, null, context)).toMatchObject({ kind: 'unreadable' })
  expect(readSlot({ ...slot, end: '2026-12-07' }, schedule, context)).toMatchObject({ kind: 'unreadable' })
})
