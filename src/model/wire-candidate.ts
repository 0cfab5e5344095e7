/** The wire shape of one whom a new patient may be, while a person is asked which. Ids only: names are asked for by id. */
import { Type } from 'typebox'
import { NullablePatientId, oneOf } from './wire-basics.ts'

export const Candidate = Type.Object(
  {
    patient_id: NullablePatientId,
    foreign_id: Type.String(),
    agrees_on: Type.Array(oneOf(['name', 'date_of_birth', 'phone'])),
  },
  { title: 'PatientCandidate' },
)
