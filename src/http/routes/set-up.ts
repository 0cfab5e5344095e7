/** Setting up a practice from nothing, for an admin key: institutions and locations. */
import { Type } from 'typebox'
import type { Tenant } from '../../db/database.ts'
import { inTenant } from '../../db/database.ts'
import { Failure } from '../../model/failures.ts'
import { Institution, Location } from '../../model/wire-practice.ts'
import {
  InstitutionChange,
  InstitutionCreation,
  LocationCreation,
  LocationEdit,
} from '../../model/wire-setup.ts'
import { createInstitution, findInstitution, updateInstitution } from '../../store/institutions.ts'
import { createLocation, getLocation, listLocations, updateLocation } from '../../store/locations.ts'
import { listSourceStatus } from '../../store/sync-status.ts'
import type { ServerContext } from '../context.ts'
import { IdParams, Subdomain } from '../inputs.ts'
import { accountRoute, tenantRoute } from '../route.ts'
import { showInstitution, showLocation } from '../versions/practice.ts'

async function institutionShown(tx: Tenant, context: ServerContext) {
  const row = await findInstitution(tx, tx.institutionId)
  if (!row) throw new Failure('not_found', 'Institution not found')
  return showInstitution(row, await listLocations(tx), await listSourceStatus(tx), context.connectors)
}

/** Null cannot be sent (decision 18), so 0 stands for "refuse bookings that name no length". */
function settingsOf<T extends { default_minutes?: number }>(given: T) {
  const { default_minutes, ...rest } = given
  return default_minutes === undefined
    ? rest
    : { ...rest, default_minutes: default_minutes === 0 ? null : default_minutes }
}

export const setUpRoutes = [
  accountRoute({
    method: 'POST',
    path: '/institutions',
    face: 'ours',
    by: 'account',
    scope: 'admin',
    summary: 'Makes an institution of the account',
    body: InstitutionCreation,
    data: Institution,
    status: 201,
    async handle({ body, caller, context }) {
      if (caller.institutionIds !== null)
        throw new Failure('forbidden', 'The API key is narrowed to some institutions and may make no others')
      const { database } = context
      const id = await createInstitution(database, { ...body.institution, accountId: caller.accountId })
      return { data: await inTenant(database, id, (tx) => institutionShown(tx, context)), status: 201 }
    },
  }),
  tenantRoute({
    method: 'PATCH',
    path: '/institutions/{id}',
    face: 'ours',
    by: 'institution',
    scope: 'admin',
    summary: 'Changes an institution',
    params: IdParams,
    body: InstitutionChange,
    data: Institution,
    async handle({ tx, params, body, context }) {
      if (params.id !== tx.institutionId) throw new Failure('not_found', 'Institution not found')
      await updateInstitution(tx, params.id, body.institution)
      return { data: await institutionShown(tx, context) }
    },
  }),
  tenantRoute({
    method: 'POST',
    path: '/locations',
    face: 'ours',
    by: 'subdomain',
    scope: 'admin',
    summary: 'Makes a location of the institution',
    query: Type.Object({ ...Subdomain }),
    body: LocationCreation,
    data: Location,
    status: 201,
    async handle({ tx, body }) {
      const { name, tz } = body.location
      const id = await createLocation(tx, { ...settingsOf(body.location), name, tz })
      return { data: showLocation(await getLocation(tx, id), true), status: 201, owes: true }
    },
  }),
  tenantRoute({
    method: 'PATCH',
    path: '/locations/{id}',
    face: 'ours',
    by: 'location',
    scope: 'admin',
    summary: 'Changes what a location is set to',
    query: Type.Object({ ...Subdomain }),
    params: IdParams,
    body: LocationEdit,
    data: Location,
    async handle({ tx, params, body }) {
      await updateLocation(tx, params.id, settingsOf(body.location))
      return { data: showLocation(await getLocation(tx, params.id), true), owes: true }
    },
  }),
]
