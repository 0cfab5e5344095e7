import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FREE_KEPT, freeHalfHours } from '../../src/sandbox/free-time.ts'
import { Practice } from '../../src/sandbox/practice.ts'
import { addDays, dayBounds, dayOf, daysBetween, wallOf, weekdayOf } from '../../src/sandbox/practice-day.ts'
import type { ClosureRow, VisitRow } from '../../src/sandbox/rows.ts'
import { seedPractice } from '../../src/sandbox/seed.ts'

const ZONE = 'America/New_York'
let folder: string
let made = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'practice-seed-'))
})
afterAll(() => rm(folder, { recursive: true }))

function seeded<T>(seed: number, startDays: string[], look: (practice: Practice) => T): T {
  made += 1
  const practice = new Practice(join(folder, `${made}.db`), ZONE)
  try {
    for (const day of startDays) seedPractice(practice, seed, day)
    return look(practice)
  } finally {
    practice.close()
  }
}

function everything(practice: Practice): unknown {
  return ['people', 'visits', 'closures', 'weekly_hours', 'clinicians', 'chairs'].map((table) =>
    practice.all(`select * from ${table} order by id`),
  )
}

function holidays(practice: Practice): string[] {
  return practice
    .all<ClosureRow>(`select * from closures where reason = 'Holiday' and lifted_at is null`)
    .map((row) => dayOf(row.begins, ZONE))
}

/** Every rule for the days from `today` to six weeks on. */
function checkDays(practice: Practice, today: string): void {
  const off = holidays(practice).filter((day) => day >= today)
  expect(off).toHaveLength(1)
  expect(daysBetween(today, off[0] as string)).toBeGreaterThanOrEqual(10)
  for (let ahead = 0; ahead <= 42; ahead += 1) {
    const day = addDays(today, ahead)
    const { begins, finishes } = dayBounds(day, ZONE)
    const visits = practice.all<VisitRow>('select * from visits where begins < ? and finishes > ?', [
      finishes,
      begins,
    ])
    const lunches = practice.all<ClosureRow>(
      `select * from closures where begins < ? and finishes > ? and reason = 'Lunch'`,
      [finishes, begins],
    )
    const weekday = weekdayOf(day)
    const works = weekday <= 6 && day !== off[0]
    expect(visits.length > 0, `visits on ${day}`).toBe(works)
    expect(lunches, `lunches on ${day}`).toHaveLength(works && weekday <= 5 ? 3 : 0)
    for (const lunch of lunches) expect(wallOf(lunch.begins, ZONE)).toBe('12:00')
    const free = freeHalfHours(practice, day, 1, 1).length
    if (works) expect(free, `free half hours on ${day}`).toBeGreaterThanOrEqual(FREE_KEPT)
  }
}

it('makes the same practice from the same seed and day, and another from another seed', () => {
  const one = seeded(7, ['2026-11-22'], everything)
  expect(seeded(7, ['2026-11-22'], everything)).toEqual(one)
  expect(seeded(8, ['2026-11-22'], everything)).not.toEqual(one)
})

it('has the staff, the people and two months of visits that the practice is described by', () => {
  seeded(1, ['2026-11-22'], (practice) => {
    const count = (sql: string) => practice.get<{ n: number }>(`select count(*) as n from ${sql}`)?.n
    expect(count('chairs')).toBe(3)
    expect(count(`clinicians where role = 'dentist'`)).toBe(2)
    expect(count(`clinicians where role = 'hygienist'`)).toBe(1)
    expect(count('people')).toBe(200)
    expect(count('visits')).toBeGreaterThan(400)
    const span = practice.get<{ first: number; last: number }>(
      'select min(begins) as first, max(begins) as last from visits',
    )
    expect(daysBetween(dayOf(span?.first ?? 0, ZONE), '2026-11-22')).toBeGreaterThanOrEqual(12)
    expect(daysBetween('2026-11-22', dayOf(span?.last ?? 0, ZONE))).toBeGreaterThanOrEqual(40)
    const reachable = `people where phone not like '%555-01__' or email not like '%@example.com'`
    expect(count(reachable)).toBe(0)
  })
})

it('keeps free half hours, lunches and a far holiday on every day from any start day of a year', () => {
  // Seven and fifty-two share no factor: 53 starts, seven days and a bit apart, meet every weekday and both clock changes.
  for (let start = 0; start < 53; start += 1) {
    const today = addDays('2026-11-22', start * 7 + (start % 7))
    seeded(start, [today], (practice) => checkDays(practice, today))
  }
})

it('gives an old practice fresh days at each start, however long it was away', () => {
  const starts = [
    '2026-11-22',
    '2026-11-22',
    '2026-11-23',
    '2026-12-04',
    '2026-12-20',
    '2027-03-10',
    '2028-03-10',
  ]
  for (let count = 1; count <= starts.length; count += 1) {
    const today = starts[count - 1] as string
    seeded(3, starts.slice(0, count), (practice) => checkDays(practice, today))
  }
})

it('changes nothing that stands when it starts again on the same day', () => {
  const once = seeded(5, ['2026-11-22'], everything)
  expect(seeded(5, ['2026-11-22', '2026-11-22'], everything)).toEqual(once)
})
