/** Reading what a connector reads, with nothing behind it: what a first load can at best come near to. */
import type { RecordSystem } from '../connectors/connector.ts'

export interface Fetched {
  appointments: number
  patients: number
  pages: number
  /** Of the same requests again, each body read and thrown away; of the connector's own reading where it is not by HTTP. */
  seconds: number
}

interface Recorded {
  url: string
  init: RequestInit
}

/**
 * Reads all changes once through the connector and notes its requests, then sends the same requests again, one after the
 * other as a connector does. (A server may answer the second time from what it kept: that only makes the bar higher.)
 */
export async function fetchOnly(system: RecordSystem): Promise<Fetched> {
  const recorded: Recorded[] = []
  const original = globalThis.fetch
  globalThis.fetch = (async (input: string | URL | Request, init: RequestInit = {}) => {
    const { signal: _limit, ...rest } = init
    recorded.push({ url: input instanceof Request ? input.url : String(input), init: rest })
    return await original(input, init)
  }) as typeof fetch
  const counts = { appointments: 0, patients: 0, pages: 0 }
  let began = performance.now()
  try {
    for await (const { records } of system.changes(null)) {
      counts.pages += 1
      counts.appointments += records.filter(({ kind }) => kind === 'appointment').length
      counts.patients += records.filter(({ kind }) => kind === 'patient').length
    }
  } finally {
    globalThis.fetch = original
  }
  if (recorded.length === 0) return { ...counts, seconds: (performance.now() - began) / 1000 }
  began = performance.now()
  for (const { url, init } of recorded) await (await fetch(url, init)).arrayBuffer()
  return { ...counts, seconds: (performance.now() - began) / 1000 }
}
