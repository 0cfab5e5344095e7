/** How requests sign in: nothing, basic, a bearer token, or a token that is asked for and renewed. */
import type { FhirAuth } from './configuration.ts'
import type { TokenContext } from './smart-configuration.ts'
import { fetchToken } from './token.ts'

export interface Authorizer {
  /** The `Authorization` header, null for none. @throws NotSent where no token can be had */
  header(): Promise<string | null>
  /** True where `forget` leads to a new token. */
  readonly renews: boolean
  /** This header was refused: the next `header` asks for another, unless there is one already. */
  forget(refused: string | null): void
}

/** A token is renewed this long before its end, or at half its life where that is shorter. */
const RENEW_BEFORE_MS = 60_000
export function makeAuthorizer(auth: FhirAuth, context: TokenContext): Authorizer {
  switch (auth.method) {
    case 'none':
      return fixed(null)
    case 'basic':
      return fixed(`Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`)
    case 'bearer':
      return fixed(`Bearer ${auth.token}`)
    case 'client_secret':
    case 'private_key_jwt':
      return renewing(() => fetchToken(auth, context))
  }
}

function fixed(value: string | null): Authorizer {
  return { renews: false, header: () => Promise.resolve(value), forget: () => undefined }
}

/** Keeps one token, and lets no two requests ask for one at the same time. */
function renewing(fetchOne: () => Promise<{ token: string; lifeMs: number }>): Authorizer {
  let held: { token: string; until: number } | null = null
  let asking: Promise<string> | null = null
  const ask = async () => {
    const { token, lifeMs } = await fetchOne()
    // The process's own running time: a token's life has nothing to do with what day it is.
    held = { token, until: performance.now() + lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 2) }
    return token
  }
  return {
    renews: true,
    header: async () => {
      if (held !== null && performance.now() < held.until) return `Bearer ${held.token}`
      asking ??= ask().finally(() => {
        asking = null
      })
      return `Bearer ${await asking}`
    },
    // Many requests may have gone out with the old token: only the first of their refusals counts.
    forget: (refused) => {
      if (held !== null && refused === `Bearer ${held.token}`) held = null
    },
  }
}
