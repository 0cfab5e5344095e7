/** `POST /patients`: the same in both versions but for the content type. */
import { Type } from 'typebox'
import { createPatient } from '../../booking/patient.ts'
import { Id } from '../../model/wire-basics.ts'
import { CreatedPatient, PatientCreation, toPatientV2 } from '../../model/wire-patient.ts'
import { findPatient } from '../../store/patients.ts'
import type { Answer } from '../envelope.ts'
import { Subdomain } from '../inputs.ts'
import { type TenantInput, tenantRoute } from '../route.ts'

type Query = { location_id: number }

async function create({ tx, query, body }: TenantInput<Query, unknown, PatientCreation>): Promise<Answer> {
  const { patient, provider } = body
  const { bio } = patient
  const made = await createPatient(tx, {
    locationId: query.location_id,
    providerId: provider.provider_id,
    firstName: patient.first_name,
    middleName: patient.middle_name ?? null,
    lastName: patient.last_name,
    email: patient.email,
    birthDate: bio.date_of_birth,
    phone: bio.phone_number,
    gender: bio.gender ?? null,
    cellPhone: bio.cell_phone_number ?? null,
    homePhone: bio.home_phone_number ?? null,
    workPhone: bio.work_phone_number ?? null,
    addressLine1: bio.address_line_1 ?? bio.street_address ?? null,
    addressLine2: bio.address_line_2 ?? null,
    city: bio.city ?? null,
    state: bio.state ?? null,
    zipCode: bio.zip_code ?? null,
    returnExisting: body.return_existing_if_match ?? false,
  })
  const row = await findPatient(tx, made.id)
  if (!row) throw new Error('a patient is gone that was just created')
  return { data: { user: toPatientV2(row) }, status: made.existing ? 200 : 201, owes: !made.existing }
}

export const patientCreationRoutes = (['v2', 'v3'] as const).map((face) =>
  tenantRoute({
    method: 'POST',
    path: '/patients',
    face,
    summary:
      'Creates a patient, who goes to the record system with the first appointment; 200 for a match wanted back',
    by: 'subdomain',
    scope: 'patients:write',
    query: Type.Object({ ...Subdomain, location_id: Id }),
    body: PatientCreation,
    data: Type.Object({ user: CreatedPatient }),
    status: 201,
    also: 200,
    handle: create,
  }),
)
