/** `/metrics`: to this machine, or with a token. Numbers of a practice are nobody else's. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Failure } from '../model/failures.ts'
import type { ServerContext } from './context.ts'
import { openMetrics } from './metrics.ts'

/** Counts every request from now on: call it before the routes are made. */
export function serveMetrics(app: FastifyInstance, context: ServerContext): void {
  const metrics = openMetrics(app, context)
  app.get('/metrics', async (request, reply) => {
    if (!isAdmitted(request, context.metricsToken ?? null))
      throw new Failure(
        'forbidden',
        'Metrics are shown to this machine, or with the token of SLOTBRIDGE_METRICS_TOKEN',
      )
    return reply.type(metrics.contentType).send(await metrics.scrape())
  })
}

/** With a token set, everyone shows it. Without, a request through a proxy comes from elsewhere, though its socket is local. */
function isAdmitted({ headers, socket }: FastifyRequest, token: string | null): boolean {
  if (token !== null) {
    const [scheme, given = ''] = (headers.authorization ?? '').split(' ')
    return scheme?.toLowerCase() === 'bearer' && timingSafeEqual(hash(given), hash(token))
  }
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
    (name) => headers[name] !== undefined,
  )
  return !isForwarded && /^(127\.|::1$|::ffff:127\.)/.test(socket.remoteAddress ?? '')
}

const hash = (text: string) => createHash('sha256').update(text).digest()
