/** What takes time in the record system itself, as it says now. */
import type { AppointmentRecord } from '../model/records.ts'
import { type Instant, toMs } from '../model/time.ts'
import type { TakenSpan } from '../scheduling/taken.ts'
import type { Push } from './at-work.ts'
import { isPlaced, toMirror } from './mirror.ts'

/** A row there, with what it takes in our ids. `appointment_id` is none of ours. */
export interface TakenThere extends TakenSpan {
  record: AppointmentRecord
}

/** Reads what takes time within `[from, to)`. Throws `Unavailable` where the schedule cannot be read. */
export async function readTakenThere(push: Push, from: Instant, to: Instant): Promise<TakenThere[]> {
  const found: TakenThere[] = []
  for await (const page of push.system.window(from, to)) {
    for (const one of page) {
      if (one.kind !== 'appointment' || one.record.cancelled) continue
      const { record } = one
      // Who the patient is does not matter here; they may be one that we do not know yet.
      const mirror = toMirror({ ...record, patient: null }, push.maps, new Map(), null, record.start)
      if (!isPlaced(mirror)) continue
      const { location_id, operatory_id, provider_id, unavailable } = mirror
      const times = { start: toMs(mirror.start_time), end: toMs(mirror.end_time) }
      const place = { location_id, operatory_id, provider_id, unavailable }
      found.push({ ...place, ...times, appointment_id: null, hold_id: null, record })
    }
  }
  return found
}
