/**
 * `/livez` and `/readyz`, without a key. Ready means that this process can answer: the database is reached, has the schema that
 * this process was made for, and, where it works too, the work loop turns. Data sources are listed and never fail it: a record
 * system that is away takes no bookings from us.
 */
import type { FastifyInstance } from 'fastify'
import { inGlobal, inWork } from '../db/database.ts'
import { limitTime, listSourceHealth, readSchemaNumber, type SourceHealth } from '../store/watching.ts'
import type { ServerContext } from './context.ts'

const STATEMENT_MS = 2_000
/** A work loop looks every second. */
const LOOK_MAX_MS = 15_000
/** More are counted and not listed. */
const SOURCES_MAX = 1_000

export function serveHealth(app: FastifyInstance, context: ServerContext): void {
  app.get('/livez', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const checks = { database: 'ok', migrations: 'ok', work: checkWork(context) }
    let sources: SourceHealth[] = []
    try {
      checks.migrations = await checkMigrations(context)
      sources = await inWork(context.database, async (tx) => {
        await limitTime(tx, STATEMENT_MS)
        return await listSourceHealth(tx, SOURCES_MAX + 1)
      })
    } catch {
      // The kind of failure is in the log of whoever met it with a request; here it only matters that there is one.
      checks.database = 'unavailable'
      checks.migrations = 'unknown'
    }
    const isReady = Object.values(checks).every((check) => check === 'ok' || check === 'elsewhere')
    return reply.code(isReady ? 200 : 503).send({
      status: isReady ? 'ok' : 'unavailable',
      checks,
      data_sources: sources.slice(0, SOURCES_MAX).map(show),
      ...(sources.length > SOURCES_MAX && { more_data_sources: true }),
    })
  })
}

/** A newer schema is a rolling upgrade's: migrations are made so that a process one version older survives them. */
async function checkMigrations({ database, schema }: ServerContext): Promise<string> {
  const found = await inGlobal(database, async (tx) => {
    await limitTime(tx, STATEMENT_MS)
    return await readSchemaNumber(tx)
  })
  return found < (schema ?? 0) ? 'missing' : 'ok'
}

/** `elsewhere`: this process answers HTTP only. */
function checkWork({ loops = [] }: ServerContext): string {
  if (loops.length === 0) return 'elsewhere'
  return loops.some(({ sinceLookMs }) => sinceLookMs() > LOOK_MAX_MS) ? 'stalled' : 'ok'
}

/** Nobody is known here: ids and lights, no names and no reasons. */
function show({ id, read_status, write_status, writing_stopped, data_as_of }: SourceHealth) {
  return { id, read_status, write_status: writing_stopped ? 'stopped' : write_status, data_as_of }
}
