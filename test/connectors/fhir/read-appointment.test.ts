import { describe, expect, it } from 'vitest'
import { readAppointment } from '../../../src/connectors/fhir/read-appointment.ts'
import { type Appointment, readResource } from '../../../src/connectors/fhir/resources.ts'
import type { AppointmentRecord } from '../../../src/model/records.ts'
import { actor, anAppointment, BASE, context } from './resources.ts'

function recordOf(resource: Appointment, settings = context.settings): AppointmentRecord {
  const reading = readAppointment(resource, { ...context, settings })
  if (reading.kind !== 'records') throw new Error(JSON.stringify(reading))
  return reading.records[0]!
}

describe('an Appointment read as ours', () => {
  it('carries every field over, times in UTC', () => {
    const resource = anAppointment({
      identifier: [
        { system: 'urn:other', value: '9' },
        { system: 'urn:slotbridge:marker', value: 'm-1' },
      ],
      created: '2026-11-30T12:00:00Z',
      comment: 'Crown',
    })
    expect(recordOf(resource)).toEqual({
      foreignId: 'appt-1',
      marker: 'm-1',
      patient: 'pat-1',
      provider: 'prac-1',
      operatory: 'room-1',
      location: 'site',
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
      note: 'Crown',
      descriptors: [],
      enteredAt: null,
      version: '3',
    })
  })

  it.each([
    ['1', '2026-12-01T10:00:00.123Z'],
    ['2', null],
    ['b1946ac9', '2026-11-30T12:00:00.000Z'],
  ])('was entered by the server\u2019s own clock where version %s can tell', (versionId, enteredAt) => {
    const meta = { versionId, lastUpdated: '2026-12-01T10:00:00.123Z' }
    expect(recordOf(anAppointment({ created: '2026-11-30T12:00:00Z', meta })).enteredAt).toBe(enteredAt)
  })

  const updated = '2026-12-01T10:00:00.123Z'
  it.each([
    ['pending', { confirmed: false, cancelled: false, checkinAt: null, checkedOut: false, missed: false }],
    ['booked', { confirmed: false, cancelled: false, checkinAt: null, checkedOut: false, missed: false }],
    ['arrived', { confirmed: true, cancelled: false, checkinAt: updated, checkedOut: false, missed: false }],
    [
      'checked-in',
      { confirmed: true, cancelled: false, checkinAt: updated, checkedOut: false, missed: false },
    ],
    ['fulfilled', { confirmed: true, cancelled: false, checkinAt: null, checkedOut: true, missed: false }],
    ['noshow', { confirmed: false, cancelled: false, checkinAt: null, checkedOut: false, missed: true }],
    ['cancelled', { confirmed: false, cancelled: true, checkinAt: null, checkedOut: false, missed: false }],
  ])('of status %s says so', (status, wanted) => {
    expect(recordOf(anAppointment({ status }))).toMatchObject(wanted)
  })

  it.each(['proposed', 'waitlist', 'entered-in-error', 'a status of tomorrow'])(
    'of status %s is none',
    (status) => {
      expect(readAppointment(anAppointment({ status }), context)).toEqual({ kind: 'gone' })
      // Looked for by our own id it is told as cancelled: it stands there.
      const looked = readAppointment(anAppointment({ status }), context, true)
      expect(looked.kind === 'records' && looked.records[0]?.cancelled).toBe(true)
    },
  )

  it('is confirmed when the patient accepted, or by its status where the practice says so', () => {
    const [, ...others] = anAppointment().participant!
    const accepted = anAppointment({ participant: [actor('Patient/pat-1'), ...others] })
    expect(recordOf(accepted).confirmed).toBe(true)
    const byStatus = { ...context.settings, confirmation: 'status' as const }
    expect(recordOf(anAppointment(), byStatus).confirmed).toBe(true)
    expect(recordOf(anAppointment({ status: 'pending' }), byStatus).confirmed).toBe(false)
  })

  it('keeps the check-in time that we wrote, whatever is changed after it', () => {
    const extension = [{ url: 'urn:slotbridge:checkin-at', valueInstant: '2026-12-07T13:55:00Z' }]
    for (const status of ['arrived', 'fulfilled']) {
      expect(recordOf(anAppointment({ status, extension })).checkinAt).toBe('2026-12-07T13:55:00.000Z')
    }
  })

  it('finds its actors by role, by absolute reference and by version, and only on this server', () => {
    const participant = [
      actor(`${BASE}/Patient/pat-1/_history/4`),
      actor('PractitionerRole/role-1'),
      actor(`${BASE}/Location/room-2`),
    ]
    expect(recordOf(anAppointment({ participant }))).toMatchObject({
      patient: 'pat-1',
      provider: 'prac-1',
      operatory: 'room-2',
    })
    const foreign = [
      actor('https://other.example.org/Patient/pat-1'),
      actor('#contained'),
      actor('Location/room-1'),
    ]
    expect(recordOf(anAppointment({ participant: foreign }))).toMatchObject({
      patient: null,
      unavailable: true,
    })
  })

  it('takes its end from minutesDuration where it has none', () => {
    const { end: _, ...open } = anAppointment({ minutesDuration: 45 })
    expect(recordOf(open).end).toBe('2026-12-07T14:45:00.000Z')
  })

  it('is where its HealthcareService is, unless a Location says otherwise', () => {
    const participant = [actor('Patient/pat-1'), actor('HealthcareService/hygiene')]
    expect(recordOf(anAppointment({ participant }))).toMatchObject({ operatory: 'room-2', location: 'site' })
    const both = [...participant, actor('Location/room-1')]
    expect(recordOf(anAppointment({ participant: both }))).toMatchObject({ operatory: 'room-1' })
    expect(recordOf(anAppointment({ participant: participant.slice(1) }))).toMatchObject({
      unavailable: true,
      operatory: 'room-2',
    })
  })

  it('passes over a provider who declined', () => {
    const participant = [
      actor('Patient/pat-1'),
      actor('Practitioner/prac-9', 'declined'),
      actor('Practitioner/prac-1'),
    ]
    expect(recordOf(anAppointment({ participant })).provider).toBe('prac-1')
  })
})

describe('an Appointment without a patient', () => {
  it('is a block of its room, of its provider, or of the whole site', () => {
    const block = (reference: string) => recordOf(anAppointment({ participant: [actor(reference)] }))
    expect(block('Location/room-1')).toMatchObject({
      unavailable: true,
      operatory: 'room-1',
      provider: null,
      location: 'site',
    })
    expect(block('Practitioner/prac-1')).toMatchObject({
      unavailable: true,
      operatory: null,
      provider: 'prac-1',
    })
    expect(block('Location/site')).toMatchObject({
      unavailable: true,
      operatory: null,
      provider: null,
      location: 'site',
    })
    expect(block('Location/room-1').confirmed).toBe(false)
  })

  it('of several is one block for each more', () => {
    const participant = [
      actor('Practitioner/prac-1'),
      actor('Practitioner/prac-2'),
      actor('Location/room-1'),
      actor('Location/room-2'),
    ]
    const reading = readAppointment(anAppointment({ participant }), context)
    const blocks = reading.kind === 'records' ? reading.records : []
    expect(blocks.map(({ foreignId, provider, operatory }) => [foreignId, provider, operatory])).toEqual([
      ['appt-1', 'prac-1', 'room-1'],
      ['appt-1~prac-2', 'prac-2', null],
      ['appt-1~room-2', null, 'room-2'],
    ])
  })

  it('that names nobody is set aside: nobody knows whose time it is', () => {
    const participant = [actor('Device/scanner')]
    expect(readAppointment(anAppointment({ participant }), context)).toMatchObject({ kind: 'unreadable' })
  })
})

describe('a poisoned Appointment', () => {
  const unreadable = (part: Partial<Appointment>) => readAppointment(anAppointment(part), context)
  it.each<[string, Partial<Appointment>, string]>([
    ['a start without a zone', { start: '2026-12-07T09:00:00' }, 'not an instant with a zone'],
    ['a start that is a day', { start: '2026-12-07' }, 'not an instant with a zone'],
    ['a start that is no date', { start: '2026-13-45T09:00:00Z' }, 'not an instant with a zone'],
    ['an end before its start', { end: '2026-12-07T08:00:00-05:00' }, 'end is not after start'],
    ['no participants', { participant: [] }, 'without participants'],
    ['the shape of R5', { subject: { reference: 'Patient/pat-1' } } as never, 'not of R4'],
  ])('with %s is unreadable with the reason', (_, part, reason) => {
    const reading = unreadable(part)
    expect(reading.kind === 'unreadable' && reading.reason).toContain(reason)
  })

  it('of another shape is refused by its schema, naming the place and not the value', () => {
    const read = readResource('Appointment', { ...anAppointment(), participant: 'Jane Roe' })
    expect('misfit' in read && read.misfit).toContain('/participant')
    expect(JSON.stringify(read)).not.toContain('Jane')
    expect('misfit' in readResource('Appointment', null)).toBe(true)
    expect('misfit' in readResource('Appointment', { ...anAppointment(), id: '' })).toBe(true)
  })

  it('that was cancelled and stripped of its times is gone', () => {
    const { start: _, end: __, ...stripped } = anAppointment({ status: 'cancelled' })
    expect(readAppointment(stripped, context)).toEqual({ kind: 'gone' })
  })
})

it('an Appointment at other sites than the configured ones is none of ours', () => {
  const settings = { ...context.settings, locations: new Set(['site']) }
  const elsewhere = anAppointment({ participant: [actor('Patient/pat-1'), actor('Location/far-away')] })
  expect(readAppointment(elsewhere, { ...context, settings })).toEqual({ kind: 'gone' })
  expect(recordOf(anAppointment(), settings).location).toBe('site')
})
