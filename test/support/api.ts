/** The API of a bridge over a real socket, as a client of NexHealth would use it. */
import type { AddressInfo } from 'node:net'
import { connectors } from '../../src/connectors/registry.ts'
import { buildServer } from '../../src/http/server.ts'
import type { Link } from './bridge.ts'

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back
  body: any
}

export interface Api extends AsyncDisposable {
  url: string
  /** Sends a request with the bearer token; `path` has the subdomain added. */
  ask(method: string, path: string, body?: unknown, version?: string): Promise<Answer>
}

/** Serves the database of a link. */
export async function serveApi(link: Pick<Link, 't' | 'wake' | 'apiKey' | 'subdomain'>): Promise<Api> {
  const faces = Object.values(connectors).map(
    ({ name, adapter, system, displayName, type, publishedKeys }) => ({
      name,
      adapter,
      system,
      displayName,
      type,
      checkConfiguration: () => [],
      publishedKeys: (configuration: unknown) => publishedKeys?.(configuration) ?? [],
    }),
  )
  const server = buildServer({
    database: link.t.database,
    clock: link.t.clock,
    connectors: faces,
    wake: link.wake,
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  const exchanged = await fetch(`${url}/authenticates`, {
    method: 'POST',
    headers: { authorization: link.apiKey },
  })
  const { data } = (await exchanged.json()) as { data: { token: string } }
  return {
    url,
    async ask(method, path, body, version = 'v2') {
      const separator = path.includes('?') ? '&' : '?'
      const answer = await fetch(`${url}${path}${separator}subdomain=${link.subdomain}`, {
        method,
        headers: {
          authorization: `Bearer ${data.token}`,
          'nex-api-version': version,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await answer.text()
      return { status: answer.status, body: text === '' ? null : JSON.parse(text) }
    },
    [Symbol.asyncDispose]: async () => await server.close(),
  }
}
