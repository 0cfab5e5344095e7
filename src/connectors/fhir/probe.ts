/** Reachable, what it is, its clock, what is missing, and marks that only grow. */
import type { Probe } from '../connector.ts'
import type { Feeding } from './changes.ts'
import { lookForSchedules } from './schedules.ts'
import { pagesOf } from './search.ts'
import { parseInstant } from './values.ts'

const WANTED: [type: string, interaction: string, why: string][] = [
  ['Appointment', 'read', 'appointments cannot be looked up'],
  ['Appointment', 'search-type', 'appointments cannot be read'],
  ['Appointment', 'update', 'appointments cannot be changed'],
  ['Patient', 'search-type', 'patients cannot be read'],
  ['Practitioner', 'search-type', 'providers cannot be read'],
  ['Location', 'search-type', 'locations and operatories cannot be read'],
]
/** Enough to find an entry that is not a deletion, which bears no time. */
const RECENT = 50

/** @throws Unavailable */
export async function probe(feeding: Feeding): Promise<Probe> {
  const { features, context } = feeding
  const before = context.now()
  const path = 'Appointment?_summary=count'
  let serverMs: number | null = null
  for await (const page of pagesOf(feeding.http, path)) serverMs ??= page.serverMs
  const after = context.now()
  const missing = WANTED.filter(([type, interaction]) => !features.can(type, interaction)).map(
    ([type, interaction, why]) => `The server does not offer ${interaction} of ${type}: ${why}.`,
  )
  if (!features.versions)
    missing.push('The server keeps no versions of Appointment: appointments cannot be changed.')
  if ((await lookForSchedules(feeding)) === 'forbidden')
    missing.push('We may not search Schedule: free Slots are no working hours, and bookings take no Slots.')
  return {
    systemName: features.systemName,
    version: features.version,
    clockSkewMs: serverMs === null ? 0 : Math.round(serverMs - (before + after) / 2),
    missing,
    marks: await marksOf(feeding),
  }
}

/**
 * The newest `_lastUpdated` that the history of a type knows: a deletion adds to it and takes nothing away, a restored
 * backup does. Without a history there is no such mark, since deleting the newest row would lower it.
 */
async function marksOf({ http, features }: Feeding): Promise<Record<string, number>> {
  const marks: Record<string, number> = {}
  for (const type of ['Appointment', 'Patient']) {
    if (!features.can(type, 'history-type')) continue
    for await (const page of pagesOf(http, `${type}/_history?_count=${RECENT}`)) {
      const times = page.entries.map(({ resource }) => updatedMs(resource)).filter((ms) => ms !== null)
      if (times.length > 0) marks[`${type.toLowerCase()}_last_updated`] = Math.max(...times)
      break
    }
  }
  return marks
}

function updatedMs(resource: unknown): number | null {
  const meta = (resource as { meta?: { lastUpdated?: unknown } } | null | undefined)?.meta
  const instant = typeof meta?.lastUpdated === 'string' ? parseInstant(meta.lastUpdated) : null
  return instant === null ? null : Date.parse(instant)
}
