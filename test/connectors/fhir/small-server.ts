/** A real HTTP server on loopback that answers as a test tells it: for what no well-behaved FHIR server does. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RecordSystem } from '../../../src/connectors/connector.ts'
import { fhirConnector } from '../../../src/connectors/fhir/fhir-connector.ts'

export interface Asked {
  method: string
  /** Path and query below the base. */
  path: string
  headers: IncomingMessage['headers']
  body: string
}

/** An answer, or `cut` the connection, or `hang` for ever. */
export type Answer =
  | { status?: number; body?: unknown; text?: string; headers?: Record<string, string> }
  | 'cut'
  | 'hang'

export interface SmallServer extends AsyncDisposable {
  base: string
  origin: string
  asked: Asked[]
  /** Takes no further connection; those that stand are answered. */
  stopListening(): void
  /** The connector on this server. */
  open(settings?: Record<string, unknown>): Promise<RecordSystem>
}

export async function startSmallServer(answer: (asked: Asked, base: string) => Answer): Promise<SmallServer> {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const one = {
      method: request.method ?? '',
      path: (request.url ?? '').replace(/^\/fhir\//, ''),
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    }
    asked.push(one)
    give(answer(one, base), response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const base = `${origin}/fhir`
  return {
    base,
    origin,
    asked,
    stopListening: () => server.close(),
    open: (settings = {}) =>
      fhirConnector.open({ base_url: base, ...settings }, { now: () => Date.parse('2026-12-01T00:00:00Z') }),
    [Symbol.asyncDispose]: async () => {
      const closed = server.listening ? new Promise((resolve) => server.close(resolve)) : null
      server.closeAllConnections()
      await closed
    },
  }
}

function give(answer: Answer, response: ServerResponse): void {
  if (answer === 'hang') return
  if (answer === 'cut') {
    response.destroy()
    return
  }
  const { status = 200, body, text, headers = {} } = answer
  response.writeHead(status, { 'content-type': 'application/fhir+json', ...headers })
  response.end(text ?? (body === undefined ? '' : JSON.stringify(body)))
}

/** A CapabilityStatement of a server that can do everything but tell deletions. */
export function capability(part: Record<string, unknown> = {}, interactions: string[] = []): Answer {
  const interaction = ['read', 'search-type', 'update', 'create', ...interactions].map((code) => ({ code }))
  const types = ['Appointment', 'Patient', 'Slot'].map((type) => ({
    type,
    interaction,
    updateCreate: true,
    ...part,
  }))
  const software = { name: 'Small server', version: '1' }
  return {
    body: {
      resourceType: 'CapabilityStatement',
      fhirVersion: '4.0.1',
      software,
      rest: [{ resource: types }],
    },
  }
}

export function bundle(resources: unknown[], next?: string, updated = '2026-12-01T00:00:00.000Z'): Answer {
  const link = next === undefined ? [] : [{ relation: 'next', url: next }]
  return {
    body: {
      resourceType: 'Bundle',
      meta: { lastUpdated: updated },
      link,
      entry: resources.map((resource) => ({ resource })),
    },
  }
}

export const nothing = bundle([])
export const notFound: Answer = { status: 404, body: { resourceType: 'OperationOutcome', issue: [] } }
