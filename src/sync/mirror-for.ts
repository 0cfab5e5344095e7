/** A single record in our ids, outside a page: its patient is mapped, or read as unplaced. */
import type { Mirror } from '../model/appointment-state.ts'
import type { AppointmentRecord } from '../model/records.ts'
import { now } from '../store/data-sources.ts'
import { mapPatients } from '../store/patient-links.ts'
import type { Push } from './at-work.ts'
import { isPlaced, toMirror } from './mirror.ts'

/** Null where the record has no place here (its location is not ours, or it cannot be read). */
export async function mirrorFor(
  push: Pick<Push, 'hold' | 'source' | 'maps'>,
  record: AppointmentRecord,
  previous: Mirror | null,
): Promise<Mirror | null> {
  return await push.hold.inTenant(async (tx) => {
    const patients = await mapPatients(tx, push.source.id, record.patient === null ? [] : [record.patient])
    const mirror = toMirror(record, push.maps, patients, previous, await now(tx))
    return isPlaced(mirror) ? mirror : null
  })
}
