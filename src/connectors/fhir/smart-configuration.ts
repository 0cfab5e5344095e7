/** Discovery of the token endpoint (hl7.org/fhir/smart-app-launch/conformance.html), and the scopes that we need. */
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { NotSent } from './failures.ts'
import { readText } from './read-text.ts'

/** What asking for a token needs to know besides the client. */
export interface TokenContext {
  baseUrl: string
  timeoutMs: number
  /** Now, epoch milliseconds. */
  now(): number
}

const isConfiguration = Compile(
  Type.Object({ token_endpoint: Type.String({ pattern: '^https?://[^\\s#]+$' }) }),
)

/** What we do with each type, in the letters of SMART 2: create, read, update, search. We delete nothing. */
const NEEDED: [type: string, letters: string][] = [
  ['Appointment', 'crus'],
  // Update: a patient is created under an id of ours.
  ['Patient', 'crus'],
  ['Slot', 'crus'],
  ['Schedule', 'rs'],
  ['Location', 'rs'],
  ['Practitioner', 'rs'],
  ['PractitionerRole', 'rs'],
  ['HealthcareService', 'rs'],
]

/** The least that the connector needs, in the words of SMART 1 (`.read`, `.write`) or 2. */
export function leastScopes(version: 'v1' | 'v2'): string {
  return NEEDED.map(([type, letters]) => {
    if (version === 'v2') return `system/${type}.${letters}`
    const read = `system/${type}.read`
    return letters === 'rs' ? read : `${read} system/${type}.write`
  }).join(' ')
}

/** What sign-in needs is a few kilobytes. */
const MOST_BYTES = 1024 * 1024

/** The answer's JSON; throws where it is none, or is too long. */
export async function readJson(answer: Response): Promise<unknown> {
  return JSON.parse(await readText(answer, MOST_BYTES))
}

/** @throws NotSent where it is not told, or would carry our assertion in the clear while the server itself is not */
export async function tokenEndpointOf({ baseUrl, timeoutMs }: TokenContext): Promise<string> {
  let body: unknown
  try {
    const answer = await fetch(`${baseUrl}/.well-known/smart-configuration`, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!answer.ok) throw new NotSent(`.well-known/smart-configuration answered ${answer.status}`)
    body = await readJson(answer)
  } catch (error) {
    if (error instanceof NotSent) throw error
    throw new NotSent('.well-known/smart-configuration cannot be reached or is no JSON')
  }
  if (!isConfiguration.Check(body))
    throw new NotSent('.well-known/smart-configuration names no token_endpoint')
  if (baseUrl.startsWith('https:') && !body.token_endpoint.startsWith('https:'))
    throw new NotSent('.well-known/smart-configuration names a token_endpoint without TLS')
  return body.token_endpoint
}
