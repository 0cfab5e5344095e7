/** Appointment types, and the older categories, which are the same rows under their old name (reference, 4.1 and 4.2). */
import { type Static, Type } from 'typebox'
import type { Tenant } from '../../db/database.ts'
import { Failure } from '../../model/failures.ts'
import { Id, oneOf } from '../../model/wire-basics.ts'
import { AppointmentType, Descriptor, Operatory } from '../../model/wire-practice.ts'
import {
  countAppointmentTypes,
  createAppointmentType,
  deleteAppointmentType,
  getAppointmentType,
  listAppointmentTypes,
  updateAppointmentType,
} from '../../store/appointment-types.ts'
import { descriptorsOfTypes, listDescriptors } from '../../store/descriptors.ts'
import { findInstitution } from '../../store/institutions.ts'
import { getLocation } from '../../store/locations.ts'
import { listOperatories } from '../../store/operatories.ts'
import { IdParams, Ids, Include, readIncludes, refuseForeignLocation, Subdomain } from '../inputs.ts'
import { PageQuery, readWhole, tellMore } from '../paging.ts'
import { tenantRoute } from '../route.ts'

const OPERATORIES_MAX = 1000

const fields = {
  name: Type.String({ minLength: 1, maxLength: 255 }),
  minutes: Type.Integer(),
  parent_type: Type.Optional(oneOf(['Institution', 'Location'])),
  parent_id: Type.Optional(Id),
  bookable_online: Type.Optional(Type.Boolean()),
  emr_appt_descriptor_ids: Type.Optional(Ids),
}
const Creation = Type.Object(fields)
const Change = Type.Partial(Creation)
type Change = Static<typeof Change>

/** Decides whose the type is: the institution's, or a location's where that is asked for or the institution wants it so. */
async function scopeOf(tx: Tenant, given: Change, locationId: number | undefined): Promise<number | null> {
  const scoped = (await findInstitution(tx, tx.institutionId))?.appointment_types_location_scoped ?? false
  const kind = given.parent_type ?? (scoped ? 'Location' : 'Institution')
  if (kind === 'Institution') {
    if (given.parent_id !== undefined && given.parent_id !== tx.institutionId)
      throw new Failure('invalid_request', 'Parameter parent_id is not the id of this institution')
    return null
  }
  const id = given.parent_type === 'Location' ? (given.parent_id ?? locationId) : locationId
  if (id === undefined) throw new Failure('invalid_request', 'Missing parameter location_id')
  return (await getLocation(tx, id)).id
}

async function withDescriptors(
  tx: Tenant,
  rows: AppointmentType[],
  wanted: boolean,
): Promise<AppointmentType[]> {
  if (!wanted) return rows
  const descriptors = await descriptorsOfTypes(
    tx,
    rows.map((row) => row.id),
  )
  return rows.map((row) => ({ ...row, descriptors: descriptors.get(row.id) ?? [] }))
}

const Query = Type.Object({ ...Subdomain, ...Include, location_id: Type.Optional(Id) })

/** The two names that the same rows go by. `wrapper` is the key that a body is wrapped in. */
interface Names {
  path: string
  wrapper: string
  noun: string
}

const manyOf = ({ path }: Names) => ({ path, face: 'v2', by: 'subdomain' }) as const
const oneOfThem = ({ path }: Names) =>
  ({ path: `${path}/{id}`, face: 'v2', by: 'appointment_type', params: IdParams }) as const

function readingOf(names: Names) {
  const many = manyOf(names)
  const one = oneOfThem(names)
  const { noun } = names
  return [
    tenantRoute({
      ...many,
      method: 'GET',
      summary: `The ${noun}s of the institution, and of a location`,
      scope: null,
      query: Type.Object({ ...Query.properties, ...PageQuery }),
      data: Type.Array(AppointmentType),
      paging: 'pages',
      async handle({ tx, query, warnings }) {
        await refuseForeignLocation(tx, query.location_id)
        const descriptors = readIncludes(query.include, ['descriptors'], warnings).has('descriptors')
        const filter = { locationId: query.location_id }
        const rows = await listAppointmentTypes(tx, filter, readWhole(query, warnings).page)
        const count = await countAppointmentTypes(tx, filter)
        tellMore(query, count, warnings)
        return { data: await withDescriptors(tx, rows, descriptors), count }
      },
    }),
    tenantRoute({
      ...one,
      method: 'GET',
      summary: `One ${noun}`,
      scope: null,
      query: Query,
      data: AppointmentType,
      async handle({ tx, params, query, warnings }) {
        await refuseForeignLocation(tx, query.location_id)
        const descriptors = readIncludes(query.include, ['descriptors'], warnings).has('descriptors')
        return {
          data: (await withDescriptors(tx, [await getAppointmentType(tx, params.id)], descriptors))[0],
        }
      },
    }),
  ]
}

function writingOf(names: Names) {
  const many = manyOf(names)
  const one = oneOfThem(names)
  const { wrapper, noun } = names
  const bodyOf = (body: object): Change => (body as Record<string, Change>)[wrapper] ?? {}
  const locationOf = (query: { location_id?: number }, body: object) =>
    (body as { location_id?: number }).location_id ?? query.location_id
  const wrapped = (inner: typeof Creation | typeof Change) =>
    Type.Object({ location_id: Type.Optional(Id), [wrapper]: inner })
  return [
    tenantRoute({
      ...many,
      method: 'POST',
      summary: `Makes an ${noun}`,
      scope: 'appointments:write',
      query: Query,
      body: wrapped(Creation),
      data: AppointmentType,
      status: 201,
      async handle({ tx, query, body }) {
        const given = bodyOf(body)
        const { name = '', minutes = 0, bookable_online = false } = given
        await refuseForeignLocation(tx, locationOf(query, body))
        const location_id = await scopeOf(tx, given, locationOf(query, body))
        const descriptorIds = given.emr_appt_descriptor_ids ?? []
        const id = await createAppointmentType(
          tx,
          { name, minutes, bookable_online, location_id },
          descriptorIds,
        )
        return { data: await getAppointmentType(tx, id), status: 201 }
      },
    }),
    tenantRoute({
      ...one,
      method: 'PATCH',
      summary: `Changes an ${noun}; emr_appt_descriptor_ids replaces the list`,
      scope: 'appointments:write',
      query: Query,
      body: wrapped(Change),
      data: AppointmentType,
      async handle({ tx, params, query, body }) {
        const given = bodyOf(body)
        const { name, minutes, bookable_online } = given
        await refuseForeignLocation(tx, locationOf(query, body))
        const location_id =
          given.parent_type === undefined ? undefined : await scopeOf(tx, given, locationOf(query, body))
        const change = { name, minutes, bookable_online, location_id }
        await updateAppointmentType(tx, params.id, change, given.emr_appt_descriptor_ids)
        return { data: await getAppointmentType(tx, params.id) }
      },
    }),
    tenantRoute({
      ...one,
      method: 'DELETE',
      summary: `Deletes an ${noun} and answers it as it was`,
      scope: 'appointments:write',
      query: Query,
      data: AppointmentType,
      async handle({ tx, params, query }) {
        await refuseForeignLocation(tx, query.location_id)
        const row = await getAppointmentType(tx, params.id)
        await deleteAppointmentType(tx, params.id)
        return { data: row }
      },
    }),
  ]
}

const types: Names = { path: '/appointment_types', wrapper: 'appointment_type', noun: 'appointment type' }
const categories: Names = {
  path: '/appointment_categories',
  wrapper: 'appointment_category',
  noun: 'appointment category',
}

const subresource = {
  method: 'GET',
  face: 'v2',
  by: 'appointment_type',
  scope: null,
  params: IdParams,
} as const

export const appointmentTypeRoutes = [
  ...[types, categories].flatMap((names) => [...readingOf(names), ...writingOf(names)]),
  tenantRoute({
    ...subresource,
    path: '/appointment_types/{id}/appointment_descriptors',
    summary: 'The descriptors of an appointment type',
    query: Type.Object({ ...Subdomain, descriptor_type: Type.Optional(Type.String({ maxLength: 50 })) }),
    data: Type.Array(Descriptor),
    async handle({ tx, params, query }) {
      await getAppointmentType(tx, params.id)
      const filter = { appointmentTypeId: params.id, descriptorType: query.descriptor_type }
      const data = await listDescriptors(tx, filter)
      return { data, count: data.length }
    },
  }),
  tenantRoute({
    ...subresource,
    path: '/appointment_categories/{id}/operatories',
    summary: 'The operatories whose working hours name an appointment category',
    query: Type.Object({ ...Subdomain }),
    data: Type.Array(Operatory),
    async handle({ tx, params }) {
      await getAppointmentType(tx, params.id)
      const page = { limit: OPERATORIES_MAX, offset: 0 }
      const data = await listOperatories(tx, { appointmentTypeId: params.id }, page)
      return { data, count: data.length }
    },
  }),
]
