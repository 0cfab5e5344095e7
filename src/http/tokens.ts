/** Bearer tokens: HS256, one hour, signed with the installation's secret (reference, 1.1). */
import { randomUUID } from 'node:crypto'
import { createSigner, createVerifier } from 'fast-jwt'
import { type Database, inGlobal } from '../db/database.ts'
import { tokenSecret } from '../store/token-secret.ts'

export const TOKEN_SECONDS = 3600

export interface Tokens {
  /** A token for a key, by the installation's clock. */
  issue(keyId: number): Promise<string>
  /** The key's id; null where the text is no token of ours, or one that has run out. */
  read(token: string): Promise<number | null>
}

/** Tokens of an installation. The secret is read when it is first needed, and made by whoever needs it first. */
export function openTokens(database: Database, nowMs: () => number): Tokens {
  let ready: Promise<Signing> | undefined
  const signing = async () => {
    ready ??= inGlobal(database, tokenSecret).then(signingWith)
    try {
      return await ready
    } catch (error) {
      // A database that could not be reached once is asked again.
      ready = undefined
      throw error
    }
  }
  return {
    async issue(keyId) {
      const iat = Math.floor(nowMs() / 1000)
      const { sign } = await signing()
      return sign({ sub: String(keyId), scp: 'api_user', iat, exp: iat + TOKEN_SECONDS, jti: randomUUID() })
    },
    async read(token) {
      const { verify } = await signing()
      try {
        const { sub, exp } = verify(token) as { sub: unknown; exp: unknown }
        if (typeof exp !== 'number' || exp * 1000 <= nowMs()) return null
        return /^[1-9]\d{0,9}$/.test(String(sub)) ? Number(sub) : null
      } catch {
        return null
      }
    },
  }
}

interface Signing {
  sign(payload: object): string
  verify(token: string): unknown
}

/** Expiry is judged by the installation's clock, not the process's: the verifier leaves it to us. */
function signingWith(secret: Buffer): Signing {
  const sign = createSigner({ key: secret, algorithm: 'HS256' })
  const verify = createVerifier({ key: secret, algorithms: ['HS256'], ignoreExpiration: true })
  return { sign: (payload) => sign({ ...payload }), verify: (token) => verify(token) }
}
