/** Fills one day of the practice: lunches, or a holiday, and visits; the same for the same seed and day. */
import { storeClosure } from './closures.ts'
import { FREE_KEPT, freeHalfHours } from './free-time.ts'
import { inTheWay } from './in-the-way.ts'
import { REMARKS } from './made-up.ts'
import type { Actor, Practice } from './practice.ts'
import { dayBounds, wallToMs, weekdayOf } from './practice-day.ts'
import { type Dice, dice } from './random.ts'
import { LUNCH_BEGINS, LUNCH_FINISHES, USUAL_CODE } from './seed-directory.ts'
import { PEOPLE } from './seed-people.ts'
import { storeVisit, type VisitDraft } from './visits.ts'

const SEED: Actor = { by: 'seed', reference: null }
const HALF_HOUR_MS = 30 * 60_000
const DAY_MS = 24 * 3_600_000

/** How many visits are tried in each chair on a weekday; Saturdays get half. What does not fit is left out. */
const TRIED = [5, 8, 7] as const
/** The kinds (by id) that each chair's clinician does. */
const KINDS_DONE = [[1, 3, 5], [1, 3, 4], [2]] as const
const MINUTES = [30, 60, 60, 90, 30] as const

type Marks = NonNullable<VisitDraft['marks']>

interface Filling {
  seed: number
  day: string
  /** Midnight of the day on which the seeding happens, epoch milliseconds: earlier days are over. */
  today: number
}

export function seedHoliday(practice: Practice, day: string, enteredAt: number): void {
  const bounds = dayBounds(day, practice.zone)
  const draft = { chair: null, clinician: null, ...bounds, reason: 'Holiday', reference: null }
  storeClosure(practice, SEED, draft, enteredAt)
}

/** Lunch in every chair, Monday to Friday. */
function seedLunches(practice: Practice, filling: Filling): void {
  if (weekdayOf(filling.day) > 5) return
  const begins = wallToMs(filling.day, LUNCH_BEGINS, practice.zone)
  const finishes = wallToMs(filling.day, LUNCH_FINISHES, practice.zone)
  for (const chair of [1, 2, 3]) {
    const draft = { chair, clinician: null, begins, finishes, reason: 'Lunch', reference: null }
    if (inTheWay(practice, draft).length === 0) {
      storeClosure(practice, SEED, draft, Math.min(begins, filling.today) - 30 * DAY_MS)
    }
  }
}

/** What became of a visit: the past mostly came and went, the near future is partly confirmed. */
function fate(draft: Omit<VisitDraft, 'marks'>, enteredAt: number, today: number, throws: Dice): Marks {
  const past = draft.finishes <= today
  const soon = draft.begins < today + 7 * DAY_MS
  const thrown = throws.below(100)
  const halfDayOn = enteredAt + DAY_MS / 2
  if (thrown < 6) return { cancelled_at: halfDayOn }
  if (past && thrown < 12) return { missed_at: draft.finishes }
  if (past) {
    const arrived = draft.begins - 5 * 60_000
    return { confirmed_at: halfDayOn, arrived_at: arrived, left_at: draft.finishes }
  }
  return soon && thrown < 60 ? { confirmed_at: halfDayOn } : {}
}

function seedVisit(practice: Practice, filling: Filling, chair: number, throws: Dice): void {
  const kind = throws.pick(KINDS_DONE[chair - 1] ?? [1])
  const length = (MINUTES[kind - 1] ?? 30) * 60_000
  const free = freeHalfHours(practice, filling.day, chair, chair)
  const person = 1 + throws.below(PEOPLE)
  const leadDays = 1 + throws.below(30)
  const remark = throws.chance(0.15) ? throws.pick(REMARKS) : null
  // The throws above are made in any case, so that a day's plan does not depend on what already stands there.
  const fits = free.filter((begins) =>
    Array.from({ length: length / HALF_HOUR_MS }, (_, at) => begins + at * HALF_HOUR_MS).every((part) =>
      free.includes(part),
    ),
  )
  if (fits.length === 0 || free.length - length / HALF_HOUR_MS < FREE_KEPT) return
  const begins = throws.pick(fits)
  const code = USUAL_CODE[kind - 1]
  const draft = {
    person,
    clinician: chair,
    chair,
    kind,
    codes: code === undefined ? [] : [code],
    begins,
    finishes: begins + length,
    remark,
    reference: null,
  }
  const enteredAt = Math.min(begins, filling.today) - leadDays * DAY_MS
  const marks = fate(draft, enteredAt, filling.today, throws)
  storeVisit(practice, SEED, { ...draft, marks }, enteredAt)
}

/** Fills a day that is no holiday; Sundays stay empty. Never books over what already stands there. */
export function seedDay(practice: Practice, filling: Filling): void {
  const weekday = weekdayOf(filling.day)
  if (weekday === 7) return
  seedLunches(practice, filling)
  for (const chair of [1, 2, 3]) {
    const throws = dice(filling.seed, 'day', filling.day, chair)
    const most = TRIED[chair - 1] ?? 0
    const tried = weekday === 6 ? Math.ceil(most / 2) : most
    for (let number = 0; number < tried; number += 1) seedVisit(practice, filling, chair, throws)
  }
}
