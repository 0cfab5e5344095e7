import { describe, expect, it } from 'vitest'
import type { Change, Insertion } from '../../../src/connectors/connector.ts'
import { readAppointment } from '../../../src/connectors/fhir/read-appointment.ts'
import { readPatient } from '../../../src/connectors/fhir/read-patient.ts'
import { type Appointment, readResource } from '../../../src/connectors/fhir/resources.ts'
import { applyChange, writeAppointment, writePatient } from '../../../src/connectors/fhir/write-resources.ts'
import { actor, anAppointment, BASE, context } from './resources.ts'

const settings = { baseUrl: BASE, confirmation: 'participant' as const }
const isOperatory = (id: string) => id.startsWith('room-')
const at = { foreignId: 'appt-1', version: '3' }

const insertion: Insertion = {
  marker: 'm-1',
  patient: { foreignId: 'pat-1' },
  provider: 'prac-1',
  operatory: 'room-1',
  location: 'site',
  start: '2026-12-07T14:00:00.000Z',
  end: '2026-12-07T14:40:00.000Z',
  unavailable: false,
  note: 'Crown',
  descriptors: [],
  overbook: false,
}
const made = { id: 'm-1', patient: 'pat-1', site: 'site', createdAt: '2026-12-01T00:00:00.000Z' }

function changed(resource: Appointment, change: Record<string, unknown>): Appointment {
  const applied = applyChange(resource, { ...at, ...change } as Change, settings, isOperatory)
  if (applied.kind !== 'changed') throw new Error(JSON.stringify(applied))
  return applied.resource
}

describe('an insertion as an Appointment', () => {
  it('read back is what was asked for', () => {
    const resource = readResource('Appointment', writeAppointment(insertion, made, 'participant'))
    if ('misfit' in resource) throw new Error(resource.misfit)
    const reading = readAppointment(resource, context)
    expect(reading.kind === 'records' && reading.records[0]).toMatchObject({
      foreignId: 'm-1',
      marker: 'm-1',
      patient: 'pat-1',
      provider: 'prac-1',
      operatory: 'room-1',
      location: 'site',
      start: insertion.start,
      end: insertion.end,
      note: 'Crown',
      confirmed: false,
      cancelled: false,
      enteredAt: made.createdAt,
    })
  })

  it('has no comment where the note says nothing', () => {
    for (const note of [null, '', '  ']) {
      expect(writeAppointment({ ...insertion, note }, made, 'participant')).not.toHaveProperty('comment')
    }
  })

  it('is pending where the practice keeps confirmation in the status', () => {
    expect(writeAppointment(insertion, made, 'status').status).toBe('pending')
    expect(
      writeAppointment({ ...insertion, patient: null }, { ...made, patient: null }, 'status').status,
    ).toBe('booked')
  })

  it('of a block for nobody in particular names the only site', () => {
    const block = { ...insertion, patient: null, provider: null, operatory: null, location: null }
    expect(writeAppointment(block, { ...made, patient: null }, 'participant').participant).toEqual([
      actor('Location/site'),
    ])
    expect(
      writeAppointment(block, { ...made, patient: null, site: null }, 'participant').participant,
    ).toEqual([])
  })
})

it('a new patient as a Patient, read back, is the one asked for', () => {
  const draft = {
    firstName: 'Klara',
    middleName: null,
    lastName: 'Fairbrook',
    birthDate: '1990-02-03',
    gender: 'Other' as const,
    email: 'klara@example.com',
    phone: '(617) 555-0101',
  }
  const resource = readResource('Patient', writePatient(draft, 'm-2', 'id-2'))
  if ('misfit' in resource) throw new Error(resource.misfit)
  const { phone, ...same } = draft
  expect(readPatient(resource, context.places, BASE)).toMatchObject({
    ...same,
    cellPhone: phone,
    marker: 'm-2',
    foreignId: 'id-2',
  })
  const empty = { ...draft, birthDate: null, gender: null, email: null, phone: null }
  expect(writePatient(empty, 'm-2', null)).toEqual({
    resourceType: 'Patient',
    identifier: [{ system: 'urn:slotbridge:marker', value: 'm-2' }],
    active: true,
    name: [{ use: 'official', family: 'Fairbrook', given: ['Klara'] }],
  })
})

describe('a change on an Appointment', () => {
  it('confirms the patient only, and leaves everything else as it was', () => {
    const before = { ...anAppointment(), priority: 4 } as Appointment
    const after = changed(before, { kind: 'confirm' })
    expect(after).toEqual({
      ...before,
      participant: [actor('Patient/pat-1'), ...before.participant!.slice(1)],
    })
  })

  it('cancels by the status', () => {
    expect(changed(anAppointment(), { kind: 'cancel' })).toEqual(anAppointment({ status: 'cancelled' }))
  })

  it('checks in by the status and our extension, keeping others', () => {
    const extension = [{ url: 'urn:theirs', valueCode: 'x' }]
    expect(
      changed(anAppointment({ extension }), { kind: 'check_in', at: '2026-12-07T13:55:00.000Z' }),
    ).toMatchObject({
      status: 'arrived',
      extension: [
        ...extension,
        { url: 'urn:slotbridge:checkin-at', valueInstant: '2026-12-07T13:55:00.000Z' },
      ],
    })
  })

  it('moves time and room, and lets the slots of the old time go', () => {
    const before = {
      ...anAppointment({ minutesDuration: 30 }),
      slot: [{ reference: 'Slot/1' }],
    } as Appointment
    const move = {
      kind: 'reschedule',
      start: '2026-12-08T14:00:00.000Z',
      end: '2026-12-08T15:00:00.000Z',
      overbook: false,
    }
    const after = changed(before, { ...move, operatory: 'room-2' })
    expect(after).toMatchObject({ start: move.start, end: move.end, minutesDuration: 60 })
    expect(after.participant).toEqual([...before.participant!.slice(0, 2), actor('Location/room-2')])
    expect(after).not.toHaveProperty('slot')
    expect(changed(before, { ...move, operatory: null }).participant).toEqual(before.participant)
  })

  it('keeps the site among the participants when the room changes', () => {
    const participant = [actor('Patient/pat-1'), actor('Location/site'), actor('Location/room-1')]
    const move = {
      kind: 'reschedule',
      start: insertion.start,
      end: insertion.end,
      overbook: false,
      operatory: 'room-2',
    }
    expect(changed(anAppointment({ participant }), move).participant).toEqual([
      actor('Patient/pat-1'),
      actor('Location/site'),
      actor('Location/room-2'),
    ])
  })

  it('takes a note away whole', () => {
    for (const note of [null, '', ' \n ']) {
      expect(changed(anAppointment({ comment: 'x' }), { kind: 'note', note })).toEqual(anAppointment())
    }
  })

  it.each<[string, Partial<Appointment>, Record<string, unknown>]>([
    ['cancelled', { status: 'cancelled' }, { kind: 'cancel' }],
    ['arrived', { status: 'arrived' }, { kind: 'check_in', at: insertion.start }],
    ['arrived', { status: 'arrived' }, { kind: 'confirm' }],
    ['noted', { comment: 'x' }, { kind: 'note', note: 'x' }],
    [
      'there',
      {},
      {
        kind: 'reschedule',
        start: '2026-12-07T14:00:00.000Z',
        end: '2026-12-07T14:30:00.000Z',
        operatory: 'room-1',
      },
    ],
  ])('that is already %s changes nothing', (_, part, change) => {
    const applied = applyChange(anAppointment(part), { ...at, ...change } as Change, settings, isOperatory)
    expect(applied).toEqual({ kind: 'already' })
  })

  it.each([
    ['cancelled', 'confirm'],
    ['cancelled', 'check_in'],
    ['cancelled', 'reschedule'],
    ['fulfilled', 'cancel'],
    ['noshow', 'reschedule'],
    ['entered-in-error', 'confirm'],
  ])('of one that is %s refuses to %s', (status, kind) => {
    const change = {
      ...at,
      kind,
      at: insertion.start,
      start: insertion.start,
      end: insertion.end,
      operatory: null,
    }
    const applied = applyChange(anAppointment({ status }), change as unknown as Change, settings, isOperatory)
    expect(applied).toEqual({ kind: 'refused', message: `The FHIR Appointment stands there as ${status}.` })
  })
})
