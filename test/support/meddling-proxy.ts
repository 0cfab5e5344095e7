/** A way to a simulated practice on which somebody else is faster: an act is carried out just before a call goes on. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface MeddlingProxy extends AsyncDisposable {
  url: string
  /** Has `act` done once, before the next call whose method and path begin so. */
  before(call: string, act: () => Promise<unknown>): void
  /** Has the answer to the next call that begins so lost. */
  lose(call: string): void
  /** Every call that came, method and path. */
  calls: string[]
}

export async function startMeddling(target: string): Promise<MeddlingProxy> {
  let waiting: { call: string; act: () => Promise<unknown> } | null = null
  let losing: string | null = null
  const calls: string[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const call = `${request.method} ${request.url}`
    calls.push(call)
    if (waiting && call.startsWith(waiting.call)) {
      const { act } = waiting
      waiting = null
      await act()
    }
    const headers = Object.fromEntries(
      ['content-type', 'x-practice-key'].flatMap((name) => {
        const value = request.headers[name]
        return typeof value === 'string' ? [[name, value]] : []
      }),
    )
    const body = parts.length > 0 ? { body: Buffer.concat(parts) } : {}
    const answer = await fetch(target + request.url, { method: request.method ?? 'GET', headers, ...body })
    if (losing !== null && call.startsWith(losing)) {
      losing = null
      response.destroy()
      return
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(Buffer.from(await answer.arrayBuffer()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    before(call, act) {
      waiting = { call, act }
    },
    lose(call) {
      losing = call
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
