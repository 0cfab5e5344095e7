/** The slots of several providers at several locations, with the next day that has any and the reasons where there is none. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { type LocalDate, toInstant } from '../model/time.ts'
import { type DayNumber, toDate, toDay } from '../scheduling/calendar.ts'
import { countsProviders } from '../scheduling/sharing.ts'
import { findFirstDay, findSlots, type Slot } from '../scheduling/slots.ts'
import { type TakenGroup, takenOf } from '../scheduling/taken.ts'
import { wallTexter } from '../scheduling/wall-text.ts'
import { listTakenGroups, type TakenFilter } from '../store/taken-time.ts'
import { noteReasons } from './no-slots.ts'
import { type LocationQuestion, type ProviderHours, readQuestion, type SlotTerms } from './slot-question.ts'

export interface SlotRequest extends SlotTerms {
  locationIds: number[]
  providerIds: number[] | null
  operatoryIds: number[] | null
  /** The first local day, counted in `days`. */
  startDate: LocalDate
  days: number
}

/** Times as the location's wall shows them, with the offset in force. */
export interface ShownSlot {
  time: string
  end_time: string
  operatory_id: number | null
  working_hour_label_id: number | null
}

export interface SlotGroup {
  lid: number
  pid: number
  slots: ShownSlot[]
  /** The first later day with a slot where this group has none; null where it has, or where none comes in time. */
  next_available_date: LocalDate | null
}

/** How far ahead of `start_date` the next day with a slot is looked for (reference, 5.4). */
const NEXT_DAYS_MAX = 180
/** Days of the first look ahead; each further look is twice as long. */
const NEXT_DAYS_FIRST = 14
/** So that one answer stays within some 15 MB. */
const SLOTS_MAX = 100_000

/** Answers a request in one reading of rules and one of what is taken; further ones only where a group came out empty. */
export async function findSlotGroups(
  tx: Tenant,
  request: SlotRequest,
): Promise<{ groups: SlotGroup[]; warnings: string[] }> {
  const question = await readQuestion(tx, request, request)
  const first = toDay(request.startDate)
  const taken = await readTaken(tx, question.locations, first, request.days)
  const groups: SlotGroup[] = []
  const empty: Waiting[] = []
  let count = 0
  for (const asked of question.locations) {
    const { location, shape, sharing } = asked
    const own = taken.filter((group) => group.location_id === location.id)
    const inTheWay = takenOf(own, sharing)
    const show = shower(asked)
    for (const provider of asked.providers) {
      const slots = findSlots(provider.hours, inTheWay, shape, first, request.days)
      count += slots.length
      if (count > SLOTS_MAX) throw tooMany()
      const group = {
        lid: location.id,
        pid: provider.providerId,
        slots: slots.map(show),
        next_available_date: null,
      }
      groups.push(group)
      if (slots.length === 0 && provider.hours.length > 0) empty.push({ group, asked, provider })
    }
  }
  await findNextDays(tx, empty, first + request.days, first + NEXT_DAYS_MAX + 1)
  return { groups, warnings: [...question.warnings, ...noteReasons(question, request)] }
}

interface Waiting {
  group: SlotGroup
  asked: LocationQuestion
  provider: ProviderHours
}

/** Looks ahead in growing steps, each with one reading of what is taken, until every group has its day or time is up. */
async function findNextDays(tx: Tenant, empty: Waiting[], from: DayNumber, end: DayNumber): Promise<void> {
  let waiting = empty
  let step = NEXT_DAYS_FIRST
  for (let day = from; day < end && waiting.length > 0; ) {
    const to = Math.min(day + step, end)
    const taken = await readTaken(tx, locationsOf(waiting), day, to - day)
    waiting = waiting.filter(({ group, asked, provider }) => {
      const own = taken.filter((each) => each.location_id === asked.location.id)
      const inTheWay = takenOf(own, asked.sharing)
      const found = findFirstDay(provider.hours, inTheWay, asked.shape, day, to)
      if (found !== null) group.next_available_date = toDate(found)
      return found === null
    })
    day = to
    step *= 2
  }
}

function locationsOf(waiting: Waiting[]): LocationQuestion[] {
  const byLocation = Map.groupBy(waiting, ({ asked }) => asked)
  return [...byLocation].map(([asked, own]) => ({ ...asked, providers: own.map(({ provider }) => provider) }))
}

/** Everything that takes time on some local days, of whatever these providers' hours want. */
export async function readTaken(
  tx: Tenant,
  asked: LocationQuestion[],
  first: DayNumber,
  days: number,
): Promise<TakenGroup[]> {
  const filter = takenFilter(asked, first, days)
  return filter === null ? [] : await listTakenGroups(tx, filter)
}

/** Null where no hour counts, so that nothing need be asked. */
export function takenFilter(asked: LocationQuestion[], first: DayNumber, days: number): TakenFilter | null {
  const hours = asked.flatMap(({ providers }) => providers.flatMap((provider) => provider.hours))
  if (hours.length === 0) return null
  const buffer = Math.max(...asked.map(({ shape }) => shape.bufferMs))
  const starts = asked.map(({ shape }) => shape.zone.dayStart(first))
  const ends = asked.map(({ shape }) => shape.zone.dayStart(first + days))
  return {
    locationIds: [...new Set(hours.map((hour) => hour.location_id))],
    from: toInstant(Math.min(...starts) - buffer),
    to: toInstant(Math.max(...ends) + buffer),
    of: {
      operatoryIds: [...new Set(hours.flatMap((hour) => hour.operatory_id ?? []))],
      providerIds: [...new Set(hours.map((hour) => hour.provider_id))],
      anywhereProviderIds: [...new Set(asked.flatMap(anywhereProviders))],
    },
  }
}

/** Providers whose rows count in whatever operatory they are. */
function anywhereProviders({ sharing, providers }: LocationQuestion): number[] {
  return providers.flatMap(({ hours }) =>
    hours.flatMap((hour) =>
      hour.operatory_id === null || countsProviders(sharing.policy) ? hour.provider_id : [],
    ),
  )
}

function shower({ shape }: LocationQuestion): (slot: Slot) => ShownSlot {
  const text = wallTexter(shape.zone)
  return ({ start, end, operatory_id, label_id }) => ({
    time: text(start),
    end_time: text(end),
    operatory_id,
    working_hour_label_id: label_id,
  })
}

function tooMany(): Failure {
  return new Failure(
    'invalid_request',
    `This asks for more than ${SLOTS_MAX} slots: ask for fewer days, providers or locations, or a longer slot_interval`,
  )
}
