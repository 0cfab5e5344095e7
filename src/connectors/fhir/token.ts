/** Access tokens of the client credentials grant (RFC 6749, 4.4): by a client's secret, or by its signed assertion. */
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { signAssertion } from './assertion.ts'
import type { FhirAuth } from './configuration.ts'
import { NotSent } from './failures.ts'
import { leastScopes, readJson, type TokenContext, tokenEndpointOf } from './smart-configuration.ts'

export type ClientAuth = Extract<FhirAuth, { method: 'client_secret' | 'private_key_jwt' }>

const isToken = Compile(
  Type.Object({ access_token: Type.String({ minLength: 1 }), expires_in: Type.Optional(Type.Number()) }),
)
const isRefusal = Compile(Type.Object({ error: Type.String({ pattern: '^[a-z_]{1,40}$' }) }))

/** What the standard's example gives, where the server says no lifetime. */
const DEFAULT_LIFE_S = 300
/** RFC 7523, 2.2. */
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** @throws NotSent where no token can be had */
export async function fetchToken(
  auth: ClientAuth,
  context: TokenContext,
): Promise<{ token: string; lifeMs: number }> {
  const url = auth.token_url ?? (await tokenEndpointOf(context))
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  const headers: Record<string, string> = { accept: 'application/json' }
  if (auth.method === 'private_key_jwt') {
    form.set('scope', auth.scope ?? leastScopes(auth.scope_version ?? 'v2'))
    form.set('client_assertion_type', ASSERTION_TYPE)
    form.set('client_assertion', await signAssertion(auth, url, context.now()))
  } else {
    if (auth.scope !== undefined) form.set('scope', auth.scope)
    sendSecret(auth, form, headers)
  }
  const body = await askFor(url, { method: 'POST', headers, body: form, redirect: 'manual' }, context)
  if (!isToken.Check(body)) throw new NotSent('the token endpoint answered without an access_token')
  return { token: body.access_token, lifeMs: (body.expires_in ?? DEFAULT_LIFE_S) * 1000 }
}

function sendSecret(
  auth: Extract<ClientAuth, { method: 'client_secret' }>,
  form: URLSearchParams,
  headers: Record<string, string>,
): void {
  if (auth.send_in === 'body') {
    form.set('client_id', auth.client_id)
    form.set('client_secret', auth.client_secret)
    return
  }
  // RFC 6749, 2.3.1: both are form-encoded before they become a basic header.
  const pair = [auth.client_id, auth.client_secret].map(encodeURIComponent).join(':')
  headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`
}

/** The answer's JSON. Of a refusal only its code is kept: the rest is free text. */
async function askFor(url: string, request: RequestInit, { timeoutMs }: TokenContext): Promise<unknown> {
  try {
    const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(timeoutMs) })
    if (answer.ok) return await readJson(answer)
    const refusal = await readJson(answer).catch(() => null)
    const code = isRefusal.Check(refusal) ? ` (${refusal.error})` : ''
    throw new NotSent(`the token endpoint answered ${answer.status}${code}`)
  } catch (error) {
    if (error instanceof NotSent) throw error
    throw new NotSent('the token endpoint cannot be reached or answered no JSON')
  }
}
