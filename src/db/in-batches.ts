/** Doing together what comes together: what comes within a moment goes as one batch, and what comes meanwhile with the next. */
import { setTimeout as sleep } from 'node:timers/promises'

interface Waiting<Item, Result> {
  item: Item
  resolve(result: Result): void
  reject(error: unknown): void
}

/**
 * One call for each item; `run` is never at work twice at once, and gets all that came while it was.
 * @param gatherMs how long the first waits for others; with 0 it goes at once
 */
export function inBatches<Item, Result>(
  run: (items: Item[]) => Promise<Result>,
  gatherMs: number,
): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = []
  let isRunning = false
  const drain = async () => {
    isRunning = true
    if (gatherMs > 0) await sleep(gatherMs)
    while (waiting.length > 0) {
      const batch = waiting.splice(0)
      try {
        const result = await run(batch.map(({ item }) => item))
        for (const { resolve } of batch) resolve(result)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    isRunning = false
  }
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (!isRunning) void drain()
    })
}
