/** A way to a simulated practice on which somebody else is faster: an act is carried out just before a call goes on. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface MeddlingProxy extends AsyncDisposable {
  url: string
  /** Has `act` done once, before the next call whose method and path begin so. */
  before(call: string, act: () => Promise<unknown>): void
  /** Has the answer to the next call that begins so lost. */
  lose(call: string): void
  /** Has the answer to the next call that begins so kept back from when it is known (`came`) until it is released. */
  hold(call: string): Held
  /** Every call that came, method and path. */
  calls: string[]
}

export interface Held {
  came: Promise<void>
  release(): void
}

export async function startMeddling(target: string): Promise<MeddlingProxy> {
  let waiting: { call: string; act: () => Promise<unknown> } | null = null
  let losing: string | null = null
  let holding: { call: string; known(): void; released: Promise<void> } | null = null
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
    const content = Buffer.from(await answer.arrayBuffer())
    if (holding && call.startsWith(holding.call)) {
      const { known, released } = holding
      holding = null
      known()
      await released
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(content)
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
    hold(call) {
      const known = Promise.withResolvers<void>()
      const released = Promise.withResolvers<void>()
      holding = { call, known: known.resolve, released: released.promise }
      return { came: known.promise, release: released.resolve }
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
