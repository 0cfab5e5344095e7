import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FREE_KEPT, freeHalfHours } from '../../src/sandbox/free-time.ts'
import { Practice } from '../../src/sandbox/practice.ts'
import { addDays, dayOf, weekdayOf } from '../../src/sandbox/practice-day.ts'
import { booking, type Json, openPractice, type TestPractice } from './practice-under-test.ts'

let practice: TestPractice
beforeAll(async () => {
  practice = await openPractice()
})
afterAll(() => practice[Symbol.asyncDispose]())

const desk = (act: string, body: unknown = {}) => practice.call('POST', `/desk/${act}`, body)

describe('by hand', () => {
  it('books into the next free half hour where it is told nothing', async () => {
    const [one, two] = [await desk('book'), await desk('book')]
    expect(one.json.visit).toMatchObject({ chair_id: '1', clinician_id: '1', entered_by: 'desk' })
    expect(two.json.visit.begins > one.json.visit.begins).toBe(true)
  })

  it('moves with the visit’s own length, cancels, confirms, lets arrive, deletes', async () => {
    const { visit } = (await desk('book', booking(1))).json
    const visit_id = visit.visit_id
    const moved = await desk('move', { visit_id, begins: '2027-06-01T05:00:00.000Z', chair_id: '2' })
    expect(moved.json.visit).toMatchObject({ finishes: '2027-06-01T05:30:00.000Z', chair_id: '2' })
    expect((await desk('confirm', { visit_id })).json.visit.state).toBe('confirmed')
    expect((await desk('arrive', { visit_id })).json.visit.state).toBe('arrived')
    expect((await desk('cancel', { visit_id })).json.visit.state).toBe('cancelled')
    expect((await desk('delete', { visit_id })).json).toEqual({ deleted: visit_id })
    expect((await practice.call('GET', `/visits/${visit_id}`)).status).toBe(404)
  })

  it('lays one file into another, takes it back, and lays none into itself', async () => {
    const merged = await desk('merge', { person_id: '3', into: '4' })
    expect(merged.json.person).toMatchObject({ person_id: '3', merged_into: '4', version: 2 })
    expect((await desk('merge', { person_id: '3' })).json.person).toMatchObject({
      merged_into: null,
      version: 3,
    })
    expect((await desk('merge', { person_id: '3', into: '3' })).status).toBe(422)
    expect((await desk('merge', { person_id: '3', into: '999999' })).status).toBe(404)
  })

  it('books over another only with overbook', async () => {
    await desk('book', booking(2))
    expect((await desk('book', booking(2))).status).toBe(409)
    expect((await desk('book', booking(2, { overbook: true }))).status).toBe(200)
  })

  it('blocks and unblocks', async () => {
    const { begins } = booking(3)
    const { closure } = (await desk('block', { chair_id: '1', begins, minutes: 45, reason: 'Repair' })).json
    expect(closure.finishes).toBe('2027-06-01T03:45:00.000Z')
    expect((await desk('block', { begins })).status).toBe(422)
    await desk('unblock', { closure_id: closure.closure_id })
    expect((await practice.call('GET', `/closures/${closure.closure_id}`)).status).toBe(404)
  })

  it('renames, and finds the person by the new name', async () => {
    await desk('rename', { person_id: '9', last_name: 'Øresund' })
    const found = await practice.call('POST', '/people/search', { last_name: 'øresund' })
    expect(found.json.people).toMatchObject([{ person_id: '9', version: 2 }])
  })

  it('lists a day with names and closures', async () => {
    const { json } = await practice.call('GET', '/desk/list?day=2026-11-23')
    expect(json.closures.filter((row: Json) => row.reason === 'Lunch')).toHaveLength(3)
    expect(json.visits[0].person).toMatch(/^\S+ \S+/)
  })
})

/** Free half hours of the fullest chair on any working day of the two weeks in which the desk acts. */
function fewestFree(file: string): number {
  const practice = new Practice(file, 'America/New_York')
  const days = Array.from({ length: 14 }, (_, at) => addDays('2026-11-24', at))
  const holidays = practice
    .all<{ begins: number }>(`select begins from closures where reason = 'Holiday'`)
    .map((row) => dayOf(row.begins, practice.zone))
  const open = days.filter((day) => weekdayOf(day) <= 6 && !holidays.includes(day))
  const counts = open.flatMap((day) =>
    [1, 2, 3].map((chair) => freeHalfHours(practice, day, chair, chair).length),
  )
  practice.close()
  return Math.min(...counts)
}

describe('by itself', () => {
  it('acts the same from the same seed, does every kind of act, and never overlaps anything', async () => {
    // Shifted so that the day of the seed is today by the practice's clock.
    const clockOffsetMs = Date.parse('2026-11-23T15:00:00Z') - Date.now()
    const acts: string[][] = [[], []]
    for (const list of acts) {
      await using own = await openPractice({ seed: 4, clockOffsetMs })
      for (let number = 0; number < 250; number += 1) {
        list.push((await own.call('POST', '/desk/act')).json.act)
      }
      const { json } = await own.call(
        'GET',
        '/schedule?from=2026-11-01T00:00:00Z&to=2027-02-01T00:00:00Z&limit=1000',
      )
      const live = json.visits.filter((row: Json) => row.cancelled_at === null && row.missed_at === null)
      const byChair = new Map<string, Json[]>()
      for (const row of live) byChair.set(row.chair_id, [...(byChair.get(row.chair_id) ?? []), row])
      for (const rows of byChair.values()) {
        rows.sort((one, other) => (one.begins < other.begins ? -1 : 1))
        rows.slice(1).forEach((row, at) => {
          expect(row.begins >= rows[at].finishes).toBe(true)
        })
      }
      expect(fewestFree(own.file)).toBeGreaterThanOrEqual(FREE_KEPT)
    }
    expect(acts[0]).toEqual(acts[1])
    const kinds = ['arrive', 'block', 'book', 'cancel', 'confirm', 'leave', 'move', 'rename', 'unblock']
    expect([...new Set(acts[0])].sort().filter((act) => act !== 'none')).toEqual(kinds)
  })

  it('keeps its hands off visits that came by the interface', async () => {
    await using own = await openPractice({ seed: 4 })
    const people = [{ first_name: 'Ada', last_name: 'Fernhill', external_reference: 'p1' }]
    const at = new Date(Math.ceil((Date.now() + 3_600_000) / 300_000) * 300_000)
    const { visit } = (
      await own.call('POST', '/visits', {
        person: people[0],
        clinician_id: '1',
        chair_id: '1',
        begins: at.toISOString(),
        finishes: new Date(at.getTime() + 300_000).toISOString(),
        overbook: true,
      })
    ).json
    for (let number = 0; number < 200; number += 1) await own.call('POST', '/desk/act')
    expect((await own.call('GET', `/visits/${visit.visit_id}`)).json.visit).toEqual(visit)
  })

  it('acts at its pace without being asked', async () => {
    await using own = await openPractice({ deskSeconds: 0.01 })
    const start = (await own.call('GET', '/status')).json.marks.journal
    for (;;) {
      const { marks } = (await own.call('GET', '/status')).json
      if (marks.journal > start + 5) break
    }
    const { entries } = (await own.call('GET', `/journal?after=${start}`)).json
    expect(entries.every((entry: Json) => entry.by === 'desk')).toBe(true)
  })
})
