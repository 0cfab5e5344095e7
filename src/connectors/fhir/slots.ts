/** The Slots of a provider's or operatory's Schedules at a time, and those that an appointment holds. */
import type { ForeignId } from '../../model/records.ts'
import { addMs, type Instant } from '../../model/time.ts'
import { readReply } from './answers.ts'
import type { Feeding } from './changes.ts'
import { actorsOf } from './read-appointment.ts'
import { type Appointment, readResource, type Schedule, type Slot } from './resources.ts'
import { keepsSchedules } from './schedules.ts'
import { fetchByIds, pagesOf } from './search.ts'
import { type Candidate, freeing, NO_SLOTS, planSlots, type SlotPlan } from './slot-plan.ts'
import { parseReference } from './values.ts'

/** Whose time is wanted, and when. */
export interface SlotRequest {
  provider: ForeignId | null
  operatory: ForeignId | null
  start: Instant
  end: Instant
  overbook: boolean
  isBlock: boolean
}

interface Relevant {
  schedule: Schedule
  offers: boolean
}

/** Statuses of an Appointment that still holds its Slots. */
const HOLDING = 'pending,booked,arrived,checked-in'

/** What taking the time means for its Slots; nothing where no Schedule is kept there. @throws Unavailable */
export async function slotsFor(
  feeding: Feeding,
  request: SlotRequest,
  own: ReadonlySet<string> = new Set(),
): Promise<SlotPlan> {
  const { settings, features } = feeding
  if (features.slots === 'ignore' || !(await keepsSchedules(feeding))) return NO_SLOTS
  const mustBeOffered = features.slots === 'everyone' && !request.isBlock
  const schedules = await schedulesOf(feeding, request)
  if (schedules.length === 0 && !mustBeOffered) return NO_SLOTS
  const candidates: Candidate[] = []
  // R4 can search by start only; closed times are far longer than what is booked.
  const searches = [
    ['free,busy,busy-tentative', settings.lookbackMs],
    ['busy-unavailable', settings.longestSlotMs],
  ] as const
  for (const [status, back] of schedules.length === 0 ? [] : searches) {
    const ids = schedules.map(({ schedule }) => `Schedule/${schedule.id}`).join(',')
    const times = `start=ge${addMs(request.start, -back)}&start=lt${request.end}`
    const path = `Slot?schedule=${ids}&status=${status}&${times}&_count=${settings.pageSize}`
    for await (const page of pagesOf(feeding.http, path)) {
      for (const { resource } of page.entries) {
        const slot = readResource('Slot', resource)
        if ('misfit' in slot) continue
        const id = parseReference(slot.schedule, settings.baseUrl)?.id
        const offers = schedules.find(({ schedule }) => schedule.id === id)?.offers ?? false
        candidates.push({ slot, offers })
      }
    }
  }
  const cuts = features.can('Slot', 'create')
  return planSlots(candidates, { ...request, mustBeOffered, own, cuts })
}

/**
 * The Schedules that the time must be taken from: of the operatory, and the provider's where they name no operatory;
 * without an operatory all of the provider's.
 */
export async function schedulesOf(
  feeding: Feeding,
  { provider, operatory }: Pick<SlotRequest, 'provider' | 'operatory'>,
): Promise<Relevant[]> {
  const { http, settings, places } = feeding
  const actors = [
    ...(operatory === null ? [] : [`Location/${operatory}`]),
    ...(provider === null ? [] : [`Practitioner/${provider}`, ...(await rolesOf(feeding, provider))]),
  ]
  if (actors.length === 0) return []
  const schedules: Schedule[] = []
  for await (const page of pagesOf(http, `Schedule?actor=${actors.join(',')}&_count=${settings.pageSize}`)) {
    for (const { resource } of page.entries) {
      const schedule = readResource('Schedule', resource)
      if (!('misfit' in schedule) && schedule.active !== false) schedules.push(schedule)
    }
  }
  const named = schedules.flatMap(({ actor }) => actor ?? [])
  await places.learn(
    named.map((actor) => parseReference(actor, settings.baseUrl)).filter((reference) => reference !== null),
  )
  return schedules.flatMap((schedule) => {
    const participants = (schedule.actor ?? []).map((actor) => ({ actor }))
    const { providers, operatories } = actorsOf(participants, { settings, places })
    const isTheirs = provider !== null && providers.includes(provider)
    const isWanted =
      operatory === null
        ? isTheirs
        : operatories.includes(operatory) || (isTheirs && operatories.length === 0)
    return isWanted ? [{ schedule, offers: isTheirs || provider === null || providers.length === 0 }] : []
  })
}

async function rolesOf({ http, features, places }: Feeding, provider: ForeignId): Promise<string[]> {
  if (!features.can('PractitionerRole', 'search-type')) return []
  const roles: string[] = []
  for await (const page of pagesOf(http, `PractitionerRole?practitioner=Practitioner/${provider}`)) {
    for (const { resource } of page.entries) {
      const role = readResource('PractitionerRole', resource)
      if ('misfit' in role) continue
      places.keepRole(role)
      roles.push(`PractitionerRole/${role.id}`)
    }
  }
  return roles
}

/** The Slots that an Appointment names and that stand there. @throws Unavailable */
export async function slotsHeldBy({ http, settings }: Feeding, appointment: Appointment): Promise<Slot[]> {
  const ids = (appointment.slot ?? []).flatMap((slot) => parseReference(slot, settings.baseUrl)?.id ?? [])
  const slots: Slot[] = []
  for (const raw of await fetchByIds(http, 'Slot', ids)) {
    const slot = readResource('Slot', raw)
    if (!('misfit' in slot)) slots.push(slot)
  }
  return slots
}

/** Transaction entries that free these Slots, but those that another Appointment holds too. @throws Unavailable */
export async function lettingGo(feeding: Feeding, slots: Slot[], of: ForeignId) {
  const held = slots.filter((slot) => freeing(slot).length > 0)
  const shared = new Set<string>()
  if (held.length > 0 && feeding.features.searches('Appointment', 'slot')) {
    const ids = held.map(({ id }) => `Slot/${id}`).join(',')
    const path = `Appointment?slot=${ids}&status=${HOLDING}`
    const { body } = await readReply(feeding.http, { method: 'GET', path })
    const bundle = readResource('Bundle', body)
    for (const { resource } of 'misfit' in bundle ? [] : (bundle.entry ?? [])) {
      const other = readResource('Appointment', resource)
      if ('misfit' in other || other.id === of) continue
      for (const slot of other.slot ?? [])
        shared.add(parseReference(slot, feeding.settings.baseUrl)?.id ?? '')
    }
  }
  return held.filter(({ id }) => !shared.has(id)).flatMap(freeing)
}
