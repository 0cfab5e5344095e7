/** How requests sign in: nothing, basic, a bearer token, or a token of the client credentials grant (RFC 6749, 4.4). */
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { FhirAuth } from './configuration.ts'
import { NotSent } from './failures.ts'

export interface Authorizer {
  /** The `Authorization` header, null for none. @throws NotSent where no token can be had */
  header(): Promise<string | null>
  /** True where `forget` leads to a new token. */
  readonly renews: boolean
  /** This header was refused: the next `header` asks for another, unless there is one already. */
  forget(refused: string | null): void
}

type ClientSecret = Extract<FhirAuth, { method: 'client_secret' }>

const isToken = Compile(
  Type.Object({ access_token: Type.String({ minLength: 1 }), expires_in: Type.Optional(Type.Number()) }),
)

/** A token is renewed this long before its end, or at half its life where that is shorter. */
const RENEW_BEFORE_MS = 60_000
/** What the standard's example gives, where the server says no lifetime. */
const DEFAULT_LIFE_S = 300

export function makeAuthorizer(auth: FhirAuth, timeoutMs: number): Authorizer {
  switch (auth.method) {
    case 'none':
      return fixed(null)
    case 'basic':
      return fixed(`Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`)
    case 'bearer':
      return fixed(`Bearer ${auth.token}`)
    case 'client_secret':
      return renewing(() => fetchToken(auth, timeoutMs))
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

async function fetchToken(auth: ClientSecret, timeoutMs: number): Promise<{ token: string; lifeMs: number }> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (auth.scope !== undefined) form.set('scope', auth.scope)
  const headers: Record<string, string> = { accept: 'application/json' }
  if (auth.send_in === 'body') {
    form.set('client_id', auth.client_id)
    form.set('client_secret', auth.client_secret)
  } else {
    // RFC 6749, 2.3.1: both are form-encoded before they become a basic header.
    const pair = [auth.client_id, auth.client_secret].map(encodeURIComponent).join(':')
    headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`
  }
  let body: unknown
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const answer = await fetch(auth.token_url, {
      method: 'POST',
      headers,
      body: form,
      redirect: 'manual',
      signal,
    })
    if (!answer.ok) throw new NotSent(`the token endpoint answered ${answer.status}`)
    body = await answer.json()
  } catch (error) {
    if (error instanceof NotSent) throw error
    throw new NotSent('the token endpoint cannot be reached or answered no JSON')
  }
  if (!isToken.Check(body)) throw new NotSent('the token endpoint answered without an access_token')
  return { token: body.access_token, lifeMs: (body.expires_in ?? DEFAULT_LIFE_S) * 1000 }
}
