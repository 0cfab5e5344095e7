/** Load on a server over connections that are kept, by a client that costs as little as it can: the server shares its cores. */
import { connect, type Socket } from 'node:net'

export interface LoadOptions {
  port: number
  connections: number
  seconds: number
  /** The next request as it is sent, one at a time on each connection. */
  request(): string
}

export interface LoadResult {
  /** Of each answer, in milliseconds. */
  latencies: number[]
  perSecond: number
}

/** A request without the framing: `connection` and `content-length` are put in. */
export function requestText(
  method: 'GET' | 'POST',
  path: string,
  headers: Record<string, string>,
  body = '',
): string {
  const lines = Object.entries({
    host: '127.0.0.1',
    ...headers,
    ...(method === 'POST'
      ? { 'content-type': 'application/json', 'content-length': String(body.length) }
      : {}),
  }).map(([name, value]) => `${name}: ${value}`)
  return [`${method} ${path} HTTP/1.1`, ...lines, '', body].join('\r\n')
}

/** Asks for so many seconds. Throws at the first answer that is not 2xx. */
export async function drive({ port, connections, seconds, request }: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = []
  const began = performance.now()
  const until = began + seconds * 1000
  const one = async () => {
    const caller = await openCaller(port)
    try {
      while (performance.now() < until) {
        const sent = performance.now()
        await caller.ask(request())
        latencies.push(performance.now() - sent)
      }
    } finally {
      caller.close()
    }
  }
  await Promise.all(Array.from({ length: connections }, one))
  return { latencies, perSecond: (latencies.length / (performance.now() - began)) * 1000 }
}

interface Caller {
  ask(text: string): Promise<void>
  close(): void
}

const HEAD_END = Buffer.from('\r\n\r\n')

async function openCaller(port: number): Promise<Caller> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opening: Socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(opening))
    opening.once('error', reject)
  })
  let waiting: { resolve(): void; reject(error: Error): void } | null = null
  let read: Buffer = Buffer.alloc(0)
  const fail = (error: Error) => waiting?.reject(error)
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server closed the connection')))
  socket.on('data', (part) => {
    read = read.length === 0 ? part : Buffer.concat([read, part])
    const head = read.indexOf(HEAD_END)
    if (head < 0) return
    const text = read.toString('latin1', 0, head)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0)
    if (read.length < head + HEAD_END.length + length) return
    const answered = waiting
    const status = text.slice(9, 12)
    waiting = null
    if (status.startsWith('2')) answered?.resolve()
    else answered?.reject(new Error(`the server answers ${status}: ${read.toString('utf8', head + 4)}`))
    read = Buffer.alloc(0)
  })
  return {
    ask: (text) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(text)
      }),
    close: () => socket.destroy(),
  }
}
