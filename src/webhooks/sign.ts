/**
 * Signatures of a delivery: NexHealth's `timestamp` and `signature` (wire reference, 7.5), and beside them the three
 * headers of Standard Webhooks (standardwebhooks.com, decision 12). Both are keyed with the UTF-8 bytes of `secret_key`.
 */
import { createHmac } from 'node:crypto'

export interface Secrets {
  current: string
  /** The one before the last rotation, for a day; it then signs alone in `signature`. */
  previous: string | null
}

/** What a receiver checks, besides the body. */
export interface Message {
  /** The same over all attempts. */
  id: string
  /** Raw, as it goes over the wire. */
  body: Buffer
  /** Epoch milliseconds of this attempt. */
  sentAt: number
}

/** `hex(HMAC-SHA256(secret, timestamp + "." + base64(body)))`. */
export function nexSignature(secret: string, timestamp: string, body: Buffer): string {
  return createHmac('sha256', secret)
    .update(`${timestamp}.${body.toString('base64')}`)
    .digest('hex')
}

/** `v1,` and the base64 of HMAC-SHA256 over `id.seconds.body`. */
export function standardSignature(secret: string, id: string, seconds: number, body: Buffer): string {
  const mac = createHmac('sha256', secret).update(`${id}.${seconds}.`).update(body).digest('base64')
  return `v1,${mac}`
}

/** The headers that sign one attempt. */
export function signatureHeaders(secrets: Secrets, { id, body, sentAt }: Message): Record<string, string> {
  const seconds = Math.floor(sentAt / 1000)
  const timestamp = new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
  const all = secrets.previous === null ? [secrets.current] : [secrets.current, secrets.previous]
  return {
    timestamp,
    signature: nexSignature(secrets.previous ?? secrets.current, timestamp, body),
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': all.map((secret) => standardSignature(secret, id, seconds, body)).join(' '),
  }
}
