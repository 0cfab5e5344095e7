/** Appointments, read: the list in both versions, the single one (v2's everywhere), its descriptors and its writes. */
import { Type } from 'typebox'
import type { Tenant } from '../../db/database.ts'
import type { ShownAppointment } from '../../model/appointment.ts'
import { Failure } from '../../model/failures.ts'
import { AppointmentV2, AppointmentV3 } from '../../model/wire-appointment.ts'
import { GivenDatetime, Id, PatientId } from '../../model/wire-basics.ts'
import { Descriptor } from '../../model/wire-practice.ts'
import { Write } from '../../model/wire-sync.ts'
import {
  type AppointmentFilter,
  type AppointmentPaging,
  countAppointments,
  findAppointment,
  listAppointments,
} from '../../store/appointments.ts'
import { listDescriptors } from '../../store/descriptors.ts'
import { exactUpdates, type Position } from '../../store/page.ts'
import { MaxStaleness } from '../freshness.ts'
import {
  IdParams,
  Ids,
  Include,
  readIncludes,
  readTimes,
  refuseForeignLocation,
  Subdomain,
  UpdatedSince,
  zoneFor,
} from '../inputs.ts'
import { CursorQuery, cursorAnswer, PageQuery, readCursors, readPage, readSort } from '../paging.ts'
import { type TenantInput, tenantRoute } from '../route.ts'
import { showWrites } from '../show-writes.ts'
import { APPOINTMENT_INCLUDES, showAppointmentsV2 } from '../versions/appointment.ts'

const PATIENTS_MAX = 25
const SORTS = ['start_time', 'updated_at', '-updated_at'] as const

const filters = {
  ...Subdomain,
  ...MaxStaleness,
  ...UpdatedSince,
  start: GivenDatetime,
  end: GivenDatetime,
  timezone: Type.Optional(Type.String({ maxLength: 64 })),
  cancelled: Type.Optional(Type.Boolean()),
  unavailable: Type.Optional(Type.Boolean()),
  nex_only: Type.Optional(Type.Boolean()),
  appointment_type_id: Type.Optional(Id),
  foreign_id: Type.Optional(Type.String()),
  created_by: Type.Optional(Id),
  provider_ids: Type.Optional(Ids),
  operatory_ids: Type.Optional(Ids),
}

type Filters = {
  start: string
  end: string
  updated_since?: string
  timezone?: string
  location_id?: number
  cancelled?: boolean
  unavailable?: boolean
  nex_only?: boolean
  appointment_type_id?: number
  foreign_id?: string
  created_by?: number
  provider_ids?: number[]
  operatory_ids?: number[]
}

async function filterOf(
  { tx, query, warnings }: TenantInput<Filters>,
  patientIds: number[] | undefined,
): Promise<AppointmentFilter> {
  const edges = { start: 'first', end: 'last', updated_since: 'first' } as const
  const zone = await zoneFor([query.start, query.end, query.updated_since], tx, query)
  const times = readTimes(query, edges, zone, warnings)
  const { start = '', end = '' } = times
  if (end <= start) warnings.push('end is not after start: nothing can lie between them.')
  return {
    start,
    end,
    updatedSince: times.updated_since,
    locationId: query.location_id,
    foreignId: query.foreign_id,
    cancelled: query.cancelled,
    unavailable: query.unavailable,
    nexOnly: query.nex_only,
    appointmentTypeId: query.appointment_type_id,
    createdBy: query.created_by,
    providerIds: query.provider_ids,
    operatoryIds: query.operatory_ids,
    patientIds,
  }
}

/** A page of the list. Rows show that the location asked for is there; where there are none, that is looked at. */
async function readRows(
  tx: Tenant,
  filter: AppointmentFilter,
  paging: AppointmentPaging,
): Promise<ShownAppointment[]> {
  const rows = await listAppointments(tx, filter, paging)
  if (rows.length === 0) await refuseForeignLocation(tx, filter.locationId)
  return rows
}

async function getAppointment(tx: Tenant, id: number): Promise<ShownAppointment> {
  const row = await findAppointment(tx, id)
  if (!row) throw new Failure('not_found', 'Appointment not found')
  return row
}

const many = {
  method: 'GET',
  path: '/appointments',
  by: 'subdomain',
  scope: 'appointments:read',
  isFresh: true,
  summary: 'Appointments and blocks that start within a window',
} as const
const one = { method: 'GET', by: 'appointment', scope: 'appointments:read', params: IdParams } as const

export const appointmentRoutes = [
  tenantRoute({
    ...many,
    face: 'v2',
    query: Type.Object({
      ...filters,
      ...PageQuery,
      ...Include,
      location_id: Id,
      patient_id: Type.Optional(PatientId),
    }),
    data: Type.Array(AppointmentV2),
    paging: 'pages',
    async handle(input) {
      const { tx, query, warnings } = input
      const filter = await filterOf(input, query.patient_id === undefined ? undefined : [query.patient_id])
      const { page } = readPage(query, warnings)
      const rows = await readRows(tx, filter, { ...page, sort: 'start_time' })
      const includes = readIncludes(query.include, APPOINTMENT_INCLUDES, warnings)
      return {
        data: await showAppointmentsV2(tx, rows, includes),
        count: await countAppointments(tx, filter),
      }
    },
  }),
  tenantRoute({
    ...many,
    face: 'v3',
    query: Type.Object({
      ...filters,
      ...CursorQuery,
      location_id: Type.Optional(Id),
      patient_ids: Type.Optional(Type.Array(PatientId, { maxItems: PATIENTS_MAX })),
      sort: Type.Optional(Type.String({ maxLength: 200 })),
    }),
    data: Type.Array(AppointmentV3),
    paging: 'cursors',
    check: (query) =>
      query.location_id === undefined && query.foreign_id === undefined
        ? ['Missing parameter location_id (or foreign_id)']
        : [],
    async handle(input) {
      const { tx, query, warnings } = input
      const filter = await filterOf(input, query.patient_ids)
      const sort = readSort(query.sort, SORTS, warnings)
      const reading = readCursors(query, sort, warnings)
      const rows = await readRows(tx, filter, { ...reading.page, sort })
      const byStart = sort === 'start_time'
      const exact = byStart
        ? null
        : await exactUpdates(
            tx,
            rows.map((row) => row.id),
          )
      const placeOf = (row: ShownAppointment): Position => [
        byStart ? row.start_time : (exact?.get(row.id) ?? row.updated_at),
        row.id,
      ]
      // What v3 does not have is left out as it is rendered.
      return cursorAnswer(rows, reading, placeOf, (row) => row)
    },
  }),
  tenantRoute({
    ...one,
    path: '/appointments/{id}',
    face: 'v2',
    summary: 'One appointment, with what stands around it',
    isFresh: true,
    query: Type.Object({ ...Subdomain, ...Include, ...MaxStaleness }),
    data: AppointmentV2,
    async handle({ tx, params, query, warnings }) {
      const row = await getAppointment(tx, params.id)
      const includes = readIncludes(query.include, APPOINTMENT_INCLUDES, warnings)
      return { data: (await showAppointmentsV2(tx, [row], includes))[0] }
    },
  }),
  tenantRoute({
    ...one,
    path: '/appointments/{id}/appointment_descriptors',
    face: 'v2',
    summary: 'The descriptors of an appointment',
    query: Type.Object({ ...Subdomain, descriptor_type: Type.Optional(Type.String({ maxLength: 50 })) }),
    data: Type.Array(Descriptor),
    async handle({ tx, params, query }) {
      const { descriptor_ids } = await getAppointment(tx, params.id)
      const ids = descriptor_ids
      const data = await listDescriptors(tx, { ids, descriptorType: query.descriptor_type })
      return { data, count: data.length }
    },
  }),
  tenantRoute({
    ...one,
    path: '/appointments/{id}/writes',
    face: 'ours',
    summary: 'What we owe or owed the record system for an appointment, with every attempt',
    query: Type.Object({ ...Subdomain }),
    data: Type.Array(Write),
    async handle({ tx, params }) {
      await getAppointment(tx, params.id)
      const data = await showWrites(tx, params.id)
      return { data, count: data.length }
    },
  }),
]
