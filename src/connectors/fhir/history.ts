/** The versions of one appointment, and which of them are ours. */
import type { ForeignId } from '../../model/records.ts'
import type { HistoryEntry } from '../connector.ts'
import type { Feeding } from './changes.ts'
import { isOurRequest } from './request-id.ts'
import { type Appointment, readResource } from './resources.ts'
import { pagesOf } from './search.ts'
import { markerOf, parseAppointmentId } from './values.ts'

/** Oldest first; empty where the foreign id can mean no Appointment. @throws Unavailable */
export async function readHistory(feeding: Feeding, foreignId: ForeignId): Promise<HistoryEntry[]> {
  const name = parseAppointmentId(foreignId)
  if (name === null || name.type !== 'Appointment') return []
  const entries: HistoryEntry[] = []
  for await (const page of pagesOf(feeding.http, `Appointment/${name.id}/_history?_count=100`)) {
    for (const { resource } of page.entries) {
      const appointment = readResource('Appointment', resource)
      if ('misfit' in appointment) {
        entries.push({ by: 'front_desk', record: null })
        continue
      }
      const reading = await feeding.reader.readOne(appointment, true)
      const records = reading.kind === 'records' ? reading.records : []
      const record = records.find((one) => one.foreignId === foreignId) ?? null
      entries.push({ by: isOurs(appointment) ? 'program' : 'front_desk', record })
    }
  }
  // Histories come newest first.
  return entries.reverse()
}

/** By the request that made it; a first version that bears our marker is our insertion, whatever the server keeps. */
function isOurs({ meta, identifier }: Appointment): boolean {
  return isOurRequest(meta?.source) || (meta?.versionId === '1' && markerOf(identifier) !== null)
}
