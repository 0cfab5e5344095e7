/** What the record system knows beside appointments: a location's descriptors, and procedures. */
import { Type } from 'typebox'
import { Failure } from '../../model/failures.ts'
import { Day, GivenDatetime, Id, PatientId } from '../../model/wire-basics.ts'
import { Descriptor } from '../../model/wire-practice.ts'
import { Procedure } from '../../model/wire-procedure.ts'
import { listDescriptors } from '../../store/descriptors.ts'
import { getLocation } from '../../store/locations.ts'
import { countProcedures, listProcedures, type ProcedureFilter } from '../../store/procedures.ts'
import { IdParams, readTimes, refuseForeignLocation, Subdomain, zoneOf } from '../inputs.ts'
import { CursorQuery, cursorAnswer, PageQuery, placeOf, readCursors, readPage } from '../paging.ts'
import { type TenantInput, tenantRoute } from '../route.ts'

const OptionalDay = Type.Optional(Day)
const DAYS = ['started_after', 'started_before', 'ended_after', 'ended_before'] as const
const BUSINESS = [
  'provider_id',
  'patient_id',
  'appointment_id',
  'updated_since',
  'updated_after',
  ...DAYS,
] as const

const filters = {
  ...Subdomain,
  location_id: Type.Optional(Id),
  provider_id: Type.Optional(Id),
  patient_id: Type.Optional(PatientId),
  appointment_id: Type.Optional(Id),
  updated_since: Type.Optional(GivenDatetime),
  /** v2's older name. */
  updated_after: Type.Optional(GivenDatetime),
  started_after: OptionalDay,
  started_before: OptionalDay,
  ended_after: OptionalDay,
  ended_before: OptionalDay,
}
type Filters = {
  [K in 'location_id' | 'provider_id' | 'patient_id' | 'appointment_id']?: number
} & { [K in 'updated_since' | 'updated_after' | (typeof DAYS)[number]]?: string }

/** A location alone is not enough (reference, 6.6). */
function check(query: object): string[] {
  const named = BUSINESS.some((name) => name in query)
  const needed = named
    ? []
    : [`Missing parameter: one of ${BUSINESS.filter((name) => name !== 'updated_after').join(', ')}`]
  return needed
}

async function filterOf({ tx, query, warnings }: TenantInput<Filters>): Promise<ProcedureFilter> {
  await refuseForeignLocation(tx, query.location_id)
  const edges = { updated_since: 'first', updated_after: 'first' } as const
  const times = readTimes(query, edges, await zoneOf(tx, query), warnings)
  return {
    locationId: query.location_id,
    providerId: query.provider_id,
    patientId: query.patient_id,
    appointmentIds: query.appointment_id === undefined ? undefined : [query.appointment_id],
    updatedSince: times.updated_since ?? times.updated_after,
    startedAfter: query.started_after,
    startedBefore: query.started_before,
    endedAfter: query.ended_after,
    endedBefore: query.ended_before,
  }
}

const many = { method: 'GET', path: '/procedures', by: 'subdomain', scope: 'patients:read', check } as const
const one = {
  method: 'GET',
  path: '/procedures/{id}',
  face: 'v2',
  by: 'procedure',
  scope: 'patients:read',
  summary: 'One procedure',
  params: IdParams,
  query: Type.Object({ ...Subdomain }),
  data: Procedure,
} as const

async function getProcedure({ tx, params }: TenantInput<unknown, { id: number }>) {
  const [row] = await listProcedures(tx, { ids: [params.id] }, { limit: 1, offset: 0 })
  if (!row) throw new Failure('not_found', 'Procedure not found')
  return { data: row }
}

export const clinicalRoutes = [
  tenantRoute({
    method: 'GET',
    path: '/locations/{id}/appointment_descriptors',
    face: 'v2',
    by: 'location',
    scope: null,
    summary: 'The descriptors of a location',
    params: IdParams,
    query: Type.Object({ ...Subdomain, descriptor_type: Type.Optional(Type.String({ maxLength: 50 })) }),
    data: Type.Array(Descriptor),
    async handle({ tx, params, query }) {
      const { id: locationId } = await getLocation(tx, params.id)
      const data = await listDescriptors(tx, { locationId, descriptorType: query.descriptor_type })
      return { data, count: data.length }
    },
  }),
  tenantRoute({
    ...many,
    face: 'v2',
    summary: 'Procedures of a patient, provider or appointment',
    query: Type.Object({ ...filters, ...PageQuery }),
    data: Type.Array(Procedure),
    paging: 'pages',
    async handle(input) {
      const filter = await filterOf(input)
      const data = await listProcedures(input.tx, filter, readPage(input.query, input.warnings).page)
      return { data, count: await countProcedures(input.tx, filter) }
    },
  }),
  tenantRoute({
    ...many,
    face: 'v3',
    summary: 'Procedures of a patient, provider or appointment',
    query: Type.Object({ ...filters, ...CursorQuery }),
    data: Type.Array(Procedure),
    paging: 'cursors',
    async handle(input) {
      const filter = await filterOf(input)
      const reading = readCursors(input.query, 'id', input.warnings)
      return cursorAnswer(
        await listProcedures(input.tx, filter, reading.page),
        reading,
        placeOf,
        (row) => row,
      )
    },
  }),
  tenantRoute({ ...one, handle: getProcedure }),
  tenantRoute({ ...one, face: 'v3', handle: getProcedure }),
]
