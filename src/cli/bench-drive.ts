/** The load of a bench in a thread of its own, for a server that runs in this process. */
import { extname } from 'node:path'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { drive, type LoadOptions, type LoadResult } from './bench-load.ts'

/** The same request over and over. */
export interface SameLoad extends Omit<LoadOptions, 'request'> {
  request: string
}

/** As `drive`, which does the work, with one request for all. */
export async function driveElsewhere(load: SameLoad): Promise<LoadResult> {
  const worker = new Worker(new URL(`./bench-drive${extname(import.meta.filename)}`, import.meta.url))
  try {
    return await new Promise((resolve, reject) => {
      worker.once('error', reject)
      worker.once('message', resolve)
      worker.postMessage(load)
    })
  } finally {
    await worker.terminate()
  }
}

if (!isMainThread)
  parentPort?.once('message', async (load: SameLoad) =>
    parentPort?.postMessage(await drive({ ...load, request: () => load.request })),
  )
