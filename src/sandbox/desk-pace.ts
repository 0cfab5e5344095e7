/**
 * The front desk at work by itself: one act at each beat, picked by dice from the seed and the number of the act. It
 * never books over anything and always leaves free half hours, and by default keeps its hands off what programs made.
 */
import { changeVisit } from './change-visit.ts'
import { DESK, deskBlock, deskBook, deskMark, deskMove, deskUnblock } from './desk.ts'
import { FREE_KEPT, freeHalfHours } from './free-time.ts'
import { BLOCK_REASONS, LAST_NAMES } from './made-up.ts'
import { changePerson } from './people.ts'
import type { Practice } from './practice.ts'
import { addDays, dayOf } from './practice-day.ts'
import { type Dice, dice } from './random.ts'
import { Refusal } from './refusal.ts'

/** Whether the desk by itself also confirms, moves and cancels what came by the interface. */
export type Touches = 'own' | 'all'

const HALF_HOUR_MS = 30 * 60_000
const DAYS_AHEAD = 14
const DAYS_AHEAD_MS = DAYS_AHEAD * 24 * 3_600_000
const CHAIRS = 3

interface Desk {
  practice: Practice
  throws: Dice
  touches: Touches
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** A visit that lies ahead and stands, or undefined where there is none. */
function pickVisit(desk: Desk, condition: string, aheadMs = DAYS_AHEAD_MS): string | undefined {
  const now = desk.practice.now()
  const rows = desk.practice.all<{ id: number }>(
    `select id from visits where begins > ? and begins < ? and cancelled_at is null and missed_at is null
       and (? = 'all' or entered_by <> 'interface') and ${condition} order by begins, id`,
    [now - 8 * 3_600_000, now + aheadMs, desk.touches],
  )
  return rows.length === 0 ? undefined : String(desk.throws.pick(rows).id)
}

/** A free half hour on a day that keeps enough of them afterwards. */
function pickTime(desk: Desk): { chair: number; begins: number } | undefined {
  const today = dayOf(desk.practice.now(), desk.practice.zone)
  for (let tried = 0; tried < 10; tried += 1) {
    const day = addDays(today, 1 + desk.throws.below(DAYS_AHEAD))
    const chair = 1 + desk.throws.below(CHAIRS)
    if (new Date(`${day}T00:00:00Z`).getUTCDay() === 0) continue
    const free = freeHalfHours(desk.practice, day, chair, chair)
    if (free.length > FREE_KEPT) return { chair, begins: desk.throws.pick(free) }
  }
  return undefined
}

function book(desk: Desk): boolean {
  const time = pickTime(desk)
  if (time === undefined) return false
  const people = desk.practice.all<{ id: number }>('select id from people where active = 1 order by id')
  deskBook(desk.practice, {
    person_id: String(desk.throws.pick(people).id),
    chair_id: String(time.chair),
    begins: iso(time.begins),
    minutes: 30,
  })
  return true
}

function move(desk: Desk): boolean {
  const visit = pickVisit(desk, 'arrived_at is null')
  const time = pickTime(desk)
  if (visit === undefined || time === undefined) return false
  deskMove(desk.practice, {
    visit_id: visit,
    begins: iso(time.begins),
    minutes: HALF_HOUR_MS / 60_000,
    chair_id: String(time.chair),
    clinician_id: String(time.chair),
  })
  return true
}

function mark(
  desk: Desk,
  act: 'cancel' | 'confirm' | 'arrive',
  condition: string,
  aheadMs?: number,
): boolean {
  const visit = pickVisit(desk, condition, aheadMs)
  if (visit === undefined) return false
  deskMark(desk.practice, act, { visit_id: visit })
  return true
}

function leave(desk: Desk): boolean {
  const visit = pickVisit(desk, 'arrived_at is not null and left_at is null')
  if (visit === undefined) return false
  changeVisit(desk.practice, DESK, Number(visit), { left_at: iso(desk.practice.now()) })
  return true
}

function block(desk: Desk): boolean {
  const time = pickTime(desk)
  if (time === undefined) return false
  deskBlock(desk.practice, {
    chair_id: String(time.chair),
    begins: iso(time.begins),
    minutes: 30,
    reason: desk.throws.pick(BLOCK_REASONS),
  })
  return true
}

function unblock(desk: Desk): boolean {
  const rows = desk.practice.all<{ id: number }>(
    `select id from closures where entered_by = 'desk' and begins > ? and lifted_at is null order by id`,
    [desk.practice.now()],
  )
  if (rows.length === 0) return false
  deskUnblock(desk.practice, { closure_id: String(desk.throws.pick(rows).id) })
  return true
}

function rename(desk: Desk): boolean {
  const people = desk.practice.all<{ id: number }>(
    `select id from people where ? = 'all' or external_reference is null order by id`,
    [desk.touches],
  )
  changePerson(desk.practice, DESK, desk.throws.pick(people).id, { last_name: desk.throws.pick(LAST_NAMES) })
  return true
}

/** Each act with its share in a hundred. */
const ACTS: [number, string, (desk: Desk) => boolean][] = [
  [28, 'book', book],
  [14, 'move', move],
  [12, 'cancel', (desk) => mark(desk, 'cancel', 'arrived_at is null')],
  [22, 'confirm', (desk) => mark(desk, 'confirm', 'confirmed_at is null')],
  [6, 'arrive', (desk) => mark(desk, 'arrive', 'arrived_at is null', HALF_HOUR_MS)],
  [4, 'leave', leave],
  [6, 'block', block],
  [5, 'unblock', unblock],
  [3, 'rename', rename],
]

/** Does the next act and answers its name, `none` where nothing fitted. */
export function actOnce(practice: Practice, touches: Touches): string {
  return practice.transaction(() => {
    const number = practice.count('desk_acts')
    const throws = dice(practice.setting('seed') ?? '', 'desk', number)
    let thrown = throws.below(100)
    const act = ACTS.find(([share]) => {
      thrown -= share
      return thrown < 0
    })
    if (act === undefined) return 'none'
    try {
      return act[2]({ practice, throws, touches }) ? act[1] : 'none'
    } catch (error) {
      // Someone holds the time or the row changed its state; a person at a desk shrugs and goes on.
      if (error instanceof Refusal) return 'none'
      throw error
    }
  })
}

/** Acts every `seconds` until told to stop. */
export function startPace(practice: Practice, seconds: number, touches: Touches): () => void {
  const timer = setInterval(() => actOnce(practice, touches), seconds * 1000)
  return () => clearInterval(timer)
}
