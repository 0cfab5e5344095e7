import { describe, expect, it } from 'vitest'
import { type AppointmentChange, eventsOf } from '../../src/model/appointment-events.ts'
import type { AppointmentState, Draft, Mirror } from '../../src/model/appointment-state.ts'

const fields = {
  location_id: 1,
  patient_id: 2,
  provider_id: 3,
  operatory_id: 4,
  start_time: '2026-12-07T19:00:00.000Z',
  end_time: '2026-12-07T19:30:00.000Z',
  unavailable: false,
  confirmed: false,
  confirmed_at: null,
  cancelled: false,
  cancelled_at: null,
  checkin_at: null,
  checked_out: false,
  checked_out_at: null,
  patient_missed: false,
  note: null,
  descriptor_ids: [],
}
const draft: Draft = {
  ...fields,
  appointment_type_id: null,
  referrer: null,
  is_guardian: false,
  is_new_clients_patient: false,
  sooner_if_possible: false,
  patient_confirmed: false,
  patient_confirmed_at: null,
}
const mirror: Mirror = { ...fields, gone: false, version: '1', entered_at: null }
const state = (some: Partial<AppointmentState>): AppointmentState => ({
  draft: null,
  mirror: null,
  overlay: {},
  ...some,
})
const told = (some: Partial<AppointmentChange>) => eventsOf({ was: null, now: null, ended: [], ...some })
const asked = state({ draft })
const withdrawn = state({ draft: { ...draft, cancelled: true } })
const stands = state({ mirror })
const owed = state({ mirror, overlay: { confirmed: { value: true, write: 7 } } })
const edited = state({ mirror, overlay: { note: { value: 'x', edited_at: '2026-12-01T00:00:00.000Z' } } })

describe('the events of a change', () => {
  const rows: [string, Partial<AppointmentChange>, ReturnType<typeof eventsOf>][] = [
    ['a POST', { now: asked, isAccepted: true }, [{ name: 'appointment_accepted' }]],
    [
      'a PATCH that is owed',
      { was: stands, now: owed, isAccepted: true },
      [{ name: 'appointment_accepted', previous: { confirmed: false } }],
    ],
    [
      'a local edit',
      { was: stands, now: edited, isAccepted: true },
      [{ name: 'appointment_accepted', previous: { note: null } }],
    ],
    [
      'a local edit undone',
      { was: edited, now: stands },
      [{ name: 'appointment_updated', previous: { note: 'x' } }],
    ],
    [
      'a PATCH before anything was sent',
      { was: asked, now: state({ draft: { ...draft, note: 'y' } }), isAccepted: true },
      [{ name: 'appointment_accepted', previous: { note: null } }],
    ],
    [
      'a cancellation before anything was sent',
      {
        was: asked,
        now: withdrawn,
        ended: [{ kind: 'insert', state: 'failed', code: 'cancelled_first' }],
        isAccepted: true,
      },
      [
        { name: 'appointment_insertion.failed' },
        { name: 'appointment_accepted', previous: { cancelled: false } },
      ],
    ],
    [
      'an insertion that was written',
      {
        was: asked,
        now: state({ draft, mirror }),
        ended: [{ kind: 'insert', state: 'complete', code: null }],
      },
      [{ name: 'appointment_insertion.complete' }, { name: 'appointment_created' }],
    ],
    [
      'an insertion that was refused',
      { was: asked, now: withdrawn, ended: [{ kind: 'insert', state: 'failed', code: 'slot_taken' }] },
      [{ name: 'appointment_insertion.failed' }],
    ],
    ['a promise that ran out', { isDelayed: true }, [{ name: 'appointment_insertion.delayed' }]],
    [
      'a second copy that was cancelled',
      { insertion: { status: 'complete' } },
      [{ name: 'appointment_updated', previous: { insertion: { status: 'complete' } } }],
    ],
    ['a row of the front desk', { now: stands }, [{ name: 'appointment_created' }]],
    [
      'what was withdrawn reading back cancelled',
      { was: withdrawn, now: state({ draft: withdrawn.draft, mirror: { ...mirror, cancelled: true } }) },
      [],
    ],
    [
      'what was withdrawn reading back as standing',
      { was: withdrawn, now: state({ draft: withdrawn.draft, mirror }) },
      [{ name: 'appointment_created' }],
    ],
    [
      'a move by the front desk',
      { was: stands, now: state({ mirror: { ...mirror, operatory_id: 5 } }) },
      [{ name: 'appointment_updated', previous: { operatory_id: 4 } }],
    ],
    [
      'a row that is gone',
      { was: stands, now: state({ mirror: { ...mirror, gone: true } }) },
      [{ name: 'appointment_updated', previous: { cancelled: false, deleted: false } }],
    ],
    ['a new version of the same', { was: stands, now: state({ mirror: { ...mirror, version: '2' } }) }, []],
    [
      'a confirmation that was written',
      {
        was: owed,
        now: state({ mirror: { ...mirror, confirmed: true } }),
        ended: [{ kind: 'confirm', state: 'complete', code: null }],
      },
      [{ name: 'appointment_updated', previous: { confirmed: false } }],
    ],
    [
      'a confirmation that was refused',
      { was: owed, now: stands, ended: [{ kind: 'confirm', state: 'failed', code: 'refused' }] },
      [{ name: 'appointment_updated.failed', previous: { confirmed: true } }],
    ],
    ['a person who is needed', { isUndecided: true }, [{ name: 'appointment_insertion.needs_decision' }]],
    [
      'a patient who turned out to be another, before anything was sent',
      { was: asked, now: state({ draft: { ...draft, patient_id: 9 } }) },
      [{ name: 'appointment_updated', previous: { patient_id: 2 } }],
    ],
    ['nothing', { was: stands, now: stands }, []],
  ]
  it.each(rows)('%s', (_, change, expected) => {
    expect(told(change)).toEqual(expected)
  })
})
