/** A span for each request: by the route's pattern, never by the URL, which may name a patient. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { readTraceparent, type Span } from '../model/trace.ts'
import type { ServerContext } from './context.ts'

/** Asked every few seconds by those who watch. */
const UNTRACED = new Set(['/livez', '/readyz', '/metrics'])

const spans = new WeakMap<FastifyRequest, Span>()

/** Traces every request from now on: call it before the routes are made. */
export function traceRequests(app: FastifyInstance, { tracing }: ServerContext): void {
  if (!tracing) return
  app.addHook('onRequest', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    if (UNTRACED.has(route)) return
    const span = tracing.begin(`${request.method} ${route}`, {
      kind: 'server',
      parent: readTraceparent(request.headers.traceparent),
      attributes: {
        'http.request.method': request.method,
        'http.route': route,
        'slotbridge.request.id': request.id,
      },
    })
    spans.set(request, span)
    // Also where the client went away before its answer.
    reply.raw.once('close', () => {
      const { statusCode } = reply.raw
      span.set({ 'http.response.status_code': statusCode })
      span.end(statusCode >= 500 ? String(statusCode) : undefined)
    })
  })
}

/** The span of a request; undefined where it has none. */
export function spanOf(request: FastifyRequest): Span | undefined {
  return spans.get(request)
}

/** What a request's handler is given: what it owes others goes on with its trace. */
export function withTrace(context: ServerContext, request: FastifyRequest): ServerContext {
  const span = spans.get(request)
  if (!span) return context
  return { ...context, database: { ...context.database, traceparent: span.traceparent } }
}
