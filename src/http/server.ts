/** The HTTP server: one Fastify instance with every route, the same envelope for everything, and no state of its own. */
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { Failure } from '../model/failures.ts'
import { auditRequests } from './audit.ts'
import { exchangeKey } from './authenticate.ts'
import type { Load, ServerContext } from './context.ts'
import { docsPage } from './docs-page.ts'
import { refusal } from './envelope.ts'
import { readBody } from './given-body.ts'
import { serveHealth } from './health.ts'
import { serveKeys } from './jwks.ts'
import { serveMetrics } from './metrics-access.ts'
import { openApiDocument } from './openapi.ts'
import { parseQuery } from './query-string.ts'
import { openRateLimits } from './rate-limit.ts'
import { register } from './register.ts'
import { allRoutes } from './routes/all.ts'
import { shareSerializers } from './serializers.ts'
import { openTokens, type Tokens } from './tokens.ts'
import { spanOf, traceRequests } from './traces.ts'
import { type Unrouted, unrouted } from './unrouted.ts'
import { versionConstraint } from './versions/choose.ts'
import { sendAsV2 } from './versions/content-type.ts'

const BODY_BYTES_MAX = 1024 * 1024
/** A request that takes longer to arrive than this is cut, headers and body together; so is an answer to be taken. */
const ARRIVAL_MS = 30_000
/** Node looks for late ones so many times within that; by its own settings it looks every half minute. */
const LOOKS = 10
/** Request line and headers together; Node answers 431 beyond it. */
const HEADERS_BYTES_MAX = 16 * 1024
/** With bodies of the greatest size 256 MiB, and a few seconds of work for twenty connections to the database. */
const LOAD: Load = { requestsMax: 256, waitingMax: 200 }

/** Builds the server; the caller listens and closes. Needs no database until the first request. */
export function buildServer(context: ServerContext): FastifyInstance {
  const app = openFastify(context)
  acceptBodies(app)
  shareSerializers(app)
  serveMetrics(app, context)
  traceRequests(app, context)
  refuseOverload(app, context)
  auditRequests(app, context)
  cutSlowTakers(app, context)
  answerFailures(app, context, unrouted)
  app.addHook('onResponse', async (request, reply) => {
    // The route's pattern, never the URL: a query string may name a patient.
    const { keyId, institutionId } = request
    context.log?.info(
      {
        request_id: request.id,
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime),
        api_key_id: keyId ?? null,
        institution_id: institutionId ?? null,
        ...traceIdOf(request),
      },
      'request',
    )
  })
  const tokens = openTokens(context.database, () => context.clock.now())
  serveAuthenticates(app, context, tokens)
  servePlain(app, context)
  const serving = { context, tokens, rates: openRateLimits(context.database) }
  for (const route of allRoutes) register(app, serving, route)
  return app
}

/** What a worker answers: whether it lives, is ready, and how it is; nothing of a practice. */
export function buildWorkerServer(context: ServerContext): FastifyInstance {
  const app = openFastify(context)
  serveMetrics(app, context)
  refuseOverload(app, context)
  cutSlowTakers(app, context)
  answerFailures(app, context, () => ({ failure: notHere, allow: null }))
  serveHealth(app, context)
  return app
}

const notHere = new Failure('not_found', 'A worker answers /livez, /readyz and /metrics')

function openFastify(context: ServerContext): FastifyInstance {
  const arrivalMs = context.arrivalMs ?? ARRIVAL_MS
  return Fastify({
    // What comes over a connection that is still open while the server drains is answered too, and the connection then closed:
    // Fastify's own answer would be no envelope, and a rolling restart would be seen by clients.
    return503OnClosing: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: arrivalMs,
    http: {
      maxHeaderSize: HEADERS_BYTES_MAX,
      headersTimeout: arrivalMs,
      connectionsCheckingInterval: arrivalMs / LOOKS,
    },
    clientErrorHandler: refuseUnreadable,
    frameworkErrors: refusePath,
    genReqId: () => randomUUID(),
    routerOptions: {
      constraints: { nexVersion: versionConstraint<never>() },
      querystringParser: parseQuery,
      ignoreTrailingSlash: true,
    },
  })
}

/** Whatever is thrown, and whatever has no route, is said in the envelope. */
function answerFailures(
  app: FastifyInstance,
  context: ServerContext,
  judge: (request: FastifyRequest) => Unrouted,
): void {
  const refuseUnrouted = (request: FastifyRequest, reply: FastifyReply) => {
    const { allow, failure } = judge(request)
    if (allow) reply.header('allow', allow)
    const { status, body } = refusal(failure, request.id)
    return reply.code(status).send(body)
  }
  app.setErrorHandler((error, request, reply) => {
    // Fastify judges the content type of some methods before it sees that no route takes them.
    if (request.is404 && !(error instanceof Failure)) return refuseUnrouted(request, reply)
    const { status, retryAfterSeconds, body } = refusal(error, request.id)
    if (status >= 500) logFault(context, request, status, error)
    // Where the database is away, there is nowhere to write a row, and nothing was done or shown.
    if (status === 503 && !(error instanceof Failure)) request.audit = null
    if (retryAfterSeconds !== null && !reply.hasHeader('retry-after'))
      reply.header('retry-after', String(retryAfterSeconds))
    return reply.code(status).send(body)
  })
  app.setNotFoundHandler(refuseUnrouted)
}

/** What needs no database, or can do without, is answered under any load: it says that we live, and how. */
const ALWAYS_ANSWERED = new Set(['/livez', '/metrics', '/openapi.json', '/docs'])

/** Back-pressure: what cannot be answered soon is refused before its body is read, so that memory does not grow. */
function refuseOverload(app: FastifyInstance, { database, load = LOAD }: ServerContext): void {
  let requests = 0
  app.addHook('onRequest', async (request, reply) => {
    requests++
    reply.raw.once('close', () => {
      requests--
    })
    if (ALWAYS_ANSWERED.has(request.routeOptions.url ?? '')) return
    if (requests > load.requestsMax || database.pool.waitingCount >= load.waitingMax)
      throw new Failure('unavailable', 'The server has more to do than it can; try again')
  })
}

/** A client that does not take its answer would keep its place for ever: a few hundred of them, and nobody else is answered. */
function cutSlowTakers(app: FastifyInstance, { arrivalMs = ARRIVAL_MS }: ServerContext): void {
  app.addHook('onSend', async ({ raw: { socket } }, reply, payload) => {
    const late = setTimeout(() => socket.destroy(), arrivalMs).unref()
    reply.raw.once('close', () => clearTimeout(late))
    return payload
  })
}

/** What is no HTTP, or too much of it, in the envelope; Fastify never sees it. */
function refuseUnreadable(error: { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, sentence] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The headers are larger than 16 KiB']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long to arrive']
        : ['400 Bad Request', 'The request cannot be read']
  const body = JSON.stringify({ code: false, description: null, data: null, error: [sentence] })
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

/** A path that the router cannot read, in the envelope too, and without the URL, which Fastify's own answer repeats. */
function refusePath(error: { code?: string }, request: FastifyRequest, reply: FastifyReply): void {
  const failure =
    error.code === 'FST_ERR_BAD_URL'
      ? new Failure('invalid_request', 'The path cannot be read: write a % in it as %25')
      : new Failure('not_found', 'Resource not found')
  const { status, body } = refusal(failure, request.id)
  reply.code(status).send(body)
}

/** JSON under any content type, an empty body as none (decision 17). */
function acceptBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    try {
      done(null, request.url.split('?')[0] === '/authenticates' ? undefined : readBody(String(body)))
    } catch (error) {
      done(error as Failure, undefined)
    }
  })
}

/** `POST /authenticates` stands outside the routes' frame: it takes a key where they take a token. */
function serveAuthenticates(app: FastifyInstance, context: ServerContext, tokens: Tokens): void {
  app.post('/authenticates', { onSend: sendAsV2 }, async (request, reply) => {
    const { token, keyId } = await exchangeKey(context.database, tokens, request.headers.authorization)
    request.keyId = keyId
    return reply.code(201).send({ code: true, description: 'Authenticated', error: [], data: { token } })
  })
}

/** What needs no key: whether we live, what we serve, and how to read it. */
function servePlain(app: FastifyInstance, context: ServerContext): void {
  const document = JSON.stringify(openApiDocument())
  serveHealth(app, context)
  serveKeys(app, context)
  app.get('/openapi.json', async (_request, reply) => reply.type('application/json').send(document))
  app.get('/docs', async (_request, reply) =>
    reply
      .header(
        'content-security-policy',
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'",
      )
      .type('text/html; charset=utf-8')
      .send(docsPage),
  )
}

/** For whoever looks for the trace of a line. */
function traceIdOf(request: FastifyRequest): { trace_id?: string } {
  const traceId = spanOf(request)?.traceparent.split('-')[1]
  return traceId === undefined ? {} : { trace_id: traceId }
}

/** The kind of error and where it was thrown; never its message, which may quote what was sent. */
function logFault(context: ServerContext, request: FastifyRequest, status: number, error: unknown): void {
  const { name, code, stack } = (error ?? {}) as { name?: string; code?: string; stack?: string }
  const at = (stack ?? '')
    .split('\n')
    .filter((line) => line.trimStart().startsWith('at '))
    .slice(0, 12)
  context.log?.error(
    {
      request_id: request.id,
      route: request.routeOptions.url ?? null,
      status,
      error: name ?? null,
      code: code ?? null,
      at,
    },
    'request failed',
  )
}
