/** `/institutions` and `/locations`, read: they work without `subdomain` (decision 30). */
import { Type } from 'typebox'
import { inGlobal, inTenant, type Tenant } from '../../db/database.ts'
import { Failure } from '../../model/failures.ts'
import { Institution, InstitutionLocations, Location } from '../../model/wire-practice.ts'
import {
  countInstitutions,
  findInstitution,
  type InstitutionRow,
  listInstitutions,
} from '../../store/institutions.ts'
import { getLocation, listLocations } from '../../store/locations.ts'
import { listSourceStatus } from '../../store/sync-status.ts'
import { IdParams, Include, readIncludes, Subdomain } from '../inputs.ts'
import { PageQuery, readWhole, tellMore } from '../paging.ts'
import { type AccountInput, accountRoute, tenantRoute } from '../route.ts'
import { showInstitution, showInstitutionLocations, showLocation } from '../versions/practice.ts'

type Paged = { page?: number | undefined; per_page?: number | undefined }

/** One page of the institutions that the key may see. */
async function readInstitutions(input: AccountInput<Paged>) {
  const { caller, context } = input
  const subdomain = (input.query as { subdomain?: string }).subdomain
  if (subdomain !== undefined && !caller.institution)
    throw new Failure('forbidden', "You don't have access to perform this action.")
  const filter = { accountId: caller.accountId, institutionIds: caller.institutionIds, subdomain }
  const { page } = readWhole(input.query, input.warnings)
  const found = await inGlobal(context.database, async (tx) => ({
    rows: await listInstitutions(tx, filter, page),
    count: await countInstitutions(tx, filter),
  }))
  tellMore(input.query, found.count, input.warnings)
  return found
}

async function institutionShown(tx: Tenant, row: InstitutionRow, context: AccountInput['context']) {
  return showInstitution(row, await listLocations(tx), await listSourceStatus(tx), context.connectors)
}

export const practiceRoutes = [
  accountRoute({
    method: 'GET',
    path: '/institutions',
    face: 'v2',
    summary: 'The institutions that the key may see',
    by: 'account',
    scope: null,
    query: Type.Object({ ...Subdomain, ...PageQuery }),
    data: Type.Array(Institution),
    paging: 'pages',
    async handle(input) {
      const { rows, count } = await readInstitutions(input)
      const data = []
      for (const row of rows)
        data.push(
          await inTenant(input.context.database, row.id, (tx) => institutionShown(tx, row, input.context)),
        )
      return { data, count }
    },
  }),
  tenantRoute({
    method: 'GET',
    path: '/institutions/{id}',
    face: 'v2',
    summary: 'One institution',
    by: 'institution',
    scope: null,
    params: IdParams,
    data: Institution,
    async handle({ tx, params, context }) {
      const row = params.id === tx.institutionId ? await findInstitution(tx, params.id) : null
      if (!row) throw new Failure('not_found', 'Institution not found')
      return { data: await institutionShown(tx, row, context) }
    },
  }),
  accountRoute({
    method: 'GET',
    path: '/locations',
    face: 'v2',
    summary: 'The locations of each institution that the key may see',
    by: 'account',
    scope: null,
    query: Type.Object({
      ...Subdomain,
      ...PageQuery,
      ...Include,
      inactive: Type.Optional(Type.Boolean()),
      foreign_id: Type.Optional(Type.String()),
    }),
    data: Type.Array(InstitutionLocations),
    paging: 'pages',
    async handle(input) {
      const { rows, count } = await readInstitutions(input)
      const settings = readIncludes(input.query.include, ['settings'], input.warnings).has('settings')
      const filter = { inactive: input.query.inactive, foreignId: input.query.foreign_id }
      const data = []
      for (const row of rows) {
        const locations = await inTenant(input.context.database, row.id, (tx) => listLocations(tx, filter))
        data.push(showInstitutionLocations(row, locations, settings))
      }
      return { data, count }
    },
  }),
  tenantRoute({
    method: 'GET',
    path: '/locations/{id}',
    face: 'v2',
    summary: 'One location; include[]=settings adds what it is set to',
    by: 'location',
    scope: null,
    query: Type.Object({ ...Subdomain, ...Include }),
    params: IdParams,
    data: Location,
    async handle({ tx, params, query, warnings }) {
      const settings = readIncludes(query.include, ['settings'], warnings).has('settings')
      return { data: showLocation(await getLocation(tx, params.id), settings) }
    },
  }),
]
