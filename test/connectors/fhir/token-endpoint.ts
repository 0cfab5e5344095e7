/**
 * A token endpoint that verifies a client's assertion as SMART App Launch 2 says (client-confidential-asymmetric.html,
 * backend-services.html), by the client's key set over HTTP; what is wrong is answered as RFC 6749, 5.2 says.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export interface TokenEndpoint extends AsyncDisposable {
  url: string
  /** Scopes of each token that was given. */
  granted: string[]
  /** Why assertions were refused. */
  refused: string[]
  /** Whether a token was given here. */
  knows(authorization: string | undefined): boolean
}

/** `keys`: the client's key set, or the address where it is. `now` is the clock that `exp` is held against; `life` in seconds. */
export async function startTokenEndpoint(
  clientId: string,
  keys: JSONWebKeySet | URL,
  { now, life = 300 }: { now(): number; life?: number },
): Promise<TokenEndpoint> {
  const used = new Set<string>()
  const tokens = new Set<string>()
  const server = createServer(async (request, response) => {
    if (request.url === '/jwks.json') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(keys))
      return
    }
    const form = await formOf(request)
    const wrong = await fault(form).catch((error: unknown) => String(error))
    response.setHeader('content-type', 'application/json')
    if (wrong !== null) {
      endpoint.refused.push(wrong)
      response.writeHead(400).end(JSON.stringify({ error: 'invalid_client', error_description: wrong }))
      return
    }
    endpoint.granted.push(form.get('scope') ?? '')
    const token = `token-${endpoint.granted.length}`
    tokens.add(`Bearer ${token}`)
    const scope = form.get('scope')
    response.end(JSON.stringify({ access_token: token, token_type: 'bearer', expires_in: life, scope }))
  })
  /** What the specification does not allow, null where nothing is wrong. */
  const fault = async (form: URLSearchParams): Promise<string | null> => {
    if (form.get('grant_type') !== 'client_credentials') return 'grant_type'
    if (form.get('client_assertion_type') !== ASSERTION_TYPE) return 'client_assertion_type'
    if (!form.get('scope')) return 'scope'
    const { payload, protectedHeader } = await jwtVerify(form.get('client_assertion') ?? '', jwks, {
      algorithms: ['RS384', 'ES384'],
      issuer: clientId,
      subject: clientId,
      audience: endpoint.url,
      typ: 'JWT',
      requiredClaims: ['exp', 'jti'],
      currentDate: new Date(now()),
    })
    if (protectedHeader.kid === undefined) return 'kid'
    if ((payload.exp ?? 0) > now() / 1000 + 300) return 'exp is more than five minutes ahead'
    if (used.has(payload.jti ?? '')) return 'jti was used before'
    used.add(payload.jti ?? '')
    return null
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const jwks = createRemoteJWKSet(keys instanceof URL ? keys : new URL(`${origin}/jwks.json`))
  const endpoint: TokenEndpoint = {
    url: `${origin}/token`,
    granted: [],
    refused: [],
    knows: (authorization) => tokens.has(authorization ?? ''),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return endpoint
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}
