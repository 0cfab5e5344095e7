/** What v3's working hours and v2's availabilities share: the same rows, under two names. */
import { type TSchema, Type } from 'typebox'
import { changeWorkingHour, createWorkingHour, removeWorkingHour } from '../../booking/working-hour.ts'
import type { Tenant } from '../../db/database.ts'
import { Failure } from '../../model/failures.ts'
import { Id, oneOf } from '../../model/wire-basics.ts'
import { WorkingHourChange, WorkingHourCreation } from '../../model/wire-working-hours.ts'
import { findWorkingHour, type WorkingHourFilter, type WorkingHourRow } from '../../store/working-hours.ts'
import { IdParams, Include, readIncludes, refuseForeignLocation, Subdomain } from '../inputs.ts'
import { tenantRoute } from '../route.ts'

/** Where hours come from: entered here, or read from the record system. */
export const OneOfTwo = Type.Optional(oneOf(['manual', 'synced']))

export const filters = {
  ...Subdomain,
  ...Include,
  location_id: Id,
  provider_id: Type.Optional(Id),
  operatory_id: Type.Optional(Id),
  active: Type.Optional(Type.Boolean()),
  ignore_past_dates: Type.Optional(Type.Boolean()),
}
interface Filters {
  location_id: number
  provider_id?: number
  operatory_id?: number
  active?: boolean
  ignore_past_dates?: boolean
}

/** `active` is true where not given (reference, 5.2). */
export function filterOf(query: Filters): WorkingHourFilter {
  return {
    locationId: query.location_id,
    providerId: query.provider_id,
    operatoryId: query.operatory_id,
    active: query.active ?? true,
    ignorePastDates: query.ignore_past_dates ?? false,
  }
}

/** Whether `include[]` asks for the types. */
export function readsTypes(include: string[] | undefined, warnings: string[]): boolean {
  return readIncludes(include, ['appointment_types'], warnings).size > 0
}

/** The name that a version has for the rows, and how it shows them. */
interface Names {
  face: 'v2' | 'v3'
  path: string
  /** The key that a body is wrapped in. */
  wrapper: string
  data: TSchema
  show(row: WorkingHourRow, withTypes: boolean): unknown
}

async function get(tx: Tenant, id: number): Promise<WorkingHourRow> {
  const row = await findWorkingHour(tx, id)
  if (!row) throw new Failure('not_found', 'Working hour not found')
  return row
}

/** `POST`, and reading, changing and deleting one. */
export function singleRoutes({ face, path, wrapper, data, show }: Names) {
  const one = { path: `${path}/{id}`, face, by: 'working_hour', params: IdParams } as const
  const bodyOf = (body: object) => (body as Record<string, WorkingHourChange>)[wrapper] ?? {}
  return [
    tenantRoute({
      ...one,
      method: 'GET',
      summary: 'One working hour',
      scope: null,
      query: Type.Object({ ...Subdomain, ...Include }),
      data,
      async handle({ tx, params, query, warnings }) {
        return { data: show(await get(tx, params.id), readsTypes(query.include, warnings)) }
      },
    }),
    tenantRoute({
      method: 'POST',
      path,
      face,
      summary: 'Makes a working hour, with exactly one of days, specific_date and custom_recurrence',
      by: 'subdomain',
      scope: 'appointments:write',
      query: Type.Object({ ...Subdomain, location_id: Id }),
      body: Type.Object({ [wrapper]: WorkingHourCreation }),
      data,
      status: 201,
      async handle({ tx, query, body }) {
        await refuseForeignLocation(tx, query.location_id)
        const id = await createWorkingHour(tx, query.location_id, bodyOf(body))
        return { data: show(await get(tx, id), false), status: 201 }
      },
    }),
    tenantRoute({
      ...one,
      method: 'PATCH',
      summary: 'Changes a working hour; of a synced one only the appointment types',
      scope: 'appointments:write',
      query: Type.Object({ ...Subdomain }),
      body: Type.Object({ [wrapper]: WorkingHourChange }),
      data,
      async handle({ tx, params, body }) {
        const given = bodyOf(body)
        await changeWorkingHour(tx, params.id, given)
        const typed = given.appointment_type_ids ?? given.appointment_category_ids
        return { data: show(await get(tx, params.id), typed !== undefined) }
      },
    }),
    tenantRoute({
      ...one,
      method: 'DELETE',
      summary: 'Deletes a working hour that was entered here',
      scope: 'appointments:write',
      query: Type.Object({ ...Subdomain }),
      data: Type.Null(),
      status: 204,
      async handle({ tx, params }) {
        await removeWorkingHour(tx, params.id)
        return { data: null, status: 204 }
      },
    }),
  ]
}
