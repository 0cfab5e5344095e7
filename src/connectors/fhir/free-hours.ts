/** Free Slots as working hours: what the Schedules of the server offer, by the wall of the location, date by date. */
import type { DirectoryRecord, ForeignId, WorkingHourRecord } from '../../model/records.ts'
import { toInstant } from '../../model/time.ts'
import type { ZoneOf } from '../connector.ts'
import type { Feeding } from './changes.ts'
import { allOf } from './directory.ts'
import { actorsOf } from './read-appointment.ts'
import { timezoneOf } from './read-directory.ts'
import { readResource, type Schedule } from './resources.ts'
import { lookForSchedules } from './schedules.ts'
import { pagesOf } from './search.ts'
import { parseInstant, parseReference } from './values.ts'
import { merged, type Stretch, wallHours } from './wall-hours.ts'

/** Whose time a Schedule is, in our words. */
interface Owner {
  provider: ForeignId
  operatory: ForeignId | null
  location: ForeignId | null
}

interface Offer extends Owner {
  zone: string
  free: Stretch[]
}

const DAY_MS = 86_400_000

/**
 * A working hour for each stretch of free Slots (adjoining ones are one), of each provider of the Schedule in each of its
 * operatories, from today to `slot_days_ahead`. A Schedule without a provider, or whose zone nobody tells, has none.
 * @throws Unavailable
 */
export async function* readFreeHours(
  feeding: Feeding,
  zoneOf: ZoneOf | undefined,
): AsyncGenerator<DirectoryRecord> {
  const { http, settings, places, context } = feeding
  if ((await lookForSchedules(feeding)) !== 'some') return
  const schedules: Schedule[] = []
  for await (const schedule of allOf(http, 'Schedule', settings)) {
    if (schedule.active !== false) schedules.push(schedule)
  }
  await places.learn(
    schedules
      .flatMap(({ actor }) => actor ?? [])
      .map((actor) => parseReference(actor, settings.baseUrl))
      .filter((reference) => reference !== null),
  )
  const offers = new Map<string, Offer>()
  const offersOf = new Map<string, Offer[]>()
  for (const schedule of schedules) {
    const own = ownersOf(schedule, feeding).flatMap((owner) => {
      const zone = zoneOf?.(owner.location) ?? places.zoneAt(owner.location) ?? timezoneOf(schedule.extension)
      if (zone === null) return []
      const key = `${owner.provider}~${owner.operatory ?? ''}~${owner.location ?? ''}`
      const offer = offers.get(key) ?? { ...owner, zone, free: [] }
      offers.set(key, offer)
      return [offer]
    })
    offersOf.set(schedule.id, own)
  }
  if (offers.size === 0) return
  const now = context.now()
  const from = toInstant(now - DAY_MS)
  const to = toInstant(now + settings.slotDaysAhead * DAY_MS)
  const path = `Slot?status=free&start=ge${from}&start=lt${to}&_count=${settings.pageSize}`
  for await (const page of pagesOf(http, path)) {
    for (const { resource } of page.entries) {
      const slot = readResource('Slot', resource)
      // What cannot be read is not offered.
      if ('misfit' in slot || slot.status !== 'free') continue
      const start = parseInstant(slot.start)
      const end = parseInstant(slot.end)
      if (start === null || end === null) continue
      const id = parseReference(slot.schedule, settings.baseUrl)?.id ?? ''
      const stretch = { start: Date.parse(start), end: Date.parse(end) }
      for (const offer of offersOf.get(id) ?? []) offer.free.push(stretch)
    }
  }
  for (const offer of offers.values()) yield* hoursOf(offer)
}

function* hoursOf({ zone, free, ...owner }: Offer): Generator<DirectoryRecord> {
  for (const stretch of merged(free)) {
    for (const { date, begin, end } of wallHours(stretch, zone)) {
      const record: WorkingHourRecord = {
        foreignId: `${owner.provider}~${owner.operatory ?? ''}~${date}T${begin}`,
        ...owner,
        beginTime: begin,
        endTime: end,
        days: [],
        specificDate: date,
      }
      yield { kind: 'working_hour', record }
    }
  }
}

function ownersOf(schedule: Schedule, { settings, places }: Feeding): Owner[] {
  const { providers, operatories, site, elsewhere } = actorsOf(
    (schedule.actor ?? []).map((actor) => ({ actor })),
    { settings, places },
  )
  if (elsewhere) return []
  const rooms = operatories.length > 0 ? operatories : [null]
  return providers.flatMap((provider) => rooms.map((operatory) => ({ provider, operatory, location: site })))
}
