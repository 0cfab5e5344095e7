/**
 * Freshness as a contract, on every read of appointments and slots. The header `Data-As-Of` says when the last completed pull
 * began: what the record system held then is in the answer. `max_staleness` has us wait for a pull that began late enough, and
 * refuse where none came in time: never an older answer.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { inTenant, inTenantReading, type Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { addMs } from '../model/time.ts'
import { wakeUnit } from '../store/data-sources.ts'
import { type Freshness, readFreshness, type Scope } from '../store/freshness.ts'
import type { ServerContext } from './context.ts'

export const DATA_AS_OF = 'data-as-of'
const STALENESS_MAX_SECONDS = 86_400
/** Clients and proxies wait for half a minute or a minute. */
const WAIT_MS = 10_000
const LOOK_MS = 100
const RETRY_MAX_SECONDS = 60

/** The parameter: seconds between the request and the beginning of the pull that it may at most be answered from. */
export const MaxStaleness = {
  max_staleness: Type.Optional(Type.Integer({ minimum: 0, maximum: STALENESS_MAX_SECONDS })),
}

/** The places whose data a read shows, by the parameters that every such route has. */
function scopeOf(query: unknown, params: unknown): Scope {
  const { location_id, lids } = query as { location_id?: number; lids?: number[] }
  const { id } = params as { id?: number }
  return { locationIds: lids ?? (location_id === undefined ? undefined : [location_id]), appointmentId: id }
}

interface Read {
  query: unknown
  params: unknown
  context: ServerContext
}

/**
 * Waits, outside any transaction, until what would be read is as fresh as asked for.
 * @throws Failure `unavailable`, with Retry-After, where no pull came in time
 */
export async function awaitFreshness(
  { query, params, context }: Read,
  institutionId: number,
  reply: FastifyReply,
): Promise<void> {
  const { max_staleness: seconds } = query as { max_staleness?: number }
  if (seconds === undefined) return
  const scope = scopeOf(query, params)
  const look = () => inTenantReading(context.database, institutionId, (tx) => readFreshness(tx, scope))
  const first = await look()
  const wanted = addMs(first.now, -seconds * 1000)
  const staleOf = ({ sources }: Freshness) => sources.filter(({ asOf }) => asOf === null || asOf < wanted)
  let stale = staleOf(first)
  if (stale.length === 0) return
  await inTenant(context.database, institutionId, async (tx) => {
    for (const { id } of stale) await wakeUnit(tx, 'pull', id)
  })
  context.wake()
  const until = performance.now() + (context.freshWaitMs ?? WAIT_MS)
  while (performance.now() < until && !reply.raw.destroyed) {
    await sleep(LOOK_MS)
    stale = staleOf(await look())
    if (stale.length === 0) return
  }
  const again = Math.max(...stale.map(({ pollSeconds }) => pollSeconds))
  reply.header('retry-after', String(Math.min(again, RETRY_MAX_SECONDS)))
  throw new Failure('unavailable', [
    `No pull of data source ${stale.map(({ id }) => id).join(', ')} began within max_staleness and completed in time`,
    '/sync_status says how it is doing',
  ])
}

/** What a read's answer is as of: ask in its transaction, before anything that it shows. */
export async function dataAsOf(tx: Tenant, { query, params }: Read): Promise<string | null> {
  return (await readFreshness(tx, scopeOf(query, params))).asOf
}
