/**
 * What Prometheus reads of this process, and of the whole installation. Requests are counted by the route's pattern, never by
 * the URL, which may name a patient; data sources are told by their id alone.
 */
import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ServerContext } from './context.ts'
import { installationGauges } from './metrics-installation.ts'
import { watchLoops } from './metrics-work.ts'

const LATENCY_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Counts from now on. Answers what makes the text of a scrape, which asks the database how the installation is doing. */
export function openMetrics(
  app: FastifyInstance,
  context: ServerContext,
): { contentType: string; scrape(): Promise<string> } {
  const registry = new Registry()
  const registers = [registry]
  const total = new Counter({
    name: 'slotbridge_http_requests_total',
    help: 'Requests answered, by method, pattern of the route and status',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const duration = new Histogram({
    name: 'slotbridge_http_request_duration_seconds',
    help: 'From the first byte of the request to the last of the answer',
    labelNames: ['method', 'route'],
    buckets: LATENCY_SECONDS,
    registers,
  })
  const inFlight = new Gauge({
    name: 'slotbridge_http_requests_in_flight',
    help: 'Requests being answered now',
    labelNames: ['route'],
    registers,
  })
  app.addHook('onRequest', async (request, reply) => {
    const { method, routeOptions } = request
    const route = routeOptions.url ?? 'none'
    inFlight.inc({ route })
    // Also where the client went away before its answer.
    reply.raw.once('close', () => {
      inFlight.dec({ route })
      total.inc({ method, route, status: reply.raw.statusCode })
      duration.observe({ method, route }, reply.elapsedTime / 1000)
    })
  })
  gaugesOfProcess(registry, context)
  watchLoops(registry, context.loops ?? [])
  const refresh = installationGauges(registry, context)
  return {
    contentType: registry.contentType,
    async scrape() {
      await refresh()
      return await registry.metrics()
    },
  }
}

function gaugesOfProcess(registry: Registry, { database: { pool } }: ServerContext): void {
  const registers = [registry]
  new Gauge({
    name: 'slotbridge_pool_connections',
    help: 'Connections of this process to the database, by use',
    labelNames: ['use'],
    registers,
    collect() {
      this.set({ use: 'idle' }, pool.idleCount)
      this.set({ use: 'busy' }, pool.totalCount - pool.idleCount)
    },
  })
  new Gauge({
    name: 'slotbridge_pool_connections_max',
    help: 'Most connections this process opens',
    registers,
    collect() {
      this.set(pool.options.max)
    },
  })
  new Gauge({
    name: 'slotbridge_pool_waiting',
    help: 'Transactions that wait for a connection',
    registers,
    collect() {
      this.set(pool.waitingCount)
    },
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
}
