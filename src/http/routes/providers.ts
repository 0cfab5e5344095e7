/** `/providers`, list and one, in both versions. */
import { Type } from 'typebox'
import { Failure } from '../../model/failures.ts'
import { Id } from '../../model/wire-basics.ts'
import { ProviderV2, ProviderV3 } from '../../model/wire-provider.ts'
import { listLocations } from '../../store/locations.ts'
import {
  countProviders,
  findProvider,
  listProviders,
  type ProviderFilter,
  type ProviderRow,
} from '../../store/providers.ts'
import { hoursOfProviders } from '../../store/working-hours.ts'
import {
  IdParams,
  Ids,
  Include,
  readIncludes,
  readUpdatedSince,
  refuseForeignLocation,
  Subdomain,
  UpdatedSince,
} from '../inputs.ts'
import { CursorQuery, cursorAnswer, PageQuery, placeOf, readCursors, readPage, readSort } from '../paging.ts'
import { type TenantInput, tenantRoute } from '../route.ts'
import { type ProviderParts, showProviderV2, showProviderV3 } from '../versions/provider.ts'

const INCLUDES = ['locations', 'availabilities', 'appointment_types'] as const
const SORTS = ['id', 'updated_at', '-updated_at'] as const
const filters = {
  ...Subdomain,
  ...Include,
  ...UpdatedSince,
  location_id: Type.Optional(Id),
  ids: Type.Optional(Ids),
  foreign_id: Type.Optional(Type.String()),
  requestable: Type.Optional(Type.Boolean()),
  inactive: Type.Optional(Type.Boolean()),
  sort: Type.Optional(Type.String({ maxLength: 200 })),
}
type Filters = {
  location_id?: number
  ids?: number[]
  foreign_id?: string
  requestable?: boolean
  inactive?: boolean
  updated_since?: string
}

/** `inactive` is false where not given (reference, 6.4). */
async function filterOf({ tx, query, warnings }: TenantInput<Filters>): Promise<ProviderFilter> {
  await refuseForeignLocation(tx, query.location_id)
  return {
    locationId: query.location_id,
    ids: query.ids,
    foreignId: query.foreign_id,
    requestable: query.requestable,
    inactive: query.inactive ?? false,
    updatedSince: await readUpdatedSince(tx, query, warnings),
  }
}

/** What stands with the providers: locations unless other includes are named, hours where they are. */
async function partsOf(
  { tx, query, warnings }: TenantInput<{ include?: string[] }>,
  rows: ProviderRow[],
): Promise<ProviderParts> {
  const includes = readIncludes(query.include ?? ['locations'], INCLUDES, warnings)
  const hours = includes.has('availabilities') || includes.has('appointment_types')
  return {
    institutionId: tx.institutionId,
    locations: includes.has('locations') ? await listLocations(tx) : null,
    hours: hours
      ? await hoursOfProviders(
          tx,
          rows.map((row) => row.id),
        )
      : null,
  }
}

async function getProvider(input: TenantInput<{ include?: string[] }, { id: number }>) {
  const row = await findProvider(input.tx, input.params.id)
  if (!row) throw new Failure('not_found', 'Provider not found')
  return { row, parts: await partsOf(input, [row]) }
}

const one = {
  method: 'GET',
  path: '/providers/{id}',
  summary: 'One provider',
  by: 'provider',
  scope: null,
  query: Type.Object({ ...Subdomain, ...Include }),
  params: IdParams,
} as const
const many = {
  method: 'GET',
  path: '/providers',
  summary: 'Providers; inactive ones only where asked for',
  by: 'subdomain',
  scope: null,
} as const

export const providerRoutes = [
  tenantRoute({
    ...many,
    face: 'v2',
    query: Type.Object({ ...filters, ...PageQuery }),
    data: Type.Array(ProviderV2),
    paging: 'pages',
    async handle(input) {
      const filter = await filterOf(input)
      const sort = readSort(input.query.sort, SORTS, input.warnings)
      const rows = await listProviders(input.tx, filter, sort, readPage(input.query, input.warnings).page)
      const parts = await partsOf(input, rows)
      return {
        data: rows.map((row) => showProviderV2(row, parts)),
        count: await countProviders(input.tx, filter),
      }
    },
  }),
  tenantRoute({
    ...many,
    face: 'v3',
    query: Type.Object({ ...filters, ...CursorQuery }),
    data: Type.Array(ProviderV3),
    paging: 'cursors',
    async handle(input) {
      const filter = await filterOf(input)
      const sort = readSort(input.query.sort, SORTS, input.warnings)
      const reading = readCursors(input.query, sort, input.warnings)
      const rows = await listProviders(input.tx, filter, sort, reading.page)
      const parts = await partsOf(input, rows)
      return cursorAnswer(rows, reading, placeOf, (row) => showProviderV3(row, parts))
    },
  }),
  tenantRoute({
    ...one,
    face: 'v2',
    data: ProviderV2,
    async handle(input) {
      const { row, parts } = await getProvider(input)
      return { data: showProviderV2(row, parts) }
    },
  }),
  tenantRoute({
    ...one,
    face: 'v3',
    data: ProviderV3,
    async handle(input) {
      const { row, parts } = await getProvider(input)
      return { data: showProviderV3(row, parts) }
    },
  }),
]
