import { describe, expect, it } from 'vitest'
import { nextAttempt, PAUSE_AFTER_MS, RETRIES_MS } from '../../src/webhooks/schedule.ts'

const FIRST = Date.parse('2026-11-22T16:00:00Z')
const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe('the schedule of retries', () => {
  it('is counted from the first attempt', () => {
    const times: number[] = []
    let now = FIRST
    for (let tries = 1; ; tries += 1) {
      const next = nextAttempt(FIRST, tries, now, 0)
      if (next === null) break
      times.push(next - FIRST)
      now = next
    }
    expect(times).toEqual([
      0.5 * MINUTE,
      1.5 * MINUTE,
      3.5 * MINUTE,
      10 * MINUTE,
      30 * MINUTE,
      2 * HOUR,
      5 * HOUR,
      10 * HOUR,
      24 * HOUR,
      48 * HOUR,
    ])
  })

  it('adds a tenth at most, and never comes early', () => {
    for (const [at, after] of RETRIES_MS.entries()) {
      const early = nextAttempt(FIRST, at + 1, FIRST, 0) ?? 0
      const late = nextAttempt(FIRST, at + 1, FIRST, 0.999999) ?? 0
      expect(early - FIRST).toBe(after)
      expect(late - FIRST).toBeLessThanOrEqual(after * 1.1)
      expect(late).toBeGreaterThan(early)
    }
  })

  it('does not make up for a time when we were down ourselves in one burst', () => {
    const now = FIRST + 20 * HOUR
    expect(nextAttempt(FIRST, 2, now, 0)).toBe(now + 30_000)
  })

  it('lets nothing die before 48 hours have passed', () => {
    expect(nextAttempt(FIRST, RETRIES_MS.length, FIRST, 0)).toBe(FIRST + PAUSE_AFTER_MS)
    expect(nextAttempt(FIRST, RETRIES_MS.length + 1, FIRST, 0)).toBeNull()
  })
})
