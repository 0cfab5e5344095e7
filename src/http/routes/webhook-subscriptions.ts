/**
 * Subscriptions of an endpoint (reference, 7.2). Both versions have the same routes and fields; the version of the request
 * that makes one is the version of its payloads.
 */
import { Type } from 'typebox'
import { inGlobal, inTenant } from '../../db/database.ts'
import { Failure } from '../../model/failures.ts'
import { readSubscribable } from '../../model/webhook-events.ts'
import { Id } from '../../model/wire-basics.ts'
import { SubscriptionCreation, SubscriptionEdit, WebhookSubscription } from '../../model/wire-webhooks.ts'
import type { Caller } from '../../store/access.ts'
import { moveOwed } from '../../store/deliveries.ts'
import {
  createSubscription,
  deleteSubscription,
  findSubscription,
  listSubscriptions,
  type SubscriptionRow,
  updateSubscription,
} from '../../store/webhook-subscriptions.ts'
import type { ServerContext } from '../context.ts'
import { IdParams, Subdomain } from '../inputs.ts'
import { accountRoute } from '../route.ts'
import { ACCESS_DENIED, getEndpoint, refuseUnread, resumeEndpoint } from './webhook-endpoints.ts'

const PATH = '/webhook_endpoints/{id}/webhook_subscriptions'
const ONBOARDING = 'Onboarding'
const Params = Type.Object({ id: Id, subscription_id: Id })
const Query = Type.Object({ ...Subdomain })

/** The institution that `subdomain` names; null where it names none. */
function institutionOf(caller: Caller, subdomain: string | undefined): number | null {
  if (subdomain === undefined) return null
  if (!caller.institution) throw new Failure('forbidden', ACCESS_DENIED)
  return caller.institution.id
}

async function getSubscription(
  context: ServerContext,
  caller: Caller,
  { id, subscription_id }: { id: number; subscription_id: number },
): Promise<SubscriptionRow> {
  const endpoint = await getEndpoint(context, caller, id)
  const row = await inGlobal(context.database, (tx) => findSubscription(tx, endpoint.id, subscription_id))
  const { institutionIds } = caller
  const isTheirs =
    row &&
    (row.institution_id === null || institutionIds === null || institutionIds.includes(row.institution_id))
  if (!isTheirs) throw new Failure('not_found', 'Webhook subscription not found')
  return row
}

/** What is asked for, once it may be. */
function readWanted(caller: Caller, institutionId: number | null, resourceType: string, event: string) {
  const wanted = readSubscribable(resourceType, event)
  if (Array.isArray(wanted)) throw new Failure('invalid_request', wanted)
  const isOnboarding = wanted.resourceType === ONBOARDING
  if (isOnboarding && institutionId !== null)
    throw new Failure('invalid_request', 'Parameter subdomain must be absent for Onboarding')
  if (!isOnboarding && institutionId === null)
    throw new Failure('invalid_request', 'Missing parameter subdomain')
  refuseUnread(caller, wanted.resourceType)
  return wanted
}

type RouteFace = 'v2' | 'v3'

function commonOf(face: RouteFace) {
  return { face, by: 'account', scope: 'webhooks', query: Query } as const
}

function readingAndMaking(face: RouteFace) {
  const common = commonOf(face)
  return [
    accountRoute({
      ...common,
      method: 'GET',
      path: PATH,
      summary: "An endpoint's subscriptions; with subdomain, that institution's",
      params: IdParams,
      data: Type.Array(WebhookSubscription),
      async handle({ params, query, caller, context }) {
        const endpoint = await getEndpoint(context, caller, params.id)
        const institutionId = institutionOf(caller, query.subdomain) ?? undefined
        const filter = { endpointId: endpoint.id, institutionId, within: caller.institutionIds }
        const data = await inGlobal(context.database, (tx) => listSubscriptions(tx, filter))
        return { data, count: data.length }
      },
    }),
    accountRoute({
      ...common,
      method: 'POST',
      path: PATH,
      summary: 'Subscribes an endpoint to an event of an institution',
      params: IdParams,
      body: SubscriptionCreation,
      data: WebhookSubscription,
      status: 201,
      async handle({ params, query, body, caller, context, version, warnings }) {
        const endpoint = await getEndpoint(context, caller, params.id)
        const institutionId = institutionOf(caller, query.subdomain)
        const wanted = readWanted(caller, institutionId, body.resource_type, body.event)
        if (wanted.names.length === 0)
          warnings.push(`Slotbridge never tells ${wanted.event}: this subscription will hear nothing.`)
        const made = {
          ...wanted,
          endpointId: endpoint.id,
          institutionId,
          version,
          active: body.active ?? true,
        }
        const data = await inGlobal(context.database, (tx) => createSubscription(tx, made))
        if (!data)
          throw new Failure('invalid_request', `The endpoint is subscribed to ${wanted.event} already`)
        return { data, status: 201 }
      },
    }),
  ]
}

function changingAndEnding(face: RouteFace) {
  const common = commonOf(face)
  return [
    accountRoute({
      ...common,
      method: 'PATCH',
      path: `${PATH}/{subscription_id}`,
      summary: 'Switches a subscription on or off, or moves it, and what it is owed, to another endpoint',
      params: Params,
      body: SubscriptionEdit,
      data: WebhookSubscription,
      check: (query) => (query.subdomain ? [] : ['Missing parameter subdomain']),
      async handle({ params, query, body, caller, context, warnings }) {
        const row = await getSubscription(context, caller, params)
        const institutionId = institutionOf(caller, query.subdomain)
        if (row.institution_id !== null && row.institution_id !== institutionId)
          throw new Failure('not_found', 'Webhook subscription not found')
        const endpoint = await getEndpoint(context, caller, body.new_endpoint_id ?? params.id)
        if (endpoint.id !== row.webhook_endpoint_id) refuseUnread(caller, row.resource_type)
        const data = await changeSubscription(context, row, endpoint.id, body.active)
        // As NexHealth does it: either may be made active to resume what was paused.
        if (body.active === true && endpoint.paused_at !== null)
          warnings.push(...(await resumeEndpoint(context, endpoint)))
        return { data, owes: true }
      },
    }),
    accountRoute({
      ...common,
      method: 'DELETE',
      path: `${PATH}/{subscription_id}`,
      summary: 'Ends a subscription; nothing more is sent for it',
      params: Params,
      data: Type.Null(),
      status: 204,
      async handle({ params, caller, context }) {
        const row = await getSubscription(context, caller, params)
        await inGlobal(context.database, (tx) => deleteSubscription(tx, row.id))
        return { data: null, status: 204 }
      },
    }),
  ]
}

async function changeSubscription(
  context: ServerContext,
  row: SubscriptionRow,
  endpointId: number,
  active: boolean | undefined,
): Promise<SubscriptionRow> {
  const isMoved = endpointId !== row.webhook_endpoint_id
  const change = { active, endpointId: isMoved ? endpointId : undefined }
  const { institution_id: institutionId } = row
  const changed =
    institutionId === null
      ? await inGlobal(context.database, (tx) => updateSubscription(tx, row.id, change))
      : await inTenant(context.database, institutionId, async (tx) => {
          const updated = await updateSubscription(tx, row.id, change)
          if (updated && isMoved) await moveOwed(tx, row.id, endpointId)
          return updated
        })
  if (!changed) throw new Failure('invalid_request', `The new endpoint is subscribed to ${row.event} already`)
  return changed
}

const faces: RouteFace[] = ['v2', 'v3']
export const webhookSubscriptionRoutes = faces.flatMap((face) => [
  ...readingAndMaking(face),
  ...changingAndEnding(face),
])
