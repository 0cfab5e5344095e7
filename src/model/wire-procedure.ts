/** Wire shape of procedures (reference, 6.6). We hold no fees and no teeth: those keys say so. */
import { type Static, Type } from 'typebox'
import { Id, NullableId, NullablePatientId, NullableText, nullable, PATIENT_DATA } from './wire-basics.ts'

export const Procedure = Type.Object(
  {
    id: Id,
    location_id: NullableId,
    patient_id: NullablePatientId,
    provider_id: NullableId,
    appointment_id: NullableId,
    code: nullable(Type.String(PATIENT_DATA)),
    name: Type.String(PATIENT_DATA),
    status: Type.String(),
    updated_at: Type.String(),
    body_site: Type.Object({ tooth: Type.Array(Type.String()), surface: NullableText }),
    fee: Type.Null(),
    start_date: NullableText,
    end_date: NullableText,
  },
  { title: 'Procedure' },
)
export type Procedure = Static<typeof Procedure>
