/** Wire shapes of working hours, which v2 calls availabilities (reference, 5.1 and 5.2). */
import { type Static, Type } from 'typebox'
import { Day, Id, NullableId, NullableText, nullable, oneOf } from './wire-basics.ts'
import { AppointmentType } from './wire-practice.ts'

export const WorkingHourLabel = Type.Object(
  { id: Id, location_id: NullableId, name: Type.String() },
  { title: 'WorkingHourLabel' },
)

const shown = {
  id: Id,
  provider_id: Id,
  location_id: Id,
  operatory_id: NullableId,
  /** Wall times of the location's zone, `HH:MM`. */
  begin_time: Type.String(),
  end_time: Type.String(),
  days: Type.Array(Type.String()),
  specific_date: NullableText,
  custom_recurrence: nullable(Type.Object({ num: Type.Integer(), unit: Type.String(), ref: Type.String() })),
  tz_offset: Type.String(),
  active: Type.Boolean(),
  appointment_types: Type.Optional(Type.Array(AppointmentType)),
}

export const AvailabilityV2 = Type.Object({ ...shown, synced: Type.Boolean() }, { title: 'Availability' })
export type AvailabilityV2 = Static<typeof AvailabilityV2>

export const WorkingHourV3 = Type.Object(
  { ...shown, source: oneOf(['manual', 'synced']), label: nullable(WorkingHourLabel) },
  { title: 'WorkingHour' },
)
export type WorkingHourV3 = Static<typeof WorkingHourV3>

const DAYS_MAX = 50
const TYPES_MAX = 1000

/** What is sent; which of it must be there, and what it must be, is for `src/booking/working-hour.ts`. */
const given = {
  provider_id: Id,
  begin_time: Type.String({ maxLength: 20 }),
  end_time: Type.String({ maxLength: 20 }),
  operatory_id: Type.Optional(Id),
  days: Type.Optional(Type.Array(Type.String({ maxLength: 20 }), { maxItems: DAYS_MAX })),
  specific_date: Type.Optional(Day),
  custom_recurrence: Type.Optional(
    Type.Object({ num: Type.Integer(), unit: Type.String({ maxLength: 20 }), ref: Day }),
  ),
  active: Type.Optional(Type.Boolean()),
  appointment_type_ids: Type.Optional(Type.Array(Id, { maxItems: TYPES_MAX })),
  /** The older name of the same. */
  appointment_category_ids: Type.Optional(Type.Array(Id, { maxItems: TYPES_MAX })),
}
export const WorkingHourCreation = Type.Object(given)
export const WorkingHourChange = Type.Partial(WorkingHourCreation)
export type WorkingHourChange = Static<typeof WorkingHourChange>
