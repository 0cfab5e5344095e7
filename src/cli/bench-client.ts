/** The client of a bench, in a thread of its own: its garbage and its parsing are not the server's. */
import { Agent, get } from 'node:http'
import { extname } from 'node:path'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

export interface ClientAnswer {
  status: number
  text: string
}

export interface BenchClient extends AsyncDisposable {
  /** GETs one URL at a time, over one connection that is kept. */
  get(url: string, headers: Record<string, string>): Promise<ClientAnswer>
}

interface Asked {
  url: string
  headers: Record<string, string>
}

/** Starts the thread. Its failures are the promises'. */
export function startBenchClient(): BenchClient {
  const worker = new Worker(new URL(`./bench-client${extname(import.meta.filename)}`, import.meta.url))
  return {
    get: (url, headers) =>
      new Promise((resolve, reject) => {
        worker.once('error', reject)
        worker.once('message', (answer: ClientAnswer | { failed: string }) => {
          worker.off('error', reject)
          if ('failed' in answer) reject(new Error(answer.failed))
          else resolve(answer)
        })
        worker.postMessage({ url, headers } satisfies Asked)
      }),
    async [Symbol.asyncDispose]() {
      await worker.terminate()
    },
  }
}

/** Plain `node:http`: what a client that does more leaves behind is collected on the server's processors. */
function answer({ url, headers }: Asked): Promise<ClientAnswer | { failed: string }> {
  return new Promise((resolve) => {
    const request = get(url, { headers, agent }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
      )
    })
    request.on('error', (error) => resolve({ failed: String(error) }))
  })
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

if (!isMainThread)
  parentPort?.on('message', async (asked: Asked) => parentPort?.postMessage(await answer(asked)))
