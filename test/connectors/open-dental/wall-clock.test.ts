import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openWallClock, readDate } from '../../../src/connectors/open-dental/wall-clock.ts'

const newYork = openWallClock('America/New_York')

describe('a wall clock', () => {
  it('reads by the offset in force that day', () => {
    expect(newYork.read('2026-07-01 09:30:00')).toEqual({
      instant: '2026-07-01T13:30:00.000Z',
      doubtful: null,
    })
    expect(newYork.read('2026-12-01 09:30:00')?.instant).toBe('2026-12-01T14:30:00.000Z')
    expect(openWallClock('America/Denver').read('2026-12-01 09:30:00')?.instant).toBe(
      '2026-12-01T16:30:00.000Z',
    )
  })

  it('takes the first of an hour that comes twice, and says so', () => {
    expect(newYork.read('2026-11-01 01:30:00')).toEqual({
      instant: '2026-11-01T05:30:00.000Z',
      doubtful: 'twice',
    })
    expect(newYork.read('2026-11-01 02:00:00')).toEqual({
      instant: '2026-11-01T07:00:00.000Z',
      doubtful: null,
    })
  })

  it('takes the hour after for one that never comes, and says so', () => {
    expect(newYork.read('2026-03-08 02:30:00')).toEqual({
      instant: '2026-03-08T07:30:00.000Z',
      doubtful: 'never',
    })
  })

  it('does not write the second of an hour that comes twice', () => {
    expect(newYork.write('2026-11-01T05:30:00.000Z')).toBe('2026-11-01 01:30:00')
    expect(newYork.write('2026-11-01T06:30:00.000Z')).toBeNull()
  })

  it.each(['0001-01-01 00:00:00', '0000-00-00 00:00:00', '2026-02-30 09:00:00', '', 'tomorrow'])(
    'reads no time in %j',
    (text) => {
      expect(newYork.read(text)).toBeNull()
    },
  )

  it('reads back every instant that it writes', () => {
    const seed = Date.now() % 100_000
    const minute = fc.integer({ min: Date.UTC(2020, 0) / 60_000, max: Date.UTC(2032, 0) / 60_000 })
    const zone = fc.constantFrom('America/New_York', 'Europe/London', 'Australia/Lord_Howe', 'Asia/Kathmandu')
    fc.assert(
      fc.property(minute, zone, (at, name) => {
        const instant = new Date(at * 60_000).toISOString()
        const clock = openWallClock(name)
        const text = clock.write(instant)
        if (text === null) expect(clock.read(clock.show(instant))?.doubtful).toBe('twice')
        else expect(clock.read(text)?.instant).toBe(instant)
      }),
      { seed, verbose: true },
    )
  })

  it('knows the first instant of a day', () => {
    expect(newYork.startOfDay('2026-11-02')).toBe('2026-11-02T05:00:00.000Z')
  })
})

it('a date that means none is none', () => {
  expect([readDate('0001-01-01'), readDate(null), readDate('1979-03-02')]).toEqual([null, null, '1979-03-02'])
})
