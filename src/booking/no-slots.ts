/** Why a group has no slots, in sentences: no hours, none for the type, a closed location. A full calendar needs none. */
import type { LeftOut } from '../scheduling/explain.ts'
import type { ProviderHours, SlotQuestion, SlotTerms } from './slot-question.ts'

/** An answer about fifty providers need not say the same fifty times. */
const SENTENCES_MAX = 20

const said: Record<LeftOut, string> = {
  inactive: 'is inactive',
  location_inactive: 'belongs to a location that is inactive',
  provider_inactive: 'belongs to a provider who is inactive',
  operatory_inactive: 'names an operatory that is inactive',
  operatory_missing: 'names no operatory, and its location is booked by operatory (map_by_operatory)',
  other_type: 'does not name the appointment type',
  other_label: 'does not bear the label',
  other_source: 'is of another source',
}

/** What is the matter with a working hour, to go after "Working hour 7 …". */
export function sentenceOf(why: LeftOut): string {
  return said[why]
}

/** Sentences for `description`, about locations that take no bookings and about everyone without an hour that counts. */
export function noteReasons({ locations, type }: SlotQuestion, terms: SlotTerms): string[] {
  const notes: string[] = []
  for (const { location, providers } of locations) {
    if (location.inactive) notes.push(`Location ${location.id} is inactive: it has no slots.`)
    else if (!location.takes_bookings)
      notes.push(`Location ${location.id} takes no appointments by API: its slots cannot be booked there.`)
    const without = providers.filter(({ hours }) => hours.length === 0)
    if (location.inactive || (without.length === 0 && providers.length > 0)) continue
    if (type && without.length === providers.length && providers.every(({ leftOut }) => isUntyped(leftOut)))
      notes.push(
        `Appointment type ${type.id} is named by no active working hour asked for at location ${location.id}: it has no slots until one names it (appointment_type_ids).`,
      )
    else if (providers.length === 0)
      notes.push(`Location ${location.id} has no active working hours that were asked for.`)
    else for (const provider of without) notes.push(...reasonsOf(provider, location.id, terms))
  }
  return notes.length <= SENTENCES_MAX
    ? notes
    : [...notes.slice(0, SENTENCES_MAX), `And ${notes.length - SENTENCES_MAX} reasons more.`]
}

function isUntyped(leftOut: ProviderHours['leftOut']): boolean {
  return leftOut.length === 0 || leftOut.some(({ why }) => why === 'other_type')
}

function reasonsOf({ providerId, leftOut }: ProviderHours, locationId: number, terms: SlotTerms): string[] {
  const [first] = leftOut
  const who = `Provider ${providerId}`
  if (!first) return [`${who} has no active working hours at location ${locationId} that were asked for.`]
  const whys = new Set(leftOut.map(({ why }) => why))
  if (whys.size === 1 && first.why === 'other_type')
    return [
      `${who} has no working hour at location ${locationId} that names appointment type ${terms.appointmentTypeId}.`,
    ]
  return [...whys].map((why) => {
    const ids = leftOut.filter((each) => each.why === why).map(({ hour }) => hour.id)
    return `${who} has no slots at location ${locationId}: working hour ${ids.slice(0, 5).join(', ')} ${said[why]}.`
  })
}
