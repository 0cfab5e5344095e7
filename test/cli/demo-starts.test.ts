import { expect, it } from 'vitest'
import { findFreeStarts, type Wanted } from '../../src/cli/demo-starts.ts'

const wanted: Wanted = {
  providerId: 1,
  operatoryId: 2,
  zone: 'America/New_York',
  hours: [{ begin: '09:00', end: '11:00', days: ['Monday', 'Tuesday'] }],
  busy: [],
  from: '2026-10-30T00:00:00.000Z',
  count: 6,
}
const span = { unavailable: false, location_id: 9, operatory_id: null, provider_id: null }

it('gives half hours of working days with the offset in force then, at most four a day', () => {
  // The clocks went back on Sunday, 1 November 2026.
  expect(findFreeStarts(wanted)).toEqual([
    '2026-11-02T09:00:00-05:00',
    '2026-11-02T09:30:00-05:00',
    '2026-11-02T10:00:00-05:00',
    '2026-11-02T10:30:00-05:00',
    '2026-11-03T09:00:00-05:00',
    '2026-11-03T09:30:00-05:00',
  ])
})

it('leaves out what touches the operatory, the provider or the whole location, and nothing else', () => {
  const at = (from: string, to: string) => ({
    start_time: `2026-11-02T${from}:00.000Z`,
    end_time: `2026-11-02T${to}:00.000Z`,
  })
  const busy = [
    { ...span, operatory_id: 2, ...at('14:15', '14:20') },
    { ...span, provider_id: 1, operatory_id: 7, ...at('14:30', '15:00') },
    { ...span, ...at('15:00', '15:30') },
    { ...span, operatory_id: 7, ...at('15:30', '16:00') },
  ]
  expect(findFreeStarts({ ...wanted, busy, count: 1 })).toEqual(['2026-11-02T10:30:00-05:00'])
})

it('gives none before the instant asked for', () => {
  expect(findFreeStarts({ ...wanted, from: '2026-11-02T14:31:00.000Z', count: 1 })).toEqual([
    '2026-11-02T10:00:00-05:00',
  ])
})
