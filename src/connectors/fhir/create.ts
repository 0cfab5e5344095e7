/**
 * Creating one resource so that a repeat cannot make a second: under an id known before the send where the server lets
 * us, else on the condition that our identifier is not there. What stands there is never overwritten.
 */
import type { ForeignId, Marker } from '../../model/records.ts'
import { Unavailable } from '../connector.ts'
import { describeMisfit, type NotWritten, readAny, sendWrite } from './answers.ts'
import type { CreateGuard, Features } from './capability.ts'
import type { FhirHttp } from './http.ts'
import { type Appointment, type Patient, readResource } from './resources.ts'
import { pagesOf } from './search.ts'
import { MARKER_SYSTEM } from './values.ts'

export interface Resources {
  Appointment: Appointment
  Patient: Patient
}
type Creatable = keyof Resources

export type Look<T> = { kind: 'here'; resource: T } | { kind: 'absent' } | { kind: 'deleted' }

const GUARDS: Record<CreateGuard, CreateCondition> = {
  'if-none-match': { ifNoneMatch: '*' },
  'if-match-zero': { ifMatch: 'W/"0"' },
}

interface CreateCondition {
  ifMatch?: string
  ifNoneMatch?: string
  ifNoneExist?: string
}

/** The request that creates it, as a transaction's entry has it. */
export function creatingRequest(
  { createGuard }: Pick<Features, 'createGuard'>,
  type: Creatable,
  { id, marker }: Name,
): { method: 'PUT' | 'POST'; url: string } & CreateCondition {
  if (id !== null && createGuard !== null)
    return { method: 'PUT', url: `${type}/${id}`, ...GUARDS[createGuard] }
  const ifNoneExist = `identifier=${encodeURIComponent(`${MARKER_SYSTEM}|${marker}`)}`
  return { method: 'POST', url: type, ifNoneExist }
}

/** Under which name a resource of ours stands: its id where we choose it (null: the server does), and its marker. */
export interface Name {
  id: ForeignId | null
  marker: Marker
}

/** What stands under that name. @throws Unavailable, also where it stands there and cannot be read */
export async function look<T extends Creatable>(
  http: FhirHttp,
  type: T,
  name: Name,
): Promise<Look<Resources[T]>> {
  if (name.id === null) return lookByMarker(http, type, name.marker)
  const reply = await readAny(http, { method: 'GET', path: `${type}/${name.id}` }, [200, 404, 410])
  if (reply.status === 404) return { kind: 'absent' }
  if (reply.status === 410) return { kind: 'deleted' }
  const resource = readResource(type, reply.body)
  if ('misfit' in resource) throw new Unavailable(describeMisfit(type, resource.misfit))
  return { kind: 'here', resource }
}

/** The oldest where the server let several in. */
async function lookByMarker<T extends Creatable>(
  http: FhirHttp,
  type: T,
  marker: Marker,
): Promise<Look<Resources[T]>> {
  const value = encodeURIComponent(`${MARKER_SYSTEM}|${marker}`)
  for await (const page of pagesOf(http, `${type}?identifier=${value}&_sort=_lastUpdated`)) {
    for (const { resource: raw } of page.entries) {
      const resource = readResource(type, raw)
      if (!('misfit' in resource)) return { kind: 'here', resource }
    }
  }
  return { kind: 'absent' }
}

/** Sends the create and reads back what then stands there: ours, or the other copy of the same request. */
export async function create<T extends Creatable>(
  http: FhirHttp,
  features: Pick<Features, 'createGuard'>,
  type: T,
  name: Name,
  body: unknown,
): Promise<{ kind: 'here'; resource: Resources[T] } | NotWritten> {
  const { method, url, ifMatch, ifNoneMatch, ifNoneExist } = creatingRequest(features, type, name)
  const headers: Record<string, string> = {}
  if (ifMatch !== undefined) headers['if-match'] = ifMatch
  if (ifNoneMatch !== undefined) headers['if-none-match'] = ifNoneMatch
  if (ifNoneExist !== undefined) headers['if-none-exist'] = ifNoneExist
  const sent = await sendWrite(http, { method, path: url, body, headers })
  if (sent.kind !== 'success' && sent.kind !== 'conflict') return sent
  try {
    const now = await look(http, type, name)
    if (now.kind === 'here') return now
    if (now.kind === 'deleted') return deleted(type)
    if (sent.kind === 'success')
      return { kind: 'unknown', message: `The FHIR server took the ${type} and does not show it.` }
    return {
      kind: 'rejected',
      code: 'refused',
      message: `The FHIR server refused the ${type} as a conflict.`,
    }
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'unknown', message: error.message }
    throw error
  }
}

/** It was written once, and the people there deleted it: it must not come back by a resend. */
export function deleted(type: Creatable): NotWritten {
  return {
    kind: 'rejected',
    code: 'refused',
    message: `The ${type} was written and then deleted in the record system.`,
  }
}
