/** What may be published of the keys that a data source signs in with: a JWK Set (RFC 7517, 5; SMART App Launch 2, JWKS). */
import type { PublishedKey } from '../connector.ts'
import type { FhirConfiguration } from './configuration.ts'

/** Members of a JSON Web Key that everyone may see (RFC 7518, 6.2.1 and 6.3.1). */
const PUBLIC = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use']
/** Only these have a public part: of others, every member is the secret. */
const KINDS = new Set(['EC', 'RSA'])

/** The key that signs, and the one beside it; none where another way of signing in is set. */
export function publishedKeys({ auth }: FhirConfiguration): PublishedKey[] {
  if (auth?.method !== 'private_key_jwt') return []
  return [auth.key, auth.other_key].flatMap((text) => {
    const key = text === undefined ? null : readKey(text)
    return key === null ? [] : publicPartOf(key)
  })
}

/** The public members of a key, none where it has no public part. Never anything else of it. */
export function publicPartOf(key: object): PublishedKey[] {
  if (!KINDS.has(String(Reflect.get(key, 'kty')))) return []
  const shown = PUBLIC.flatMap((name) => {
    const value: unknown = Reflect.get(key, name)
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return [{ ...Object.fromEntries(shown), key_ops: ['verify'] }]
}

function readKey(text: string): object | null {
  try {
    const key: unknown = JSON.parse(text)
    return typeof key === 'object' ? key : null
  } catch {
    // The parser's words may quote it; who signs with it says that it is no key.
    return null
  }
}
