/**
 * `/data_sources/{id}/jwks.json`: the public keys that a record system verifies our assertions with, without a key of the API:
 * it is the record system's token endpoint that reads them (SMART App Launch 2, client-confidential-asymmetric).
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { inTenantReading, inWork } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { findDataSource, institutionOfSource } from '../store/data-sources.ts'
import type { ConnectorFace, ServerContext } from './context.ts'

export const JWKS_PATH = '/data_sources/{id}/jwks.json'
/** The same as the server's own pattern. */
export const KEYS_ROUTE = JWKS_PATH.replace('{id}', ':id')

/** Token endpoints keep a set for as long: what is published anew is known to all of them after it. */
const FRESH_SECONDS = 300

export function serveKeys(app: FastifyInstance, context: ServerContext): void {
  app.get(KEYS_ROUTE, async (request, reply) => {
    const keys = await keysOf(context, request)
    // That there is no such data source and that it has no keys is one answer.
    if (keys.length === 0) throw new Failure('not_found', 'No keys are published here')
    return reply
      .header('cache-control', `public, max-age=${FRESH_SECONDS}`)
      .type('application/json')
      .send(JSON.stringify({ keys }))
  })
}

async function keysOf(
  { database, connectors }: ServerContext,
  { params }: FastifyRequest,
): Promise<ReturnType<ConnectorFace['publishedKeys']>> {
  const { id: named = '' } = params as { id?: string }
  if (!/^[1-9]\d{0,14}$/.test(named)) return []
  const id = Number(named)
  const institutionId = await inWork(database, (tx) => institutionOfSource(tx, id))
  if (institutionId === null) return []
  const source = await inTenantReading(database, institutionId, (tx) => findDataSource(tx, id))
  const face = connectors.find(({ name }) => name === source?.connector)
  return source && face ? face.publishedKeys(source.configuration) : []
}
