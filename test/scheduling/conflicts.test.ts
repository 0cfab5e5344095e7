import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AppointmentState, Draft, Mirror } from '../../src/model/appointment-state.ts'
import { toInstant, toMs } from '../../src/model/time.ts'
import { occupiedBy, SPAN_MAX_MS, wantSame } from '../../src/scheduling/conflicts.ts'

const at = (hour: number) => toInstant(Date.UTC(2026, 11, 7, hour))
const resource = { location_id: 1, operatory_id: 1, provider_id: 1 }

describe('two want the same', () => {
  it.each([
    ['in the same operatory', {}, true],
    ['with the same provider in another operatory', { operatory_id: 2 }, false],
    ['with the same provider without an operatory', { operatory_id: null }, true],
    ['with another provider without an operatory', { operatory_id: null, provider_id: 2 }, false],
    ['in an operatory closed for everyone', { provider_id: null }, true],
    ['where the whole location is closed', { operatory_id: null, provider_id: null }, true],
    ['where another location is closed', { location_id: 2, operatory_id: null, provider_id: null }, false],
  ])('%s: %o is %s', (_, other, expected) => {
    expect(wantSame(resource, { ...resource, ...other })).toBe(expected)
    expect(wantSame({ ...resource, ...other }, resource)).toBe(expected)
  })
})

const fields = {
  location_id: 1,
  patient_id: 1,
  provider_id: 1,
  operatory_id: 1,
  start_time: at(9),
  end_time: at(10),
  unavailable: false,
  cancelled: false,
} as Draft
const mirror = { ...fields, gone: false, version: null, entered_at: null } as Mirror
const state = (change: Partial<AppointmentState>): AppointmentState => ({
  draft: fields,
  mirror: null,
  overlay: {},
  ...change,
})
const times = (given: AppointmentState) => occupiedBy(given).map((one) => one.start_time)

describe('an appointment', () => {
  it('takes its time from the moment it was accepted', () => {
    expect(times(state({}))).toEqual([at(9)])
  })

  it('keeps its time while a cancel is owed, and frees it when the record system shows it free', () => {
    const owed = { cancelled: { value: true, write: 1 } }
    expect(times(state({ mirror, overlay: owed }))).toEqual([at(9)])
    expect(times(state({ mirror: { ...mirror, cancelled: true } }))).toEqual([])
    expect(times(state({ overlay: owed }))).toEqual([at(9)])
    expect(times(state({ draft: { ...fields, cancelled: true } }))).toEqual([])
  })

  it('takes the old and the new time while a move is owed', () => {
    const overlay = { start_time: { value: at(14), write: 1 }, end_time: { value: at(15), write: 1 } }
    expect(times(state({ mirror, overlay }))).toEqual([at(9), at(14)])
  })

  it('is there once at any instant while it moves within its operatory, and twice while it moves to another', () => {
    const moved = { start_time: { value: at(9), write: 1 }, end_time: { value: at(12), write: 1 } }
    expect(occupiedBy(state({ mirror, overlay: moved }))).toMatchObject([
      { start_time: at(9), end_time: at(12) },
    ])
    const elsewhere = { ...moved, operatory_id: { value: 2, write: 1 } }
    expect(occupiedBy(state({ mirror, overlay: elsewhere }))).toHaveLength(2)
  })

  it('takes nothing by a local edit', () => {
    const overlay = {
      start_time: { value: at(14), edited_at: at(1) },
      end_time: { value: at(15), edited_at: at(1) },
    }
    expect(times(state({ mirror, overlay }))).toEqual([at(9)])
  })

  it('takes nothing when it is gone', () => {
    expect(
      times(state({ mirror: { ...mirror, gone: true }, overlay: { note: { value: 'x', write: 1 } } })),
    ).toEqual([])
  })

  it('longer than a day is several spans that leave no gap and are none too long', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 * 24 * 60 }), (length) => {
        const end = toInstant(toMs(at(9)) + length * 60_000)
        const parts = occupiedBy(state({ draft: { ...fields, end_time: end } }))
        expect(parts[0]?.start_time).toBe(at(9))
        expect(parts.at(-1)?.end_time).toBe(end)
        for (const [n, part] of parts.entries()) {
          expect(toMs(part.end_time) - toMs(part.start_time)).toBeLessThanOrEqual(SPAN_MAX_MS)
          if (n > 0) expect(part.start_time).toBe(parts[n - 1]?.end_time)
        }
      }),
    )
  })
})
