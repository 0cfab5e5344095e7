import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 25
const PATIENCE_MS = 30_000

/**
 * Looks again and again until something is there (neither null, undefined nor false), and answers it.
 * How long that takes is nobody's assertion: the patience only ends a test that would hang.
 */
export async function until<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
    const found = await look()
    if (found !== null && found !== undefined && found !== false) return found
    await sleep(LOOK_MS)
  }
  throw new Error(`waited in vain for ${what}`)
}
