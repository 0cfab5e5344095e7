/** Working hours on a calendar: which stretch of time a rule gives on a day, in the location's zone. */
import { WEEKDAYS } from '../model/records.ts'
import { type Instant, type LocalDate, minutes, toMs } from '../model/time.ts'
import { addMonths, DAY_MS, type DayNumber, monthsBetween, toDay, weekdayOf } from './calendar.ts'
import { openZone, type Zone } from './zone.ts'

/** A rule in local wall time; exactly one of days, date and recurrence is given. */
export interface HourRule {
  /** `HH:MM`. */
  begin_time: string
  /** `HH:MM`, up to `24:00`. */
  end_time: string
  days: string[]
  specific_date: LocalDate | null
  custom_recurrence: { num: number; unit: 'day' | 'week' | 'month'; ref: LocalDate } | null
}

/** A stretch of time `[start, end)` in epoch milliseconds. */
export interface Stretch {
  start: number
  end: number
}

/**
 * On which days a rule falls. Recurrences count every `num` units from `ref`, never before it; a month without that day
 * has it on its last.
 */
export function daysOf(rule: HourRule): (day: DayNumber) => boolean {
  if (rule.specific_date !== null) {
    const only = toDay(rule.specific_date)
    return (day) => day === only
  }
  if (rule.custom_recurrence === null) {
    const open = WEEKDAYS.map((name) => rule.days.includes(name))
    return (day) => open[weekdayOf(day)] === true
  }
  const { num, unit, ref } = rule.custom_recurrence
  const first = toDay(ref)
  if (unit === 'month')
    return (day) => {
      const months = monthsBetween(first, day)
      return day >= first && months % num === 0 && addMonths(first, months) === day
    }
  const step = unit === 'week' ? 7 * num : num
  return (day) => day >= first && (day - first) % step === 0
}

/**
 * When a rule is open on a day: from the first instant at which the wall shows its begin or later, to the first at which
 * it shows its end or later. So 09:00 to 17:00 is eight hours by the wall on every day, and a window around a clock change
 * has the real hours that pass in it. Empty (`end <= start`) where the clock skips all of it.
 */
export function windowsOf(rule: HourRule, zone: Zone): (day: DayNumber) => Stretch {
  const [begin, end] = [wallMs(rule.begin_time), wallMs(rule.end_time)]
  return (day) => ({ start: zone.firstAt(day * DAY_MS + begin), end: zone.firstAt(day * DAY_MS + end) })
}

/** `HH:MM` → milliseconds after midnight. */
function wallMs(time: string): number {
  return minutes(Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5)))
}

/** The window of a rule that holds all of `[start, end)`, or null. */
export function windowAround(rule: HourRule, { start, end }: Stretch, zone: Zone): Stretch | null {
  const falls = daysOf(rule)
  const windowOn = windowsOf(rule, zone)
  const at = zone.dayAt(start)
  // A clock set back over midnight shows yesterday's date again within today's window.
  for (const day of [at, at + 1, at - 1]) {
    if (!falls(day)) continue
    const open = windowOn(day)
    if (open.start <= start && end <= open.end) return open
  }
  return null
}

/** Whether a rule is open for the whole of `[start, end)`. */
export function covers(rule: HourRule, start: Instant, end: Instant, zone: string): boolean {
  return windowAround(rule, { start: toMs(start), end: toMs(end) }, openZone(zone)) !== null
}

/** Minutes past the local hour, with seconds as fractions. */
export function minutesPastHour(instant: Instant, zone: string): number {
  const ms = toMs(instant)
  return ((ms + openZone(zone).offsetAt(ms)) / 60_000) % 60
}
