/**
 * The signed assertion by which a backend service proves who it is
 * (hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html): RS384 or ES384, five minutes at most, each once.
 */
import { randomUUID } from 'node:crypto'
import { importJWK, type JWK, SignJWT } from 'jose'
import type { FhirAuth } from './configuration.ts'
import { NotSent } from './failures.ts'

type PrivateKeyJwt = Extract<FhirAuth, { method: 'private_key_jwt' }>

/** The specification allows five minutes; the server's clock may be some of them ahead of ours. */
const LIFE_S = 240

/** @throws NotSent where the configured key is none; the message never holds any of it */
export async function signAssertion(auth: PrivateKeyJwt, tokenUrl: string, nowMs: number): Promise<string> {
  const jwk = readKey(auth.key)
  const alg = jwk.kty === 'RSA' ? 'RS384' : 'ES384'
  const issuedAt = Math.floor(nowMs / 1000)
  try {
    const key = await importJWK(jwk, alg)
    return await new SignJWT()
      .setProtectedHeader({ alg, typ: 'JWT', ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
      .setIssuer(auth.client_id)
      .setSubject(auth.client_id)
      .setAudience(tokenUrl)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + LIFE_S)
      .setJti(randomUUID())
      .sign(key)
  } catch {
    throw new NotSent('auth.key cannot sign: it is no private key for RS384 or ES384')
  }
}

function readKey(text: string): JWK {
  try {
    const jwk: unknown = JSON.parse(text)
    if (typeof jwk === 'object' && jwk !== null && 'kty' in jwk) return jwk as JWK
  } catch {
    // The parser's words may quote it.
  }
  throw new NotSent('auth.key is no JSON Web Key')
}
