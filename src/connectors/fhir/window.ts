/** The complete truth of a range: Appointments by `date` (their start), busy Slots by `start`, with the patients named. */
import type { ChangeRecord, ForeignId } from '../../model/records.ts'
import { addMs, type Instant } from '../../model/time.ts'
import type { Feeding } from './changes.ts'
import { pagesOf } from './search.ts'

/**
 * Everything that overlaps `[from, to)`. R4 can search by start only, so the search begins as much earlier as the longest
 * appointment (or busy Slot) of the configuration, and what ended before is left out here. @throws Unavailable
 */
export async function* readWindow(
  feeding: Feeding,
  from: Instant,
  to: Instant,
): AsyncGenerator<ChangeRecord[]> {
  const { settings, features } = feeding
  const told = new Set<ForeignId>()
  const include = features.includesPatient ? '&_include=Appointment:patient' : ''
  const begin = addMs(from, -settings.lookbackMs)
  yield* overlapping(feeding, `Appointment?date=ge${begin}&date=lt${to}${include}`, from, to, told)
  if (!features.can('Slot', 'search-type')) return
  const slotBegin = addMs(from, -settings.longestSlotMs)
  const slots = `Slot?status=busy-unavailable&start=ge${slotBegin}&start=lt${to}`
  yield* overlapping(feeding, slots, from, to, told)
}

async function* overlapping(
  { http, settings, reader }: Feeding,
  search: string,
  from: Instant,
  to: Instant,
  told: Set<ForeignId>,
): AsyncGenerator<ChangeRecord[]> {
  for await (const page of pagesOf(http, `${search}&_count=${settings.pageSize}`)) {
    const resources = page.entries.flatMap(({ resource }) => (resource === undefined ? [] : [resource]))
    const all = await reader.read(resources, told)
    const inside = all.filter(
      (change) => change.kind === 'appointment' && change.record.end > from && change.record.start < to,
    )
    const named = new Set(
      inside.map((change) => (change.kind === 'appointment' ? change.record.patient : null)),
    )
    const patients = all.filter(
      (change) =>
        change.kind === 'patient' && named.has(change.record.foreignId) && !told.has(change.record.foreignId),
    )
    for (const change of patients) if (change.kind === 'patient') told.add(change.record.foreignId)
    // What does not stand is not in the window; the changes say so in their own words.
    const records = [...patients, ...all.filter(({ kind }) => kind === 'set_aside'), ...inside]
    if (records.length > 0) yield records
  }
}
