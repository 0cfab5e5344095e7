/** A collector of traces on a real socket: takes OTLP over HTTP in JSON (opentelemetry.io/docs/specs/otlp, OTLP/HTTP). */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Attribute {
  key: string
  value: { stringValue?: string; intValue?: number | string; boolValue?: boolean; doubleValue?: number }
}

export interface CollectedSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Attribute[]
  /** 2: failed. */
  status: { code?: number; message?: string }
}

export interface TraceCollector extends AsyncDisposable {
  url: string
  spans: CollectedSpan[]
  /** Attributes of whoever sent. */
  resources: Attribute[][]
  /** Everything that came, as it came. */
  text(): string
}

export async function startTraceCollector(): Promise<TraceCollector> {
  const texts: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString('utf8')
    if (request.method !== 'POST' || request.url !== '/v1/traces') {
      response.writeHead(404).end()
      return
    }
    texts.push(text)
    const { resourceSpans } = JSON.parse(text) as {
      resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: CollectedSpan[] }[] }[]
    }
    for (const { resource, scopeSpans } of resourceSpans) {
      collector.resources.push(resource.attributes)
      for (const { spans } of scopeSpans) collector.spans.push(...spans)
    }
    response.setHeader('content-type', 'application/json').end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const collector: TraceCollector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    resources: [],
    text: () => texts.join('\n'),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return collector
}

/** The attributes of a span or a resource by name. */
export function attributesOf(attributes: Attribute[]): Record<string, string | number | boolean | undefined> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue),
    ]),
  )
}
