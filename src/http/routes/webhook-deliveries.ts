/** The log of deliveries, and telling once more. Ours: NexHealth shows nothing of what it sent. */
import { Type } from 'typebox'
import { inGlobal, inTenant, type Tenant } from '../../db/database.ts'
import { Failure } from '../../model/failures.ts'
import { GivenDatetime, Id, oneOf } from '../../model/wire-basics.ts'
import {
  DELIVERY_STATES,
  Replayed,
  ReplayRange,
  WebhookDelivery,
  WebhookDeliveryWithAttempts,
} from '../../model/wire-webhooks.ts'
import type { Caller } from '../../store/access.ts'
import {
  institutionOfDelivery,
  listAttempts,
  listDeliveries,
  replayDeliveries,
} from '../../store/delivery-log.ts'
import { listInstitutions } from '../../store/institutions.ts'
import type { ServerContext } from '../context.ts'
import { IdParams, readTimes, Subdomain, zoneOf } from '../inputs.ts'
import { CursorQuery, cursorAnswer, readCursors } from '../paging.ts'
import { accountRoute } from '../route.ts'
import { showDelivery } from '../versions/webhooks.ts'

const PATH = '/webhook_deliveries'
const ACCESS_DENIED = "You don't have access to perform this action."
/** The order that cursors are bound to: the newest first. */
const NEWEST = '-id'
const REPLAY_MAX = 10_000
const common = { face: 'ours', by: 'account', scope: 'webhooks' } as const

/** Deliveries are of one institution: the one named, that of a delivery, or the only one of the key. */
async function institutionFor(
  context: ServerContext,
  caller: Caller,
  asked: { subdomain?: string | undefined; deliveryId?: number },
): Promise<number> {
  if (asked.subdomain !== undefined) {
    if (!caller.institution) throw new Failure('forbidden', ACCESS_DENIED)
    return caller.institution.id
  }
  const { accountId, institutionIds } = caller
  return await inGlobal(context.database, async (tx) => {
    const found = asked.deliveryId === undefined ? null : await institutionOfDelivery(tx, asked.deliveryId)
    const within =
      found === null ? institutionIds : [found].filter((id) => institutionIds?.includes(id) ?? true)
    const visible = await listInstitutions(tx, { accountId, institutionIds: within }, { limit: 2, offset: 0 })
    const [only, ...others] = visible
    if (only && others.length === 0 && (found !== null || asked.deliveryId === undefined)) return only.id
    if (asked.deliveryId !== undefined) throw new Failure('not_found', 'Webhook delivery not found')
    throw new Failure('invalid_request', 'Missing parameter subdomain')
  })
}

async function getDelivery(tx: Tenant, caller: Caller, id: number) {
  const [row] = await listDeliveries(tx, { accountId: caller.accountId, id }, { limit: 1 })
  if (!row) throw new Failure('not_found', 'Webhook delivery not found')
  return row
}

async function getWithAttempts(tx: Tenant, caller: Caller, id: number) {
  const row = await getDelivery(tx, caller, id)
  const attempts = await listAttempts(tx, id)
  const attempt_log = attempts.map(({ response_status, ...rest }) => ({
    ...rest,
    response_code: response_status,
  }))
  return { ...showDelivery(row), attempt_log }
}

export const webhookDeliveryRoutes = [
  accountRoute({
    ...common,
    method: 'GET',
    path: PATH,
    summary: 'What endpoints were told and how it went, the newest first',
    query: Type.Object({
      ...Subdomain,
      ...CursorQuery,
      webhook_endpoint_id: Type.Optional(Id),
      appointment_id: Type.Optional(Id),
      status: Type.Optional(oneOf(DELIVERY_STATES)),
      start: Type.Optional(GivenDatetime),
      end: Type.Optional(GivenDatetime),
    }),
    data: Type.Array(WebhookDelivery),
    paging: 'cursors',
    async handle({ query, caller, context, warnings }) {
      const institutionId = await institutionFor(context, caller, query)
      const { start_cursor: _backward, ...forward } = query
      const reading = readCursors(forward, NEWEST, warnings)
      return await inTenant(context.database, institutionId, async (tx) => {
        const edges = { start: 'first', end: 'last' } as const
        const times = readTimes(query, edges, await zoneOf(tx, {}), warnings)
        const filter = {
          accountId: caller.accountId,
          endpointId: query.webhook_endpoint_id,
          appointmentId: query.appointment_id,
          state: query.status,
          ...times,
        }
        const page = { limit: reading.page.limit, before: reading.page.after?.[1] }
        const rows = await listDeliveries(tx, filter, page)
        return cursorAnswer(rows, reading, (row) => ['0', row.id], showDelivery)
      })
    },
  }),
  accountRoute({
    ...common,
    method: 'GET',
    path: `${PATH}/{id}`,
    summary: 'One delivery with every attempt; answers are cut',
    query: Type.Object({ ...Subdomain }),
    params: IdParams,
    data: WebhookDeliveryWithAttempts,
    async handle({ params, query, caller, context }) {
      const institutionId = await institutionFor(context, caller, { ...query, deliveryId: params.id })
      const data = await inTenant(context.database, institutionId, (tx) =>
        getWithAttempts(tx, caller, params.id),
      )
      return { data }
    },
  }),
  accountRoute({
    ...common,
    method: 'POST',
    path: `${PATH}/{id}/replay`,
    summary: 'Tells a delivery once more, under its old id, with every retry anew',
    query: Type.Object({ ...Subdomain }),
    params: IdParams,
    data: WebhookDeliveryWithAttempts,
    async handle({ params, query, caller, context, warnings }) {
      const institutionId = await institutionFor(context, caller, { ...query, deliveryId: params.id })
      const data = await inTenant(context.database, institutionId, async (tx) => {
        const row = await getDelivery(tx, caller, params.id)
        if (row.state === 'expired' || row.event_name === null)
          throw new Failure('invalid_request', 'The event of this delivery was too old to keep')
        if (row.state === 'pending') warnings.push('The delivery is pending: it is left as it is.')
        const { accountId } = caller
        await replayDeliveries(
          tx,
          { accountId, ids: [row.id], states: ['dead', 'delivered', 'withdrawn'] },
          1,
        )
        return await getWithAttempts(tx, caller, row.id)
      })
      return { data, owes: true }
    },
  }),
  accountRoute({
    ...common,
    method: 'POST',
    path: `${PATH}/replay`,
    summary: `Tells the deliveries of a time once more, the dead ones unless it says which; at most ${REPLAY_MAX} at once`,
    query: Type.Object({ ...Subdomain }),
    body: ReplayRange,
    data: Replayed,
    async handle({ query, body, caller, context, warnings }) {
      const institutionId = await institutionFor(context, caller, query)
      const ids = await inTenant(context.database, institutionId, async (tx) => {
        const edges = { start: 'first', end: 'last' } as const
        const times = readTimes(body, edges, await zoneOf(tx, {}), warnings)
        const { accountId } = caller
        const endpointId = body.webhook_endpoint_id
        const states = body.statuses ?? ['dead' as const]
        return (await replayDeliveries(tx, { accountId, endpointId, states, ...times }, REPLAY_MAX)).ids
      })
      return { data: { replayed: ids.length, more: ids.length === REPLAY_MAX }, owes: true }
    },
  }),
]
