import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bearsOffset, isDay, isZone, readTime } from '../../src/model/wire-time.ts'

const zone = 'America/New_York'
const read = (text: string, edge: 'first' | 'last' = 'first') => readTime({ name: 'start', text, zone, edge })

it.each([
  ['2026-12-07T19:00:00Z', '2026-12-07T19:00:00.000Z'],
  ['2026-12-07T19:00:00.5z', '2026-12-07T19:00:00.500Z'],
  ['2026-12-07T19:00+00:00', '2026-12-07T19:00:00.000Z'],
  ['2026-12-07T19:00:00+0000', '2026-12-07T19:00:00.000Z'],
  ['2026-12-07T19:00:00 00:00', '2026-12-07T19:00:00.000Z'],
  ['2026-12-07 14:00:00 -0500', '2026-12-07T19:00:00.000Z'],
  ['2026-12-07T11:00:00.000-08:00', '2026-12-07T19:00:00.000Z'],
  ['2026-12-08T00:30:00+05:30', '2026-12-07T19:00:00.000Z'],
  ['2026-11-01T01:30:00-04:00', '2026-11-01T05:30:00.000Z'],
])('reads %s as %s without a word', (text, instant) => {
  expect(read(text)).toEqual({ instant, warnings: [] })
  expect(bearsOffset(text)).toBe(true)
})

it('reads a time without an offset as wall time of the zone, and says so', () => {
  expect(read('2026-07-01T09:00')).toEqual({
    instant: '2026-07-01T13:00:00.000Z',
    warnings: ['start has no offset and was read as wall time of America/New_York.'],
  })
})

it('knows that days and times without an offset mean another instant in another zone', () => {
  for (const text of ['2026-07-01T09:00', '2026-07-01 09:00:00.5', '2026-12-07', 'tomorrow'])
    expect([text, bearsOffset(text)]).toEqual([text, false])
})

it('reads a day as its first instant or its last, also where the day is 23 or 25 hours long', () => {
  expect([read('2026-03-08').instant, read('2026-03-08', 'last').instant]).toEqual([
    '2026-03-08T05:00:00.000Z',
    '2026-03-09T03:59:59.999Z',
  ])
  expect(read('2026-11-01', 'last').instant).toBe('2026-11-02T04:59:59.999Z')
  const saoPaulo = readTime({ name: 'start', text: '2018-11-04', zone: 'America/Sao_Paulo', edge: 'first' })
  expect(saoPaulo.instant).toBe('2018-11-04T03:00:00.000Z')
})

it.each([
  ['2026-03-08T02:30', 'does not exist'],
  ['2026-11-01T01:30', 'comes twice'],
])('refuses the wall time %s, which %s', (text, why) => {
  expect(() => read(text)).toThrow(`Parameter start: this wall time ${why} in America/New_York`)
})

it('draws the ends of time in, so that what is laid beside them is still a text of 24 characters', () => {
  expect(read('0001-01-01T00:00:00+14:00').instant).toBe('0001-01-03T00:00:00.000Z')
  expect(read('0000-06-01T00:00:00Z').instant).toBe('0001-01-03T00:00:00.000Z')
  expect(read('9999-12-31T23:59:59-12:00').instant).toBe('9998-12-29T23:59:59.999Z')
})

it.each([
  'tomorrow',
  '',
  '2026-02-30',
  '2026-13-01T00:00:00Z',
  '2026-12-07T24:00:00Z',
  '2026-12-07T19:60:00Z',
  '2026-12-07T19:00:60Z',
  '2026-12-07T19:00:00+15:00',
  '2026-12-07T19:00:00+00:99',
  '2026-12-07T19:00:0000',
  '20261207T190000Z',
  '1796670000',
])('refuses %s, naming the parameter', (text) => {
  expect(() => read(text)).toThrow('Parameter start is not a datetime')
})

it('knows zones and days from what only looks like them', () => {
  expect(['America/New_York', 'UTC', 'Europe/Berlin'].map(isZone)).toEqual([true, true, true])
  expect(['Mars/Olympus', '+05:00', '', '-08:00', 'America/'].map(isZone)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ])
  expect(['2024-02-29', '2026-02-29', '2026-2-1', '2026-12-07T00:00:00Z'].map(isDay)).toEqual([
    true,
    false,
    false,
    false,
  ])
})

it('reads back every instant in whatever offset it is written', () => {
  const epochMs = fc.integer({ min: 0, max: 4_102_444_800_000 })
  const offset = fc.integer({ min: -56, max: 56 }).map((quarters) => quarters * 15)
  fc.assert(
    fc.property(epochMs, offset, fc.constantFrom(':', ''), (ms, minutes, colon) => {
      const wall = new Date(ms + minutes * 60_000).toISOString().slice(0, -1)
      const size = Math.abs(minutes)
      const [hh, mm] = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, '0'))
      const text = `${wall}${minutes < 0 ? '-' : '+'}${hh}${colon}${mm}`
      expect(read(text)).toEqual({ instant: new Date(ms).toISOString(), warnings: [] })
    }),
  )
})
