/** `appointments_per_timeslot`: how many may be in one slot, never more than the location's policy takes. */
import { mostInSlot, type Sharing } from '../scheduling/sharing.ts'

/** Says where a request asks for more than the policy has. */
export function warnOfFewer(locationId: number, { policy, perSlot }: Sharing): string[] {
  const most = mostInSlot(policy)
  if (perSlot === null || perSlot <= most) return []
  return [
    `appointments_per_timeslot was taken as ${most}: location ${locationId} takes no more at a time (overbooking).`,
  ]
}
