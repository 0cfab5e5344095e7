/** Wire shapes of webhooks: NexHealth's endpoints and subscriptions (reference, 7.1 and 7.2), and our log of deliveries. */
import { type Static, Type } from 'typebox'
import { Id, InstantText, NullableId, NullableInstant, NullableText, nullable, oneOf } from './wire-basics.ts'

const TargetUrl = Type.String({ minLength: 1, maxLength: 2048 })
const Flag = Type.Optional(Type.Boolean())

export const WebhookEndpoint = Type.Object(
  {
    id: Id,
    target_url: Type.String(),
    /** In the answer that made or rotated it; null everywhere else (decision 33). */
    secret_key: NullableText,
    active: Type.Boolean(),
    created_at: InstantText,
    updated_at: InstantText,
    /** Ours: the same secret as Standard Webhooks libraries take it. */
    standard_webhooks_secret: NullableText,
    /** Ours: since when every attempt failed, and when 48 hours of that made us pause it. */
    failing_since: NullableInstant,
    paused_at: NullableInstant,
    /** Ours: what was retired before it got through, since it was last made active. */
    deliveries_dropped: Type.Integer(),
  },
  { title: 'WebhookEndpoint' },
)
export type WebhookEndpoint = Static<typeof WebhookEndpoint>

export const EndpointCreation = Type.Object({ target_url: TargetUrl, active: Flag })
export const EndpointEdit = Type.Object({ target_url: Type.Optional(TargetUrl), active: Flag })
/** `at_once`: the old secret signs nothing any more; else both do for a day. */
export const SecretRotation = Type.Object({ at_once: Flag })

export const WebhookSubscription = Type.Object(
  {
    id: Id,
    webhook_endpoint_id: Id,
    institution_id: NullableId,
    resource_type: Type.String(),
    event: Type.String(),
    active: Type.Boolean(),
    created_at: InstantText,
    updated_at: InstantText,
  },
  { title: 'WebhookSubscription' },
)
export const SubscriptionCreation = Type.Object({
  resource_type: Type.String({ minLength: 1, maxLength: 64 }),
  event: Type.String({ minLength: 1, maxLength: 64 }),
  active: Flag,
})
export const SubscriptionEdit = Type.Object({ active: Flag, new_endpoint_id: Type.Optional(Id) })

export const DELIVERY_STATES = ['pending', 'delivered', 'dead', 'withdrawn', 'expired'] as const

const delivery = {
  id: Id,
  /** As the receiver sees it in `webhook-id`. */
  message_id: Type.String(),
  institution_id: Id,
  webhook_endpoint_id: Id,
  webhook_subscription_id: Id,
  event_id: Id,
  event_name: NullableText,
  status: oneOf(DELIVERY_STATES),
  attempts: Type.Integer(),
  /** Of the last attempt. */
  response_code: nullable(Type.Integer()),
  error: NullableText,
  duration_ms: nullable(Type.Integer()),
  last_attempt_at: NullableInstant,
  next_attempt_at: NullableInstant,
  ended_at: NullableInstant,
  created_at: InstantText,
}
export const WebhookDelivery = Type.Object(delivery, { title: 'WebhookDelivery' })
export type WebhookDelivery = Static<typeof WebhookDelivery>

export const WebhookDeliveryWithAttempts = Type.Object(
  {
    ...delivery,
    attempt_log: Type.Array(
      Type.Object({
        number: Type.Integer(),
        started_at: InstantText,
        duration_ms: Type.Integer(),
        response_code: nullable(Type.Integer()),
        error: NullableText,
        /** The first kilobyte of what was answered. */
        answer: NullableText,
      }),
    ),
  },
  { title: 'WebhookDeliveryWithAttempts' },
)

export const ReplayRange = Type.Object({
  /** Deliveries made in this time. */
  start: Type.String({ minLength: 1, maxLength: 64 }),
  end: Type.String({ minLength: 1, maxLength: 64 }),
  webhook_endpoint_id: Type.Optional(Id),
  /** Which of them; the dead ones where not given. */
  statuses: Type.Optional(
    Type.Array(oneOf(['dead', 'delivered', 'withdrawn']), { minItems: 1, maxItems: 3 }),
  ),
})
/** What was owed once more. `more`: ask again for the rest. */
export const Replayed = Type.Object({ replayed: Type.Integer(), more: Type.Boolean() }, { title: 'Replayed' })
