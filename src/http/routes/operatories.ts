/** `/operatories`. v3 redefines the list only; one operatory is v2's everywhere. */
import { Type } from 'typebox'
import type { Tenant } from '../../db/database.ts'
import { Failure } from '../../model/failures.ts'
import { Id } from '../../model/wire-basics.ts'
import { Operatory } from '../../model/wire-practice.ts'
import { typesOfOperatories } from '../../store/appointment-types.ts'
import {
  countOperatories,
  findOperatory,
  listOperatories,
  type OperatoryFilter,
  type OperatoryRow,
} from '../../store/operatories.ts'
import {
  IdParams,
  Include,
  readIncludes,
  readUpdatedSince,
  refuseForeignLocation,
  Subdomain,
  UpdatedSince,
} from '../inputs.ts'
import { CursorQuery, cursorAnswer, PageQuery, placeOf, readCursors, readPage } from '../paging.ts'
import { type TenantInput, tenantRoute } from '../route.ts'

const INCLUDES = ['appointment_types', 'appt_categories'] as const
const filters = {
  ...Subdomain,
  ...Include,
  ...UpdatedSince,
  location_id: Id,
  search_name: Type.Optional(Type.String({ maxLength: 100 })),
  foreign_id: Type.Optional(Type.String()),
}
type Filters = {
  location_id: number
  search_name?: string
  foreign_id?: string
  updated_since?: string
  include?: string[]
}

async function filterOf({ tx, query, warnings }: TenantInput<Filters>): Promise<OperatoryFilter> {
  await refuseForeignLocation(tx, query.location_id)
  return {
    locationId: query.location_id,
    searchName: query.search_name,
    foreignId: query.foreign_id,
    updatedSince: await readUpdatedSince(tx, query, warnings),
  }
}

/** Adds the types that the operatory's working hours name, where asked for. */
async function shower(tx: Tenant, rows: OperatoryRow[], asked: string[] | undefined, warnings: string[]) {
  const includes = readIncludes(asked, INCLUDES, warnings)
  const types =
    includes.size > 0
      ? await typesOfOperatories(
          tx,
          rows.map((row) => row.id),
        )
      : new Map()
  return (row: OperatoryRow) => ({
    ...row,
    ...(includes.has('appointment_types') && { appointment_types: types.get(row.id) ?? [] }),
    ...(includes.has('appt_categories') && { appt_categories: types.get(row.id) ?? [] }),
  })
}

export const operatoryRoutes = [
  tenantRoute({
    method: 'GET',
    path: '/operatories',
    face: 'v2',
    summary: 'The operatories of a location',
    by: 'subdomain',
    scope: null,
    query: Type.Object({ ...filters, ...PageQuery }),
    data: Type.Array(Operatory),
    paging: 'pages',
    async handle(input) {
      const filter = await filterOf(input)
      const rows = await listOperatories(input.tx, filter, readPage(input.query, input.warnings).page)
      const show = await shower(input.tx, rows, input.query.include, input.warnings)
      return { data: rows.map(show), count: await countOperatories(input.tx, filter) }
    },
  }),
  tenantRoute({
    method: 'GET',
    path: '/operatories',
    face: 'v3',
    summary: 'The operatories of a location',
    by: 'subdomain',
    scope: null,
    query: Type.Object({ ...filters, ...CursorQuery }),
    data: Type.Array(Operatory),
    paging: 'cursors',
    async handle(input) {
      const filter = await filterOf(input)
      const reading = readCursors(input.query, 'id', input.warnings)
      const rows = await listOperatories(input.tx, filter, reading.page)
      const show = await shower(input.tx, rows, input.query.include, input.warnings)
      return cursorAnswer(rows, reading, placeOf, show)
    },
  }),
  tenantRoute({
    method: 'GET',
    path: '/operatories/{id}',
    face: 'v2',
    summary: 'One operatory',
    by: 'operatory',
    scope: null,
    query: Type.Object({ ...Subdomain, ...Include }),
    params: IdParams,
    data: Operatory,
    async handle({ tx, params, query, warnings }) {
      const row = await findOperatory(tx, params.id)
      if (!row) throw new Failure('not_found', 'Operatory not found')
      return { data: (await shower(tx, [row], query.include, warnings))(row) }
    },
  }),
]
