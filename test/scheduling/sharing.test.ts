/** One rule for how many may share a time, held against an oracle that counts heads minute by minute. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Policy, type Sharing, STRICT, type Taker } from '../../src/scheduling/sharing.ts'
import { groupSpans, inTheWayOf, type TakenSpan, takenOf } from '../../src/scheduling/taken.ts'

const SEED = Number(process.env.SLOTS_SEED ?? 20261122)
const RUNS = 3000
const MINUTES = 60

const place = fc.constantFrom(null, 1, 2)
const span = fc
  .record({
    operatory_id: place,
    provider_id: place,
    // Blocks are few, so that counts get high.
    unavailable: fc.integer({ min: 0, max: 7 }).map((roll) => roll === 0),
    location_id: fc.integer({ min: 0, max: 9 }).map((roll) => (roll === 0 ? 2 : 1)),
    start: fc.integer({ min: 0, max: MINUTES - 1 }),
    length: fc.integer({ min: 1, max: 30 }),
  })
  .map(({ start, length, ...rest }) => ({ ...rest, start, end: start + length }))
const spans = fc
  .array(span, { maxLength: 12 })
  .map((all) => all.map((one, at): TakenSpan => ({ ...one, appointment_id: at + 1, hold_id: null })))
const policies: fc.Arbitrary<Policy> = fc.oneof(
  fc.constant<Policy>({ kind: 'strict' }),
  fc.constant<Policy>({ kind: 'open' }),
  fc
    .record({ operatory: fc.integer({ min: 1, max: 4 }), provider: fc.integer({ min: 1, max: 4 }) })
    .map((limit): Policy => ({ kind: 'limit', ...limit })),
)
const sharings: fc.Arbitrary<Sharing> = fc.record({
  policy: policies,
  perSlot: fc.constantFrom(null, null, 1, 2, 3),
})

/** Everything that is going on in a minute, and whether one more may come, said again in plain words. */
function isFree(wanted: Taker, now: TakenSpan[], { policy, perSlot }: Sharing): boolean {
  const here = now.filter((one) => one.location_id === wanted.location_id)
  const placeless = (one: Taker) => one.operatory_id === null && one.provider_id === null
  const rivals = here.filter((one) => {
    if (placeless(one) || placeless(wanted)) return true
    if (one.operatory_id !== null && wanted.operatory_id !== null)
      return one.operatory_id === wanted.operatory_id
    return one.provider_id !== null && one.provider_id === wanted.provider_id
  })
  if (policy.kind === 'strict') return rivals.length === 0
  if (rivals.some((one) => one.unavailable || wanted.unavailable)) return false
  if (policy.kind === 'limit' && rivals.some((one) => placeless(one) || placeless(wanted))) return false
  const inRoom = here.filter((one) => one.operatory_id !== null && one.operatory_id === wanted.operatory_id)
  const withWhom = here.filter((one) => one.provider_id !== null && one.provider_id === wanted.provider_id)
  const slot = perSlot ?? 99
  if ((wanted.operatory_id === null ? withWhom : inRoom).length + 1 > slot && !placeless(wanted)) return false
  if (policy.kind === 'open') return true
  return inRoom.length + 1 <= policy.operatory && withWhom.length + 1 <= policy.provider
}

const at = (minute: number, all: TakenSpan[]) => all.filter((one) => one.start <= minute && minute < one.end)

describe(`how many may share a time (seed ${SEED})`, () => {
  it('agrees with the oracle for slots, minute by minute', () => {
    let [free, full] = [0, 0]
    fc.assert(
      fc.property(spans, sharings, place, place, (all, sharing, operatory_id, provider_id) => {
        const wanted = { location_id: 1, operatory_id, provider_id, unavailable: false }
        const { starts, ends } = takenOf(groupSpans(all), sharing)(wanted)
        for (const [n, start] of starts.entries()) {
          expect(start).toBeLessThan(ends[n] ?? 0)
          if (n > 0) expect(start).toBeGreaterThan(ends[n - 1] ?? Infinity)
        }
        for (let minute = 0; minute < 2 * MINUTES; minute++) {
          const isFull = starts.some((start, n) => start <= minute && minute < (ends[n] ?? 0))
          const expected = isFree(wanted, at(minute, all), sharing)
          if (expected === isFull) throw new Error(`minute ${minute} should be ${expected ? 'free' : 'full'}`)
          expected ? free++ : full++
        }
      }),
      { seed: SEED, numRuns: RUNS },
    )
    expect(Math.min(free, full)).toBeGreaterThan(10_000)
  })

  it('agrees with the oracle for bookings and blocks, and names rows that are there', () => {
    let [free, full] = [0, 0]
    fc.assert(
      fc.property(spans, sharings, span, (all, sharing, wanted) => {
        const rows = inTheWayOf(wanted, all, sharing)
        const minutes = Array.from({ length: wanted.end - wanted.start }, (_, n) => wanted.start + n)
        const expected = minutes.every((minute) => isFree(wanted, at(minute, all), sharing))
        expect(rows.length === 0).toBe(expected)
        for (const row of rows) expect(row.start < wanted.end && wanted.start < row.end).toBe(true)
        // Without those that are named, it may be taken.
        const left = all.filter((one) => !rows.includes(one))
        expect(inTheWayOf(wanted, left, sharing)).toEqual([])
        expected ? free++ : full++
      }),
      { seed: SEED, numRuns: RUNS },
    )
    expect(Math.min(free, full)).toBeGreaterThan(200)
  })

  it('never lets a count be passed at any instant, whoever comes and in whatever order', () => {
    fc.assert(
      fc.property(fc.array(span, { maxLength: 25 }), policies, (coming, policy) => {
        const sharing = { policy, perSlot: null }
        const there: TakenSpan[] = []
        for (const one of coming)
          if (inTheWayOf(one, there, sharing).length === 0)
            there.push({ ...one, appointment_id: there.length, hold_id: null })
        for (let minute = 0; minute < 2 * MINUTES; minute++) {
          const now = at(minute, there).filter((one) => one.location_id === 1)
          for (const id of [1, 2]) {
            const room = now.filter((one) => one.operatory_id === id)
            const person = now.filter((one) => one.provider_id === id)
            const [rooms, people] =
              policy.kind === 'limit'
                ? [policy.operatory, policy.provider]
                : [policy.kind === 'strict' ? 1 : Infinity, Infinity]
            const alone = room.some((one) => one.unavailable) ? 1 : Infinity
            if (room.length > Math.min(rooms, alone) || person.length > people)
              throw new Error(`too many at minute ${minute}`)
          }
        }
      }),
      { seed: SEED, numRuns: 1000 },
    )
  })
})

describe('a limit', () => {
  const row = (start: number, end: number, more: Partial<TakenSpan> = {}): TakenSpan => ({
    location_id: 1,
    operatory_id: 1,
    provider_id: 1,
    unavailable: false,
    appointment_id: start,
    hold_id: null,
    start,
    end,
    ...more,
  })
  const two: Sharing = { policy: { kind: 'limit', operatory: 2, provider: 9 }, perSlot: null }

  it('counts who is there at one instant, not who overlaps: one after the other is one at a time', () => {
    const queue = [row(0, 10), row(10, 20), row(20, 30), row(30, 40)]
    expect(inTheWayOf(row(0, 40), queue, two)).toEqual([])
    expect(inTheWayOf(row(0, 40), queue, STRICT)).toHaveLength(4)
    const doubled = [...queue, row(15, 25, { appointment_id: 99 })]
    // Only those of the instants that are full.
    expect(inTheWayOf(row(0, 40), doubled, two).map((one) => one.appointment_id)).toEqual([10, 20, 99])
  })

  it('of a provider counts them wherever they are, which strict does not', () => {
    const one: Sharing = { policy: { kind: 'limit', operatory: 9, provider: 1 }, perSlot: null }
    const elsewhere = [row(0, 10, { operatory_id: 2 })]
    expect(inTheWayOf(row(0, 10), elsewhere, one)).toEqual(elsewhere)
    expect(inTheWayOf(row(0, 10), elsewhere, STRICT)).toEqual([])
  })

  it('lets nobody share with a block, and neither does open', () => {
    const block = [row(0, 10, { unavailable: true })]
    expect(inTheWayOf(row(5, 15), block, two)).toEqual(block)
    expect(inTheWayOf(row(5, 15), block, { policy: { kind: 'open' }, perSlot: null })).toEqual(block)
    expect(inTheWayOf(row(5, 15, { unavailable: true }), [row(0, 10)], two)).toHaveLength(1)
  })
})
