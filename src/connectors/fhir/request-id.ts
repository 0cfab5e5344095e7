/**
 * A name for each request that writes. FHIR has no field for who made a version; a server that keeps the `X-Request-ID` in
 * `meta.source` (HAPI 8.8.0: `<source>#<request id>`, 16 characters of it) lets us know our own again.
 */
import { randomBytes } from 'node:crypto'

export function requestId(): string {
  return `sb-${randomBytes(6).toString('hex')}`
}

/** Whether a version with this `meta.source` was made by a request of ours. */
export function isOurRequest(source: string | undefined): boolean {
  return /#sb-[0-9a-f]{12}$/.test(source ?? '')
}
