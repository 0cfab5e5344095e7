/** Starts that are free for a provider in an operatory, by what the mirror holds. */
import { Temporal } from 'temporal-polyfill'
import { WEEKDAYS } from '../model/records.ts'
import { addMs, type Instant, minutes, toInstant, toMs } from '../model/time.ts'
import type { Span } from '../scheduling/conflicts.ts'

export interface Wanted {
  providerId: number
  operatoryId: number
  /** IANA zone of the location. */
  zone: string
  /** Local wall times `HH:MM` and weekdays (`Monday`) in which the provider works in that operatory. */
  hours: { begin: string; end: string; days: string[] }[]
  /** Everything of the location that takes time. */
  busy: Span[]
  /** No start before this. */
  from: Instant
  count: number
}

const STEP_MINUTES = 30
/** So that the starts lie on several days. */
const PER_DAY = 4
/** The practice is seeded six weeks on. */
const DAYS_MAX = 40

/** Starts as ISO 8601 with the offset in force then, soonest first; each with half an hour that nothing else touches. */
export function findFreeStarts(wanted: Wanted): string[] {
  const first = Temporal.Instant.from(wanted.from).toZonedDateTimeISO(wanted.zone).toPlainDate()
  const starts: string[] = []
  for (let day = 0; day < DAYS_MAX && starts.length < wanted.count; day++) {
    const free = startsOfDay(wanted, first.add({ days: day })).filter((start) => isFree(wanted, start))
    starts.push(
      ...free
        .slice(0, Math.min(PER_DAY, wanted.count - starts.length))
        .map((start) => withOffset(start, wanted.zone)),
    )
  }
  return starts
}

function startsOfDay({ hours, zone, from }: Wanted, day: Temporal.PlainDate): Instant[] {
  const weekday = WEEKDAYS[day.dayOfWeek - 1]
  return hours
    .filter(({ days }) => weekday !== undefined && days.includes(weekday))
    .flatMap(({ begin, end }) => {
      const wall = (time: string) =>
        toInstant(day.toZonedDateTime({ timeZone: zone, plainTime: time }).epochMilliseconds)
      const last = addMs(wall(end), -minutes(STEP_MINUTES))
      const starts: Instant[] = []
      for (let start = wall(begin); start <= last; start = addMs(start, minutes(STEP_MINUTES)))
        starts.push(start)
      return starts
    })
    .filter((start) => start >= from)
    .sort()
}

/** Stricter than a booking's rule: the operatory, the provider and the location are all free. */
function isFree({ busy, operatoryId, providerId }: Wanted, start: Instant): boolean {
  const end = addMs(start, minutes(STEP_MINUTES))
  return !busy.some((span) => {
    const isOurs = span.operatory_id === operatoryId || span.provider_id === providerId
    const isAll = span.operatory_id === null && span.provider_id === null
    return (isOurs || isAll) && span.start_time < end && start < span.end_time
  })
}

function withOffset(start: Instant, zone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(toMs(start))
    .toZonedDateTimeISO(zone)
    .toString({ timeZoneName: 'never' })
}
