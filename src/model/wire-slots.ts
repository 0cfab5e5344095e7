/** Wire shapes of slots (reference, 5.3), and of what is ours beside them: explain and holds. */
import { type Static, Type } from 'typebox'
import { GivenDatetime, Id, InstantText, NullableId, NullableText } from './wire-basics.ts'

const slot = {
  /** Local, with the offset in force: `2026-12-07T11:00:00.000-08:00`. */
  time: Type.String(),
  end_time: Type.String(),
  operatory_id: NullableId,
}
const group = { lid: Id, pid: NullableId }
const next = { next_available_date: NullableText }

export const SlotGroupV2 = Type.Object(
  { ...group, slots: Type.Array(Type.Object(slot)), ...next },
  { title: 'SlotGroupV2' },
)
export const SlotGroupV3 = Type.Object(
  { ...group, slots: Type.Array(Type.Object({ ...slot, working_hour_label_id: NullableId })), ...next },
  { title: 'SlotGroup' },
)
export type SlotGroupV2 = Static<typeof SlotGroupV2>
export type SlotGroupV3 = Static<typeof SlotGroupV3>

/** Ours. */
export const SlotExplanation = Type.Object(
  {
    offered: Type.Boolean(),
    lid: Id,
    pid: Id,
    operatory_id: NullableId,
    time: Type.String(),
    end_time: Type.String(),
    /** Empty where it is offered, and only then. */
    reasons: Type.Array(
      Type.Object({
        /** `past`, `notice`, `no_hours`, `closed`, `left_out`, `grid`, `grain`, `taken`, `buffer`, `other_operatory`. */
        rule: Type.String(),
        message: Type.String(),
        working_hour_id: NullableId,
        appointment_id: NullableId,
        hold_id: NullableId,
        operatory_id: NullableId,
      }),
    ),
  },
  { title: 'SlotExplanation' },
)

/** How long a hold counts, minutes. */
export const HOLD_MINUTES = { least: 1, most: 30, default: 5 } as const

/** Ours. */
export const SlotHoldCreation = Type.Object({
  slot_hold: Type.Object({
    provider_id: Id,
    operatory_id: Type.Optional(Id),
    start_time: GivenDatetime,
    end_time: Type.Optional(GivenDatetime),
    appointment_type_id: Type.Optional(Id),
    minutes: Type.Optional(Type.Integer()),
  }),
})

/** Ours. */
export const SlotHold = Type.Object(
  {
    id: Id,
    location_id: Id,
    provider_id: Id,
    operatory_id: NullableId,
    appointment_type_id: NullableId,
    start_time: InstantText,
    end_time: InstantText,
    expires_at: InstantText,
    created_at: InstantText,
  },
  { title: 'SlotHold' },
)
