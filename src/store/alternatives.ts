/** Up to three free times near one that is taken, by the rules, hours and rows that slots are made from. */
import type { Tenant } from '../db/database.ts'
import type { Alternative } from '../model/appointment.ts'
import { minutes, toInstant, toMs } from '../model/time.ts'
import { FAR_DAYS, NEAR_DAYS, nearestSlots, stretchOf } from '../scheduling/alternatives.ts'
import type { Span } from '../scheduling/conflicts.ts'
import { whyLeftOut } from '../scheduling/counts.ts'
import type { Slot, SlotShape } from '../scheduling/slots.ts'
import { groupSpans, type TakenSpan, takenOf } from '../scheduling/taken.ts'
import { openZone } from '../scheduling/zone.ts'
import { type HourForSlots, readSlotRules, type SlotLocation } from './hours-for-slots.ts'
import { policyOf } from './policies.ts'
import { listTakenGroups } from './taken-time.ts'

/** The time that could not be had. */
export interface Missed extends Span {
  appointment_type_id: number | null
}

/**
 * Slots of the same provider and length, nearest first: ahead of now and of the location's notice, within working hours that
 * count, on the record system's grain. None where the provider has no such hours, and none for a block.
 * @param there what takes time besides, as the record system said just now
 */
export async function findAlternatives(
  tx: Tenant,
  missed: Missed,
  perSlot: number | null,
  there: TakenSpan[] = [],
): Promise<Alternative[]> {
  const { provider_id, location_id } = missed
  if (missed.unavailable || provider_id === null) return []
  const rules = await readSlotRules(tx, { locationIds: [location_id], providerIds: null })
  const [location] = rules.locations
  const hours = location?.takes_bookings ? hoursFor(missed, location, rules.hours) : []
  if (!location || hours.length === 0) return []
  const shape = shapeOf(missed, location)
  const wanted = {
    location_id,
    provider_id,
    operatory_id: missed.operatory_id,
    start: toMs(missed.start_time),
  }
  let nearest: Slot[] = []
  for (const around of [NEAR_DAYS, FAR_DAYS]) {
    const { from, to } = stretchOf(wanted.start, shape, around)
    const groups = await listTakenGroups(tx, {
      locationIds: [location_id],
      from: toInstant(from - shape.bufferMs),
      to: toInstant(to + shape.bufferMs),
      of: {
        operatoryIds: hours.flatMap((hour) => hour.operatory_id ?? []),
        providerIds: [provider_id],
        anywhereProviderIds: [provider_id],
      },
    })
    const taken = takenOf([...groups, ...groupSpans(there)], { policy: policyOf(location), perSlot })
    const { slots, isSettled } = nearestSlots(wanted, hours, taken, shape, around)
    nearest = slots
    if (isSettled) break
  }
  return nearest.map(({ start, end, operatory_id }) => ({
    start_time: toInstant(start),
    end_time: toInstant(end),
    operatory_id,
    provider_id,
  }))
}

/** The provider's hours that count. A type limits them where any hour of the location names one, as it does bookings. */
function hoursFor(missed: Missed, location: SlotLocation, all: HourForSlots[]): HourForSlots[] {
  const isTyped = all.some((hour) => hour.appointment_type_ids.length > 0)
  const terms = {
    appointmentTypeId: isTyped ? missed.appointment_type_id : null,
    labelId: null,
    source: null,
  }
  return all.filter(
    (hour) => hour.provider_id === missed.provider_id && whyLeftOut(hour, location, terms) === null,
  )
}

function shapeOf(missed: Missed, location: SlotLocation): SlotShape {
  const grainMs = minutes(location.grain_minutes)
  const length = Math.ceil((toMs(missed.end_time) - toMs(missed.start_time)) / grainMs) * grainMs
  return {
    zone: openZone(location.tz),
    lengthMs: length,
    stepMs: length,
    grainMs,
    earliest: Math.max(location.now + 1, location.now + minutes(location.min_notice_minutes)),
    bufferMs: minutes(location.buffer_minutes),
    everyOperatory: true,
  }
}
