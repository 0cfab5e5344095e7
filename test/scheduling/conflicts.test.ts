import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AppointmentState, Draft, Mirror } from '../../src/model/appointment-state.ts'
import { toInstant, toMs } from '../../src/model/time.ts'
import { conflicts, occupiedBy, SPAN_MAX_MS, type Span } from '../../src/scheduling/conflicts.ts'

const at = (hour: number) => toInstant(Date.UTC(2026, 11, 7, hour))
const span = (change: Partial<Span> = {}): Span => ({
  location_id: 1,
  operatory_id: 1,
  provider_id: 1,
  start_time: at(9),
  end_time: at(10),
  ...change,
})

describe('two spans', () => {
  it.each([
    ['the same operatory at the same time', {}, true],
    ['one beginning when the other ends', { start_time: at(10), end_time: at(11) }, false],
    ['one ending when the other begins', { start_time: at(8), end_time: at(9) }, false],
    ['the same provider in another operatory', { operatory_id: 2 }, false],
    ['the same provider without an operatory', { operatory_id: null }, true],
    ['another provider without an operatory', { operatory_id: null, provider_id: 2 }, false],
    ['an operatory closed for everyone', { provider_id: null }, true],
    ['the whole location closed', { operatory_id: null, provider_id: null }, true],
    ['another location closed', { location_id: 2, operatory_id: null, provider_id: null }, false],
  ])('%s', (_, other, expected) => {
    expect(conflicts(span(), span(other))).toBe(expected)
    expect(conflicts(span(other), span())).toBe(expected)
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
