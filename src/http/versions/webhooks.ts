/** Webhooks as they are shown and told: endpoints, the log, and the body of a delivery (reference, 7.1 and 7.4). */
import type { WebhookDelivery, WebhookEndpoint } from '../../model/wire-webhooks.ts'
import type { ShownDelivery } from '../../store/delivery-log.ts'
import type { StoredEvent } from '../../store/events.ts'
import type { LocationRow } from '../../store/locations.ts'
import type { EndpointRow } from '../../store/webhook-endpoints.ts'
import type { ConnectorFace } from '../context.ts'
import type { Version } from './choose.ts'
import { showEvent } from './event.ts'

/** An endpoint; `secret` only where it was just made. Its `whsec_` form is the same bytes in base64. */
export function showEndpoint(row: EndpointRow, secret: string | null): WebhookEndpoint {
  return {
    id: row.id,
    target_url: row.target_url,
    secret_key: secret,
    active: row.active,
    created_at: row.created_at,
    updated_at: row.updated_at,
    standard_webhooks_secret: secret && `whsec_${Buffer.from(secret).toString('base64')}`,
    failing_since: row.failing_since,
    paused_at: row.paused_at,
    deliveries_dropped: row.fell_out,
  }
}

export function showDelivery(row: ShownDelivery): WebhookDelivery {
  const { state, response_status, ...rest } = row
  return { ...rest, message_id: `msg_${row.id}`, status: state, response_code: response_status }
}

export interface Told {
  event: StoredEvent
  /** The subscription's, whatever version the endpoint's owner speaks now. */
  version: Version
  subscriptionId: number
  institution: { id: number; subdomain: string }
  locations: LocationRow[]
}

/** The body of a delivery. */
export function deliveryBody(told: Told, connectors: ConnectorFace[]): object {
  const { event, version, institution, locations } = told
  const shown = showEvent(event, { version, institution, locations, connectors })
  return {
    institution_id: institution.id,
    subdomain: institution.subdomain,
    webhook_subscription_id: told.subscriptionId,
    delivery_errors: [],
    resource_type: event.resource_type,
    event_name: version === 'v2' ? nameInV2(event.name) : event.name,
    event_time: event.created_at,
    data: (shown as { data: object }).data,
  }
}

/** v2 knows no outcomes of changes: the update that tells the reverted values is all it hears (decision 28). */
function nameInV2(name: string): string {
  return name.startsWith('appointment_updated.') ? 'appointment_updated' : name
}
