/** The one place that puts the floors together: database, connectors, work and HTTP, by role. Imports and passes. */
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Value } from 'typebox/value'
import type { Config } from './config.ts'
import type { ConnectorFactory } from './connectors/connector.ts'
import { connectors } from './connectors/registry.ts'
import type { OwnerLock } from './db/owner-lock.ts'
import { highWaterFile, keepHighWater } from './high-water.ts'
import type { ConnectorFace, ServerContext, WatchedLoop } from './http/context.ts'
import { buildServer, buildWorkerServer } from './http/server.ts'
import { deliveryBody } from './http/versions/webhooks.ts'
import { type Installation, openInstallation } from './installation.ts'
import type { Log } from './log.ts'
import { Failure } from './model/failures.ts'
import { pullHandler } from './sync/pull.ts'
import { pushHandler } from './sync/push.ts'
import { sealHandler } from './sync/seal-audit.ts'
import { sequenceHandler } from './sync/sequence.ts'
import { openSystems } from './sync/systems.ts'
import { openTracing } from './tracing.ts'
import type { ShapeDelivery } from './webhooks/batch.ts'
import { deliverHandler } from './webhooks/deliver.ts'
import { openSender } from './webhooks/send.ts'
import { type Allowed, openResolve, readAllowed, targetFaults } from './webhooks/target.ts'
import { startWork, type Work } from './work/loop.ts'
import { openWake, type Wake } from './work/wake.ts'

/** What a process does: answer HTTP, carry out work, or both. */
export type Role = 'api' | 'worker' | 'all'

export interface AppOptions {
  config: Config
  role: Role
  log: Log
  /** The data directory's, where the caller holds it already. */
  owner?: OwnerLock
  /** Bring the schema at DATABASE_URL up to date first. */
  migrate?: boolean
  /** Keep the master key in the data directory also with DATABASE_URL. */
  keepKey?: boolean
  /** Runs on the open database before anything works on it. */
  prepare?: (installation: Installation) => Promise<void>
  /** When aborted, what would outlive this process is ended at once. */
  killed?: AbortSignal
}

export interface App {
  installation: Installation
  wake: Wake
  /** Where HTTP is answered; null for a worker without a port. */
  url: string | null
  /** Answers what is being asked, finishes the items at hand, and closes everything: within twelve seconds. */
  stop(): Promise<void>
}

/** Requests being answered at a stop get this long. */
const ANSWERS_MS = 3_000
const LOOK_MS = 20
/** Items of work at hand get this long; then their leases run out, and another process takes them up. */
const ITEMS_MS = 6_000
/** A receiver that takes longer than this keeps no other waiting for a slot. */
const SLOW_MS = 1_000
/** So does a record system that has not answered by then. */
const SILENT_MS = 500
/** So many units for each slot may run at once, where some wait for a record system that is silent. */
const SILENT_CROWD = 16

/**
 * Starts what the role says. Ready when the promise ends.
 * @throws Failure or Error for people, with everything closed again
 */
export async function startApp(options: AppOptions): Promise<App> {
  const { config, role, log } = options
  const faces = connectorFaces(connectors)
  const allowed = allowedTargets(config)
  const stack = new AsyncDisposableStack()
  try {
    // The first: what the others did until they stopped is sent by its end.
    const tracing = await openTracing(config, role, log)
    if (tracing) stack.use(tracing)
    const installation = stack.use(await openInstallation(options))
    const { database, clock, listenUrl, schema } = installation
    const loops: WatchedLoop[] = []
    // Before anything hands out an id.
    stack.use(await keepHighWater({ database, file: highWaterFile(config), log }))
    await options.prepare?.(installation)
    const wake = stack.use(openWake(database.pool, listenUrl))
    if (role !== 'api') {
      const systems = stack.use(openSystems(connectors, clock))
      const common = { database, clock, wake, log }
      const handlers = {
        pull: pullHandler(systems),
        push: pushHandler(systems, tracing),
        sequence: sequenceHandler({
          wake: () => wake.wake(),
          log,
          clock,
          keepDays: config.keepDays,
          tracing,
        }),
        seal: sealHandler({ clock, keepDays: config.keepAuditDays, log }),
      }
      const { workSlots: slots } = config
      const work = startWork({
        ...common,
        handlers,
        slots,
        slowMs: SILENT_MS,
        crowd: slots * SILENT_CROWD,
      })
      // Slots of their own: receivers that are slow take none from the record systems.
      const sender = stack.use(openSender({ allowed, resolve: openResolve() }))
      const shape: ShapeDelivery = (told) => deliveryBody(told, faces)
      const deliver = deliverHandler({ database, clock, sender, shape, tracing })
      const telling = startWork({
        ...common,
        handlers: { deliver },
        slots: config.deliverySlots,
        slowMs: SLOW_MS,
      })
      loops.push(watched('record_systems', work, config.workSlots))
      loops.push(watched('webhooks', telling, config.deliverySlots))
      stack.defer(() => Promise.all([work.stop(ITEMS_MS), telling.stop(ITEMS_MS)]).then(() => undefined))
    }
    const context: ServerContext = {
      database,
      clock,
      log,
      connectors: faces,
      schema,
      metricsToken: config.metricsToken,
      tracing,
      loops,
      webhookTargetFaults: (target) => targetFaults(target, allowed),
      wake: () => wake.wake(),
    }
    const url = await serveHttp(role, config, context, stack)
    return { installation, wake, url, stop: () => stack.disposeAsync() }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** @throws Failure where the setting cannot be read */
function allowedTargets({ webhookAllow }: Config): Allowed {
  const allowed = readAllowed(webhookAllow)
  if (typeof allowed === 'string')
    throw new Failure(
      'invalid_request',
      'SLOTBRIDGE_WEBHOOK_ALLOW must be loopback or networks such as 10.1.0.0/16, with commas between.',
    )
  return allowed
}

function watched(name: string, work: Work, slots: number): WatchedLoop {
  return {
    name,
    slots,
    running: () => work.running(),
    sinceLookMs: () => work.sinceLookMs(),
    onTurn: (told) => work.onTurn(told),
  }
}

/** Answers what the role is to answer, until the stack is disposed. Null: nothing. */
async function serveHttp(
  role: Role,
  { host, port, workerPort }: Config,
  context: ServerContext,
  stack: AsyncDisposableStack,
): Promise<string | null> {
  const at = role === 'worker' ? workerPort : port
  if (at === null) return null
  const server = role === 'worker' ? buildWorkerServer(context) : buildServer(context)
  stack.defer(() => closeServer(server))
  return await listen(server, host, at)
}

async function listen(server: FastifyInstance, host: string, port: number): Promise<string> {
  await server.listen({ host, port })
  const { port: bound } = server.server.address() as AddressInfo
  const name = host.includes(':') ? `[${host}]` : host
  return `http://${name}:${bound}`
}

/** Takes no more; answers on their way are waited for, and each connection is closed when it idles. */
async function closeServer(server: FastifyInstance): Promise<void> {
  const closed = server.close()
  const idle = setInterval(() => server.server.closeIdleConnections(), LOOK_MS)
  const late = setTimeout(() => server.server.closeAllConnections(), ANSWERS_MS)
  try {
    await closed
  } finally {
    clearInterval(idle)
    clearTimeout(late)
  }
}

/** The connectors as the HTTP floor may see them. */
function connectorFaces(factories: Record<string, ConnectorFactory>): ConnectorFace[] {
  return Object.values(factories).map(
    ({ name, adapter, system, displayName, type, configuration: schema, publishedKeys }) => ({
      name,
      adapter,
      system,
      displayName,
      type,
      publishedKeys: (configuration) => publishedKeys?.(configuration) ?? [],
      checkConfiguration: (configuration) => [
        ...new Set(
          [...Value.Errors(schema, configuration)].map(
            ({ instancePath, message }) =>
              `Configuration ${instancePath.slice(1).replaceAll('/', '.') || 'as a whole'}: ${message}`,
          ),
        ),
      ],
    }),
  )
}
