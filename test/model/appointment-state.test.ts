import { describe, expect, it } from 'vitest'
import {
  type AppointmentState,
  baseOf,
  type Draft,
  differences,
  type Mirror,
  oldestEdit,
  shownOf,
  withoutEdits,
  withoutWrite,
  withUnsure,
} from '../../src/model/appointment-state.ts'

const draft: Draft = {
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
  note: 'asked',
  descriptor_ids: [],
  appointment_type_id: 9,
  referrer: 'https://book.example/',
  is_guardian: false,
  is_new_clients_patient: true,
  sooner_if_possible: false,
  patient_confirmed: false,
  patient_confirmed_at: null,
}
const { appointment_type_id: _t, referrer: _r, ...fields } = draft
const mirror: Mirror = { ...fields, note: 'theirs', gone: false, version: '3', entered_at: null }
const state = (change: Partial<AppointmentState>): AppointmentState => ({
  draft,
  mirror: null,
  overlay: {},
  ...change,
})

describe('what is shown', () => {
  it('is the draft before anything was read', () => {
    expect(shownOf(state({}))).toMatchObject({ note: 'asked', deleted: false })
  })

  it('is the mirror once there is one, with what only we know beside it', () => {
    expect(shownOf(state({ mirror }))).toMatchObject({ note: 'theirs', appointment_type_id: 9 })
  })

  it('never bears marks of the mirror itself', () => {
    expect(Object.keys(shownOf(state({ mirror })))).not.toEqual(expect.arrayContaining(['version']))
    expect(Object.keys(shownOf(state({ mirror })))).not.toEqual(expect.arrayContaining(['entered_at']))
  })

  it('is the overlay over it, while the base stays what it was', () => {
    const edited = state({
      mirror,
      overlay: { note: { value: 'ours', edited_at: '2026-11-22T10:00:00.000Z' } },
    })
    expect(shownOf(edited).note).toBe('ours')
    expect(shownOf(edited, true).note).toBe('theirs')
    expect(baseOf(edited).note).toBe('theirs')
    expect(edited.mirror?.note).toBe('theirs')
  })

  it('is cancelled and deleted when the record system holds it no longer', () => {
    expect(shownOf(state({ mirror: { ...mirror, gone: true } }))).toMatchObject({
      cancelled: true,
      deleted: true,
    })
  })

  it('cannot come from nothing', () => {
    expect(() => shownOf({ draft: null, mirror: null, overlay: {} })).toThrow(/neither/)
  })
})

describe('the overlay', () => {
  const overlay = {
    confirmed: { value: true, write: 7 },
    note: { value: 'late', edited_at: '2026-11-22T10:00:05.000Z' },
    referrer: { value: 'early', edited_at: '2026-11-22T10:00:01.000Z' },
  }

  it('loses the entries of a write that ended, and no others', () => {
    expect(Object.keys(withoutWrite(overlay, 7))).toEqual(['note', 'referrer'])
    expect(Object.keys(withoutWrite(overlay, 8))).toEqual(['confirmed', 'note', 'referrer'])
  })

  it('loses local edits made before the pull began, and keeps those made since', () => {
    expect(Object.keys(withoutEdits(overlay, '2026-11-22T10:00:05.000Z'))).toEqual(['confirmed', 'note'])
  })

  it('keeps what a write asked for that ended unsure until a pull that began later', () => {
    const since = '2026-11-22T10:00:04.000Z'
    const edit = overlay.note
    const unsure = withUnsure({ ...overlay, note: { ...edit, owed: { value: 'owed', write: 7 } } }, 7, since)
    expect(shownOf({ draft, mirror, overlay: unsure }).confirmed).toBe(true)
    expect(shownOf({ draft, mirror, overlay: unsure }, true).note).toBe('owed')
    expect(oldestEdit({ confirmed: unsure.confirmed! })).toBe(since)
    expect(withoutEdits(unsure, since).confirmed).toEqual(unsure.confirmed)
    expect(withoutEdits(unsure, '2026-11-22T10:00:04.001Z')).toEqual({ note: edit })
    expect(withoutEdits(unsure, '2026-11-22T11:00:00.000Z')).toEqual({})
  })

  it('knows its oldest edit', () => {
    expect(oldestEdit(overlay)).toBe('2026-11-22T10:00:01.000Z')
    expect(oldestEdit({ confirmed: { value: true, write: 7 } })).toBeNull()
  })
})

it('tells differences with the values from before, lists by their members', () => {
  const one = shownOf(state({}))
  expect(differences(one, { ...one, descriptor_ids: [] })).toEqual({})
  expect(differences(one, { ...one, descriptor_ids: [5], note: null })).toEqual({
    descriptor_ids: [],
    note: 'asked',
  })
})
