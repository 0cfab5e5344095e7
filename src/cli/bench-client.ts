/** The client of a bench, in a thread of its own: its garbage and its parsing are not the server's. */
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

async function answer({ url, headers }: Asked): Promise<ClientAnswer | { failed: string }> {
  try {
    const answered = await fetch(url, { headers })
    return { status: answered.status, text: await answered.text() }
  } catch (error) {
    return { failed: String(error) }
  }
}

if (!isMainThread)
  parentPort?.on('message', async (asked: Asked) => parentPort?.postMessage(await answer(asked)))
