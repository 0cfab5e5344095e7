/**
 * A gate between the connector and a FHIR server that loses connections at a chosen moment. Unlike a proxy of bytes it
 * knows where a request and an answer end, since a FHIR server's come in any number of segments.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** `before`: nothing is passed on. `after`: it is passed on, and the connection lost when the answer is there. */
type Cut = 'never' | 'before' | 'after'

export interface CuttingGate extends AsyncDisposable {
  base: string
  /** Decides for each request; reads and searches by form may be told from writes by `isWrite`. */
  decide(method: string, path: string): Cut
  /** How many were cut so far. */
  cuts: number
}

/** Everything but reads: searches are sent by POST too, to `_search`. */
export function isWrite(method: string, path: string): boolean {
  return method === 'PUT' || (method === 'POST' && !path.includes('_search'))
}

/** Passes everything on until `decide` says otherwise. `upstream` is the FHIR server's base. */
export async function startCuttingGate(upstream: string): Promise<CuttingGate> {
  const { hostname, port, pathname } = new URL(upstream)
  const server = createServer((asked, answer) => {
    const path = asked.url ?? ''
    const cut = gate.decide(asked.method ?? '', path)
    if (cut !== 'never') gate.cuts += 1
    if (cut === 'before') {
      asked.socket.destroy()
      return
    }
    passOn(asked, answer, { hostname, port }, cut === 'after')
  })
  const gate: CuttingGate = {
    base: '',
    decide: () => 'never',
    cuts: 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  gate.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`
  return gate
}

/** The `Host` stays the gate's, so that the links of the server's answers lead through it again. */
function passOn(
  asked: IncomingMessage,
  answer: ServerResponse,
  to: { hostname: string; port: string },
  cutAfter: boolean,
): void {
  const { method, url: path, headers } = asked
  const onward = request({ ...to, method, path, headers }, async (reply) => {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of reply) chunks.push(chunk as Buffer)
    } catch {
      asked.socket.destroy()
      return
    }
    if (cutAfter) {
      asked.socket.destroy()
      return
    }
    const { 'transfer-encoding': _, ...rest } = reply.headers
    const body = Buffer.concat(chunks)
    answer.writeHead(reply.statusCode ?? 502, { ...rest, 'content-length': body.length }).end(body)
  })
  onward.on('error', () => asked.socket.destroy())
  asked.pipe(onward)
}
