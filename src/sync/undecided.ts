/** An insertion whose patient is for a person to say: nothing is sent, and who it may be is said. */
import { addMs } from '../model/time.ts'
import { lockAppointments } from '../store/appointments.ts'
import { now } from '../store/data-sources.ts'
import { mapPatients } from '../store/patient-links.ts'
import { followMerges } from '../store/patient-merges.ts'
import { lockPatientOf, savePatients } from '../store/patients-mirror.ts'
import { deferWrite, holdForDecision, lockOpenWrites, lockWrite } from '../store/writes.ts'
import type { Push } from './at-work.ts'
import { endBadly } from './end.ts'
import { noteOutcome, type Prepared } from './prepare.ts'
import type { Undecided } from './same-patient.ts'

const message = 'Several patients there may be this one: which one is for a person to say. Nothing was sent.'

/**
 * Has the write wait for a person, until its deadline at most. While an earlier attempt may still take effect, it waits for
 * that first: what waits for a person is certainly not in effect.
 */
export async function settleUndecided(push: Push, prepared: Prepared, undecided: Undecided): Promise<void> {
  await push.hold.inTenant(async (tx) => {
    await lockPatientOf(tx, prepared.appointment.id)
    const [row] = await lockAppointments(tx, [prepared.appointment.id])
    const write = await lockWrite(tx, prepared.write.id)
    if (!row || !write) return
    const { lastAttemptAt, inFlight } = prepared
    const landed = inFlight && lastAttemptAt && addMs(lastAttemptAt, push.system.capabilities.maxInFlightMs)
    if (landed && (await now(tx)) < landed) {
      const reason = 'An earlier attempt may still take effect.'
      await deferWrite(tx, write.id, 'unknown', landed, null, reason)
      return
    }
    await noteOutcome(tx, prepared, { outcome: 'rejected', code: 'patient_ambiguous', message })
    if ((await lockOpenWrites(tx, row.id)).some(({ kind }) => kind === 'cancel')) {
      await deferWrite(tx, write.id, 'pending', await now(tx), null, message)
      const cancelled = 'It was cancelled before it was sent to the health record system.'
      return await endBadly(tx, row, write, 'failed', 'cancelled_first', cancelled)
    }
    const place = { id: push.source.id, locationId: push.maps.soleLocation }
    const { merges } = await savePatients(tx, place, undecided.records, undecided.seenAt)
    await followMerges(tx, push.source.id, merges)
    const ids = undecided.candidates.map(({ foreignId }) => foreignId)
    const ours = await mapPatients(tx, push.source.id, ids)
    const candidates = undecided.candidates.map(({ foreignId, agreeing }) => ({
      patient_id: ours.get(foreignId) ?? null,
      foreign_id: foreignId,
      agrees_on: agreeing,
    }))
    await holdForDecision(tx, write.id, candidates, message)
  })
}
