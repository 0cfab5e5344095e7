import { describe, expect, it } from 'vitest'
import type { Slot } from '../../../src/connectors/fhir/resources.ts'
import { freeing, planSlots, type Wanted } from '../../../src/connectors/fhir/slot-plan.ts'

/** Minutes past 14:00 in UTC. */
const at = (minute: number) => new Date(Date.UTC(2026, 11, 7, 14, minute)).toISOString()

function slot(id: string, from: number, to: number, status = 'free'): Slot {
  const schedule = { reference: 'Schedule/s' }
  return {
    resourceType: 'Slot',
    id,
    meta: { versionId: '4' },
    schedule,
    status,
    start: at(from),
    end: at(to),
  }
}

function plan(slots: Slot[], part: Partial<Wanted> = {}, offers = true) {
  const wanted = {
    start: at(0),
    end: at(60),
    overbook: false,
    mustBeOffered: false,
    own: new Set<string>(),
    cuts: true,
  }
  return planSlots(
    slots.map((one) => ({ slot: one, offers })),
    { ...wanted, ...part },
  )
}

const requests = (result: ReturnType<typeof plan>) =>
  result.kind === 'taken' ? 'taken' : result.entries.map(({ request }) => request)
const put = (id: string) => ({ method: 'PUT', url: `Slot/${id}`, ifMatch: 'W/"4"' })

describe('the slots of a time', () => {
  it('are those that overlap it, each under its version, and no neighbour', () => {
    const slots = [slot('before', -30, 0), slot('b', 30, 60), slot('a', 0, 30), slot('after', 60, 90)]
    expect(requests(plan(slots))).toEqual([put('a'), put('b')])
    expect(plan(slots)).toMatchObject({ slots: ['a', 'b'] })
  })

  it.each(['busy', 'busy-unavailable', 'busy-tentative'])('are taken where one is %s', (status) => {
    const slots = [slot('a', 0, 30), slot('b', 30, 60, status)]
    expect(requests(plan(slots))).toBe('taken')
    expect(requests(plan(slots, { overbook: true }))).toEqual([put('a')])
    expect(requests(plan(slots, { own: new Set(['b']) }))).toEqual([put('a')])
  })

  it('must offer all of it where everyone books by them, without a gap', () => {
    const mustBeOffered = true
    expect(requests(plan([slot('a', 0, 30), slot('b', 30, 60)], { mustBeOffered }))).toEqual([
      put('a'),
      put('b'),
    ])
    expect(requests(plan([slot('a', 0, 30)], { mustBeOffered }))).toBe('taken')
    expect(requests(plan([slot('a', 0, 20), slot('b', 30, 60)], { mustBeOffered }))).toBe('taken')
    expect(requests(plan([slot('a', 0, 60)], { mustBeOffered }, false))).toBe('taken')
    expect(requests(plan([], { mustBeOffered }))).toBe('taken')
    expect(requests(plan([]))).toEqual([])
  })

  it('are cut where they stick out, or taken whole where none may be created', () => {
    const long = { ...slot('a', -60, 90), serviceType: [{ text: 'Any' }], identifier: [{ value: 'x' }] }
    const result = plan([long])
    expect(result.kind === 'take' && result.entries.map(({ resource }) => resource)).toMatchObject([
      { id: 'a', start: at(0), end: at(60), status: 'busy', identifier: [{ value: 'x' }] },
      { start: at(-60), end: at(0), status: 'free', serviceType: [{ text: 'Any' }] },
      { start: at(60), end: at(90), status: 'free' },
    ])
    const [, rest] = result.kind === 'take' ? result.entries : []
    for (const name of ['id', 'meta', 'identifier']) expect(rest?.resource).not.toHaveProperty(name)
    expect(requests(plan([long], { cuts: false }))).toEqual([put('a')])
  })

  it('that bear no version are left alone: they cannot be compared and set', () => {
    const { meta: _, ...bare } = slot('a', 0, 60)
    expect(requests(plan([bare]))).toEqual([])
    expect(requests(plan([bare], { mustBeOffered: true }))).toBe('taken')
  })

  it('are let go only where they are held', () => {
    expect(freeing(slot('a', 0, 30, 'busy'))).toMatchObject([
      { resource: { status: 'free' }, request: put('a') },
    ])
    expect(freeing(slot('a', 0, 30, 'busy-unavailable'))).toEqual([])
    expect(freeing(slot('a', 0, 30))).toEqual([])
  })
})
