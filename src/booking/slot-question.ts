/** What a question about slots comes down to: locations, the hours that count for each provider, and how starts are shaped. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { minutes } from '../model/time.ts'
import type { AppointmentType } from '../model/wire-practice.ts'
import { whyLeftOut } from '../scheduling/counts.ts'
import type { LeftOut } from '../scheduling/explain.ts'
import type { Sharing } from '../scheduling/sharing.ts'
import type { SlotHour, SlotShape } from '../scheduling/slots.ts'
import { openZone } from '../scheduling/zone.ts'
import { getAppointmentType } from '../store/appointment-types.ts'
import {
  type HourForSlots,
  listKnownResources,
  readSlotRules,
  type SlotLocation,
} from '../store/hours-for-slots.ts'
import { policyOf } from '../store/policies.ts'
import { warnOfFewer } from './per-slot.ts'

/** What of slots every question may ask for; lengths in minutes. Null: not asked, so the default holds. */
export interface SlotTerms {
  appointmentTypeId: number | null
  slotLength: number | null
  slotInterval: number | null
  everyOperatory: boolean
  labelId: number | null
  source: 'manual' | 'synced' | null
  minNotice: number | null
  buffer: number | null
  /** At most so many in one slot, where the location's policy takes that many. */
  perSlot: number | null
}

/** Length of a slot where neither type nor `slot_length` tells it, minutes (reference, 5.4). */
const LENGTH_DEFAULT = 15

/** One provider at one location. */
export interface ProviderHours {
  providerId: number
  hours: SlotHour[]
  leftOut: { hour: HourForSlots; why: LeftOut }[]
}

export interface LocationQuestion {
  location: SlotLocation
  shape: SlotShape
  sharing: Sharing
  providers: ProviderHours[]
}

export interface SlotQuestion {
  locations: LocationQuestion[]
  type: AppointmentType | null
  warnings: string[]
}

export interface AskedOf {
  locationIds: number[]
  /** Null: whoever has hours there that count. */
  providerIds: number[] | null
  /** Null: all. */
  operatoryIds: number[] | null
  /** Inactive hours too, to say that they are. */
  all?: boolean
}

/** Reads what is needed to answer. Throws `not_found` for an id that is none of the institution's. */
export async function readQuestion(tx: Tenant, asked: AskedOf, terms: SlotTerms): Promise<SlotQuestion> {
  const { locationIds, providerIds, operatoryIds, all = false } = asked
  const { locations, hours: rows } = await readSlotRules(tx, { locationIds, providerIds, all })
  if (locations.length < locationIds.length) throw new Failure('not_found', 'Location not found')
  const typeId = terms.appointmentTypeId
  const type = typeId === null ? null : await getAppointmentType(tx, typeId)
  await refuseUnknown(tx, asked, rows)
  const warnings: string[] = []
  const questions = locationIds.map((id): LocationQuestion => {
    const location = locations.find((each) => each.id === id)
    if (!location) throw new Error(`location ${id} was read and is not there`)
    const own = rows.filter(
      (row) =>
        row.location_id === id &&
        (operatoryIds === null || (row.operatory_id !== null && operatoryIds.includes(row.operatory_id))),
    )
    const names = providerIds ?? [...new Set(own.map((row) => row.provider_id))].sort((a, b) => a - b)
    const sharing: Sharing = { policy: policyOf(location), perSlot: terms.perSlot }
    warnings.push(...warnOfFewer(id, sharing))
    const providers = names.map((providerId) => sortOut(providerId, own, location, terms))
    return {
      location,
      shape: shapeOf(location, terms, type, warnings),
      sharing,
      // Those whom nobody named are there for the hours that count.
      providers: providerIds || all ? providers : providers.filter(({ hours }) => hours.length > 0),
    }
  })
  return { locations: questions, type, warnings }
}

async function refuseUnknown(tx: Tenant, asked: AskedOf, rows: HourForSlots[]): Promise<void> {
  const seen = (name: 'provider_id' | 'operatory_id', id: number) => rows.some((row) => row[name] === id)
  const providerIds = (asked.providerIds ?? []).filter((id) => !seen('provider_id', id))
  const operatoryIds = (asked.operatoryIds ?? []).filter((id) => !seen('operatory_id', id))
  if (providerIds.length + operatoryIds.length === 0) return
  const known = await listKnownResources(tx, { providerIds, operatoryIds })
  const missing = [
    ...providerIds.filter((id) => !known.providers.includes(id)).map((id) => `Provider not found: ${id}`),
    ...operatoryIds.filter((id) => !known.operatories.includes(id)).map((id) => `Operatory not found: ${id}`),
  ]
  if (missing.length > 0) throw new Failure('not_found', missing)
}

function sortOut(
  providerId: number,
  rows: HourForSlots[],
  location: SlotLocation,
  terms: SlotTerms,
): ProviderHours {
  const sorted: ProviderHours = { providerId, hours: [], leftOut: [] }
  for (const hour of rows) {
    if (hour.provider_id !== providerId) continue
    const why = whyLeftOut(hour, location, terms)
    if (why === null) sorted.hours.push(hour)
    else sorted.leftOut.push({ hour, why })
  }
  return sorted
}

function shapeOf(
  location: SlotLocation,
  terms: SlotTerms,
  type: AppointmentType | null,
  warnings: string[],
): SlotShape {
  const grain = location.grain_minutes
  const onGrain = (name: string, value: number) => {
    const fitted = Math.ceil(value / grain) * grain
    if (fitted !== value)
      warnings.push(
        `${name} was rounded up to ${fitted} minutes: the health record system of location ${location.id} keeps multiples of ${grain}.`,
      )
    return fitted
  }
  if (type && terms.slotLength !== null && terms.slotLength !== type.minutes)
    warnings.push(`slot_length was not taken: appointment type ${type.id} has ${type.minutes} minutes.`)
  const length = type?.minutes ?? terms.slotLength ?? LENGTH_DEFAULT
  const fitted = onGrain(type ? `The length of appointment type ${type.id}` : 'slot_length', length)
  const step = terms.slotInterval === null ? fitted : onGrain('slot_interval', terms.slotInterval)
  const { now } = location
  return {
    zone: openZone(location.tz),
    lengthMs: minutes(fitted),
    stepMs: minutes(step),
    grainMs: minutes(grain),
    // After now, not at it: what starts now is past (decision 2 of the wire reference).
    earliest: Math.max(now + 1, now + minutes(terms.minNotice ?? location.min_notice_minutes)),
    bufferMs: minutes(terms.buffer ?? location.buffer_minutes),
    everyOperatory: terms.everyOperatory,
  }
}
