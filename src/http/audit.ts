/**
 * The audit of requests: each leaves a row, and its answer leaves after that row was committed. What changes something has its
 * row in its own transaction; all others, refusals too, share a commit with those that come at the same time.
 */
import { setImmediate } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { inWork, type Tenant, type WorkTransaction } from '../db/database.ts'
import { inBatches } from '../db/in-batches.ts'
import { Failure } from '../model/failures.ts'
import { type FindPatients, patientsIn } from '../model/patient-ids.ts'
import { appendAudit, commitUnflushed, INSTALLATION, type NewAudit } from '../store/audit.ts'
import type { ServerContext } from './context.ts'
import { refusal } from './envelope.ts'
import type { Sent } from './idempotency.ts'
import { KEYS_ROUTE } from './jwks.ts'
import type { Route } from './route.ts'

/** What is known of a request for its row. */
interface RequestAudit {
  patientIds: Set<number>
  /** The status of the row that was committed with what the request did. */
  committed: number | null
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null: no row is written. */
    audit: RequestAudit | null
    keyId?: number
    /** Null: about none, or none that this key may see. */
    institutionId?: number | null
  }
}

/** They take no key and show nothing of anybody; how we are must also be said when no row can be written. */
const UNAUDITED = new Set(['/livez', '/readyz', '/metrics', '/openapi.json', '/docs', KEYS_ROUTE])

/** Has every request audited that is read from now on; one that was refused for overload before that is not. */
export function auditRequests(app: FastifyInstance, { database, log }: ServerContext): void {
  // No waiting for others: whoever comes while a commit is under way is in the next.
  const append = inBatches((rows: NewAudit[]) => inWork(database, (tx) => appendTogether(tx, rows)), 0)
  app.decorateRequest('audit', null)
  app.addHook('onRequest', async (request) => {
    if (UNAUDITED.has(request.routeOptions.url ?? '')) return
    request.audit = { patientIds: new Set(), committed: null }
  })
  app.addHook('onSend', async (request, reply, payload) => {
    const { audit } = request
    if (!audit || audit.committed === reply.statusCode) return payload
    try {
      await append(rowOf(request, audit, reply.statusCode))
      return payload
    } catch (error) {
      const { name, code } = (error ?? {}) as { name?: string; code?: string }
      const fields = { request_id: request.id, route: request.routeOptions.url ?? null }
      log?.error({ ...fields, error: name ?? null, code: code ?? null }, 'request could not be audited')
      return refuseUnaudited(request, reply)
    }
  })
}

/**
 * Sends the rows with their commit behind them, which fails where they did. Rows that name no patient are not waited for until
 * they are on the disk: a crash of the database may lose those of its last second.
 */
async function appendTogether(tx: WorkTransaction, rows: NewAudit[]): Promise<void> {
  const isAboutNobody = rows.every(({ patientIds }) => patientIds?.length === 0)
  const answered = Promise.all([isAboutNobody ? commitUnflushed(tx) : null, appendAudit(tx, rows)])
  answered.catch(() => undefined)
  // They are on their way by then, however many turns that took.
  await setImmediate()
}

/** In place of an answer that nobody could be told about later. */
function refuseUnaudited(request: FastifyRequest, reply: FastifyReply): string {
  const { status, retryAfterSeconds, body } = refusal(
    new Failure('unavailable', 'The request could not be audited; try again'),
    request.id,
  )
  reply.code(status).header('retry-after', String(retryAfterSeconds)).type('application/json; charset=utf-8')
  return JSON.stringify(body)
}

function rowOf(request: FastifyRequest, { patientIds }: RequestAudit, status: number): NewAudit {
  // What is not there touched nobody, and the number that was sent for it may be anything: a phone's, say.
  const touched = status === 404 ? [] : [...patientIds]
  return {
    institutionId: request.institutionId ?? INSTALLATION,
    kind: 'request',
    method: request.method,
    route: request.routeOptions.url ?? null,
    status,
    apiKeyId: request.keyId ?? null,
    requestId: request.id,
    webhookEndpointId: null,
    patientIds: touched.sort((a, b) => a - b),
  }
}

/** How the requests of one route are audited. */
export interface Audited {
  /** Notes whom the request names. */
  names(request: FastifyRequest, given: { query: unknown; params: unknown; body: unknown }): void
  /** Notes whom the answer's data shows. */
  shows(request: FastifyRequest, data: unknown): void
  /** Adds the request's row in its own transaction; then say when that was committed. */
  append(tx: Tenant | WorkTransaction, request: FastifyRequest, status: number): Promise<void>
  committed(request: FastifyRequest, status: number): void
  /** The same for an answer under a key: its row was committed with it, or it is one that was kept. */
  keyed(request: FastifyRequest, sent: Sent): Sent
}

/** What names a patient is told by the route's schemas, and looked for once. */
export function auditedBy(route: Route): Audited {
  const finderOf = (schema: Route['query']) => (schema ? patientsIn(schema) : null)
  const [query, params, body] = [finderOf(route.query), finderOf(route.params), finderOf(route.body)]
  const data = patientsIn(route.data)
  const note = (find: FindPatients | null, request: FastifyRequest, value: unknown) => {
    if (request.audit) find?.(value, request.audit.patientIds)
  }
  const audited: Audited = {
    names(request, given) {
      note(query, request, given.query)
      note(params, request, given.params)
      note(body, request, given.body)
    },
    shows: (request, shown) => note(data, request, shown),
    async append(tx, request, status) {
      if (request.audit) await appendAudit(tx, [rowOf(request, request.audit, status)])
    },
    committed(request, status) {
      if (request.audit) request.audit.committed = status
    },
    keyed(request, sent) {
      if (!sent.replayed) audited.committed(request, sent.status)
      else if (data && sent.text !== '')
        audited.shows(request, (JSON.parse(sent.text) as { data: unknown }).data)
      return sent
    },
  }
  return audited
}
