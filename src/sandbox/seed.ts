/**
 * The practice that every seed tells: made once, and at each later start given the days that have come since, so that
 * from today to six weeks on it is always a practice at work.
 */
import { deleteClosure } from './closures.ts'
import type { Practice } from './practice.ts'
import { addDays, dayBounds, dayOf, daysBetween, wallToMs, weekdayOf } from './practice-day.ts'
import { dice } from './random.ts'
import { seedDay, seedHoliday } from './seed-days.ts'
import { seedDirectory } from './seed-directory.ts'
import { seedPeople } from './seed-people.ts'

const DAYS_BACK = 14
const DAYS_ON = 42
/** The holiday lies at least this many days ahead at every start, so that whoever tries things out never meets it. */
const HOLIDAY_DAYS = 10
const DAY_MS = 24 * 3_600_000

interface ClosureSpan {
  id: number
  begins: number
}

interface Holidays {
  kept: string
  /** Days that are no holiday any more, and are worked like any other. */
  freed: string[]
}

/** Holidays that lie ahead, soonest first. */
function holidaysAhead(practice: Practice, now: number): ClosureSpan[] {
  return practice.all<ClosureSpan>(
    `select id, begins from closures
     where entered_by = 'seed' and reason = 'Holiday' and lifted_at is null and finishes > ? order by begins`,
    [now],
  )
}

/** A weekday without visits, `HOLIDAY_DAYS` ahead or more. */
function pickHoliday(practice: Practice, seed: number, today: string): string {
  let day = addDays(today, HOLIDAY_DAYS + dice(seed, 'holiday', today).below(10))
  for (;;) {
    const { begins, finishes } = dayBounds(day, practice.zone)
    const sql = 'select 1 from visits where begins < ? and finishes > ? limit 1'
    const taken = practice.get(sql, [finishes, begins]) !== undefined
    if (weekdayOf(day) <= 5 && !taken) return day
    day = addDays(day, 1)
  }
}

/**
 * Keeps one holiday ahead, `HOLIDAY_DAYS` days away or more. One that has come nearer is put off: taken out, and a
 * later day, not yet filled, chosen instead.
 */
function keepHoliday(practice: Practice, seed: number, today: string, midnight: number): Holidays {
  let kept: string | null = null
  const freed: string[] = []
  for (const closure of holidaysAhead(practice, midnight)) {
    const day = dayOf(closure.begins, practice.zone)
    if (daysBetween(today, day) >= HOLIDAY_DAYS) kept = day
    else {
      deleteClosure(practice, { by: 'seed', reference: null }, closure.id)
      freed.push(day)
    }
  }
  if (kept !== null) return { kept, freed }
  const day = pickHoliday(practice, seed, today)
  seedHoliday(practice, day, midnight - 60 * DAY_MS)
  return { kept: day, freed }
}

/**
 * Makes or refreshes the practice in one transaction; nothing already there is changed but a holiday too near.
 * @param seed tells everything; kept in the database, so that a later start goes on with the same
 * @param startDay today by the practice's clock where null
 */
export function seedPractice(practice: Practice, seed: number, startDay: string | null): void {
  practice.transaction(() => {
    const today = startDay ?? dayOf(practice.now(), practice.zone)
    const midnight = wallToMs(today, '00:00', practice.zone)
    const filledThrough = practice.setting('filled_through')
    if (filledThrough === null) {
      practice.setSetting('seed', String(seed))
      seedDirectory(practice)
      seedPeople(practice, seed, today, midnight - 400 * DAY_MS)
    }
    const rooted = Number(practice.setting('seed'))
    const holidays = keepHoliday(practice, rooted, today, midnight)
    const fill = (day: string): void => seedDay(practice, { seed: rooted, day, today: midnight })
    for (const day of holidays.freed) fill(day)
    const oldest = addDays(today, -DAYS_BACK)
    const next = filledThrough === null ? oldest : addDays(filledThrough, 1)
    const last = addDays(today, DAYS_ON)
    // After a long absence the days in between stay empty: nobody was there.
    let day = daysBetween(oldest, next) < 0 ? oldest : next
    for (; daysBetween(day, last) >= 0; day = addDays(day, 1)) {
      if (day !== holidays.kept) fill(day)
    }
    const furthest = filledThrough !== null && daysBetween(last, filledThrough) > 0 ? filledThrough : last
    practice.setSetting('filled_through', furthest)
  })
}
