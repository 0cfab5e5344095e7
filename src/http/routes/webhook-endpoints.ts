/** Webhook endpoints, the account's own; `subdomain` is ignored (reference, 7.1). */
import { Type } from 'typebox'
import { inGlobal, inWork } from '../../db/database.ts'
import { Failure } from '../../model/failures.ts'
import type { Scope } from '../../model/wire-scopes.ts'
import { EndpointCreation, EndpointEdit, SecretRotation, WebhookEndpoint } from '../../model/wire-webhooks.ts'
import type { Caller } from '../../store/access.ts'
import {
  createEndpoint,
  deleteEndpoint,
  deleteEndpointUnit,
  type EndpointRow,
  findEndpoint,
  hurryLanes,
  listEndpoints,
  rotateSecret,
  servesOthers,
  updateEndpoint,
} from '../../store/webhook-endpoints.ts'
import { listSubscriptions } from '../../store/webhook-subscriptions.ts'
import type { ServerContext } from '../context.ts'
import { IdParams, Subdomain } from '../inputs.ts'
import { accountRoute } from '../route.ts'
import { showEndpoint } from '../versions/webhooks.ts'

const PATH = '/webhook_endpoints'
const SECRETS = ['secret_key', 'standard_webhooks_secret'] as const
export const ACCESS_DENIED = "You don't have access to perform this action."
/** What a key must be able to read to be told of it, or to say where it is told. */
const scopes: Record<string, Scope> = { Appointment: 'appointments:read', Patient: 'patients:read' }
const common = { face: 'v2', by: 'account', scope: 'webhooks' } as const

/** @throws Failure where the account has no such endpoint */
export async function getEndpoint(context: ServerContext, caller: Caller, id: number): Promise<EndpointRow> {
  const row = await inGlobal(context.database, (tx) => findEndpoint(tx, caller.accountId, id))
  if (!row) throw new Failure('not_found', 'Webhook endpoint not found')
  return row
}

/** A key narrowed to some institutions leaves alone what tells of others. */
async function refuseOthers(context: ServerContext, caller: Caller, id: number): Promise<void> {
  const { institutionIds } = caller
  if (institutionIds === null) return
  if (await inGlobal(context.database, (tx) => servesOthers(tx, id, institutionIds)))
    throw new Failure('forbidden', 'The endpoint tells of institutions that this API key may not see')
}

/** @throws Failure where the key may not read what is told of */
export function refuseUnread(caller: Caller, resourceType: string): void {
  const needed = scopes[resourceType]
  if (needed && !caller.scopes.includes(needed))
    throw new Failure('forbidden', [ACCESS_DENIED, `The API key lacks the scope ${needed}`])
}

/** Whoever says where an endpoint is, is told what it is told. */
async function refuseTurning(context: ServerContext, caller: Caller, id: number): Promise<void> {
  const filter = { endpointId: id, within: null }
  const told = await inGlobal(context.database, (tx) => listSubscriptions(tx, filter))
  for (const { resource_type } of told) refuseUnread(caller, resource_type)
}

function refuseBadTarget(context: ServerContext, url: string | undefined): void {
  const faults = url === undefined ? [] : (context.webhookTargetFaults?.(url) ?? [])
  if (faults.length > 0) throw new Failure('invalid_request', faults)
}

/** Makes an endpoint active again and everything it is owed due. Answers warnings. */
export async function resumeEndpoint(
  context: ServerContext,
  row: EndpointRow,
  targetUrl?: string,
): Promise<string[]> {
  const isResumed = await inGlobal(context.database, (tx) =>
    updateEndpoint(tx, row.id, { targetUrl, active: true }),
  )
  if (!isResumed) return []
  await inWork(context.database, (tx) => hurryLanes(tx, row.id))
  return row.fell_out > 0
    ? [`${row.fell_out} deliveries were too old to keep and were dropped before they got through.`]
    : []
}

export const webhookEndpointRoutes = [
  accountRoute({
    ...common,
    method: 'GET',
    path: PATH,
    summary: "The account's webhook endpoints, without their secrets",
    query: Type.Object({ ...Subdomain, active: Type.Optional(Type.Boolean()) }),
    data: Type.Array(WebhookEndpoint),
    async handle({ query, caller, context }) {
      const filter = { accountId: caller.accountId, active: query.active }
      const rows = await inGlobal(context.database, (tx) => listEndpoints(tx, filter))
      return { data: rows.map((row) => showEndpoint(row, null)), count: rows.length }
    },
  }),
  accountRoute({
    ...common,
    method: 'POST',
    path: PATH,
    summary: 'Makes a webhook endpoint and answers its secret, this once',
    query: Type.Object({ ...Subdomain }),
    body: EndpointCreation,
    data: WebhookEndpoint,
    shownOnce: SECRETS,
    status: 201,
    async handle({ body, caller, context }) {
      refuseBadTarget(context, body.target_url)
      const { id, secret } = await inGlobal(context.database, (tx) =>
        createEndpoint(tx, {
          accountId: caller.accountId,
          targetUrl: body.target_url,
          active: body.active ?? true,
        }),
      )
      return { data: showEndpoint(await getEndpoint(context, caller, id), secret), status: 201 }
    },
  }),
  accountRoute({
    ...common,
    method: 'PATCH',
    path: `${PATH}/{id}`,
    summary: 'Changes a webhook endpoint; made active again, it is told what it has missed, in order',
    query: Type.Object({ ...Subdomain }),
    params: IdParams,
    body: EndpointEdit,
    data: WebhookEndpoint,
    async handle({ params, body, caller, context, warnings }) {
      const row = await getEndpoint(context, caller, params.id)
      await refuseOthers(context, caller, row.id)
      refuseBadTarget(context, body.target_url)
      if (body.target_url !== undefined) await refuseTurning(context, caller, row.id)
      if (body.active === true) warnings.push(...(await resumeEndpoint(context, row, body.target_url)))
      else
        await inGlobal(context.database, (tx) =>
          updateEndpoint(tx, row.id, { targetUrl: body.target_url, active: body.active }),
        )
      return { data: showEndpoint(await getEndpoint(context, caller, row.id), null), owes: true }
    },
  }),
  accountRoute({
    ...common,
    method: 'POST',
    face: 'ours',
    path: `${PATH}/{id}/rotate_secret`,
    summary:
      'Gives a webhook endpoint a new secret and answers it, this once; the old one signs beside it for a day',
    params: IdParams,
    body: SecretRotation,
    data: WebhookEndpoint,
    shownOnce: SECRETS,
    async handle({ params, body, caller, context }) {
      const row = await getEndpoint(context, caller, params.id)
      await refuseOthers(context, caller, row.id)
      const secret = await inGlobal(context.database, (tx) => rotateSecret(tx, row.id, body.at_once ?? false))
      return { data: showEndpoint(await getEndpoint(context, caller, row.id), secret) }
    },
  }),
  accountRoute({
    ...common,
    method: 'DELETE',
    path: `${PATH}/{id}`,
    summary: 'Takes a webhook endpoint away, with its subscriptions; nothing more is sent',
    query: Type.Object({ ...Subdomain }),
    params: IdParams,
    data: Type.Null(),
    status: 204,
    async handle({ params, caller, context }) {
      const row = await getEndpoint(context, caller, params.id)
      await refuseOthers(context, caller, row.id)
      await inGlobal(context.database, (tx) => deleteEndpoint(tx, row.id))
      await inWork(context.database, (tx) => deleteEndpointUnit(tx, row.id))
      return { data: null, status: 204 }
    },
  }),
]
