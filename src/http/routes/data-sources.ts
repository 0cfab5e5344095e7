/** Data sources, for an admin key. Their configuration goes in and never comes out. */
import { Type } from 'typebox'
import type { Tenant } from '../../db/database.ts'
import { Failure } from '../../model/failures.ts'
import { DataSource, DataSourceChange, DataSourceCreation } from '../../model/wire-setup.ts'
import { addDataSource, updateDataSource } from '../../store/data-sources.ts'
import { listSourceStatus } from '../../store/sync-status.ts'
import type { ConnectorFace } from '../context.ts'
import { IdParams, Subdomain } from '../inputs.ts'
import { tenantRoute } from '../route.ts'
import { faceOf } from '../versions/practice.ts'

const PATH = '/data_sources'
const Query = Type.Object({ ...Subdomain })
const common = { face: 'ours', by: 'subdomain', scope: 'admin', query: Query } as const

async function getSource(tx: Tenant, id: number) {
  const [source] = await listSourceStatus(tx, { id })
  if (!source) throw new Failure('not_found', 'Data source not found')
  return source
}

function refuseBad(face: ConnectorFace | undefined, configuration: unknown): void {
  const wrong = face?.checkConfiguration(configuration) ?? []
  if (wrong.length > 0) throw new Failure('invalid_request', wrong)
}

export const dataSourceRoutes = [
  tenantRoute({
    ...common,
    method: 'GET',
    path: PATH,
    summary: 'The data sources of the institution, without their configuration',
    data: Type.Array(DataSource),
    async handle({ tx }) {
      const data = await listSourceStatus(tx)
      return { data, count: data.length }
    },
  }),
  tenantRoute({
    ...common,
    method: 'POST',
    path: PATH,
    summary: 'Connects a record system; its first load begins at once',
    body: DataSourceCreation,
    data: DataSource,
    status: 201,
    async handle({ tx, body, context }) {
      const { name, connector, configuration, poll_seconds: pollSeconds } = body.data_source
      const face = faceOf(context.connectors, connector)
      if (!face) {
        const known = context.connectors.map((one) => one.name).join(', ')
        throw new Failure('invalid_request', `Parameter connector must be one of ${known}`)
      }
      refuseBad(face, configuration)
      const foreignIdPrefix = `${face.adapter}-${face.system}`
      const id = await addDataSource(tx, { name, connector, foreignIdPrefix, configuration, pollSeconds })
      return { data: await getSource(tx, id), status: 201, owes: true }
    },
  }),
  tenantRoute({
    ...common,
    method: 'PATCH',
    path: `${PATH}/{id}`,
    summary: 'Changes a data source; a configuration replaces the whole of the old one',
    params: IdParams,
    body: DataSourceChange,
    data: DataSource,
    async handle({ tx, params, body, context }) {
      const { name, configuration, poll_seconds: pollSeconds } = body.data_source
      const source = await getSource(tx, params.id)
      if (configuration) refuseBad(faceOf(context.connectors, source.connector), configuration)
      await updateDataSource(tx, params.id, { name, configuration, pollSeconds })
      return { data: await getSource(tx, params.id), owes: true }
    },
  }),
]
