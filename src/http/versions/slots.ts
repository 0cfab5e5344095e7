/** Slots as each version shows them: v3 adds the label of the working hour. */
import type { SlotGroup } from '../../booking/find-slots.ts'
import type { SlotGroupV2, SlotGroupV3 } from '../../model/wire-slots.ts'

export function showGroupV2(group: SlotGroup): SlotGroupV2 {
  const slots = group.slots.map(({ time, end_time, operatory_id }) => ({ time, end_time, operatory_id }))
  return { ...group, slots }
}

/** As found. */
export function showGroupV3(group: SlotGroup): SlotGroupV3 {
  return group
}
