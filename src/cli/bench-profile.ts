/** What a server of ours computes, sampled over its Node's inspector (Chrome DevTools protocol, domain `Profiler`). */
import { setTimeout as sleep } from 'node:timers/promises'

/** As V8 makes it, and as Chrome and speedscope read it from a `.cpuprofile`. */
export interface CpuProfile {
  nodes: ProfileNode[]
  /** The node at work at each sample, by id. */
  samples: number[]
  /** From the sample before to each, in microseconds. */
  timeDeltas: number[]
}

export interface ProfileNode {
  id: number
  callFrame: { functionName: string; url: string; lineNumber: number }
  children?: number[]
}

const INTERVAL_MICROSECONDS = 500
const READY_MS = 60_000
const LOOK_MS = 50

/** The environment of a process that can be profiled at this port of the loopback. */
export function profiledAt(port: number): Record<string, string> {
  return { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` }
}

export interface Profiled {
  profile: CpuProfile
  /** Microseconds that the thread had a processor. Samples go on while it waits for one. */
  computed: number
}

/** Profiles the process's main thread while `run` runs. */
export async function profileDuring(port: number, run: () => Promise<unknown>): Promise<Profiled> {
  const inspector = await openInspector(await addressOf(port))
  try {
    await inspector.ask('Profiler.enable')
    await inspector.ask('Profiler.setSamplingInterval', { interval: INTERVAL_MICROSECONDS })
    const before = await computedBy(inspector)
    await inspector.ask('Profiler.start')
    await run()
    const { profile } = (await inspector.ask('Profiler.stop')) as { profile: CpuProfile }
    return { profile, computed: (await computedBy(inspector)) - before }
  } finally {
    inspector.close()
  }
}

async function computedBy(inspector: Inspector): Promise<number> {
  const asked = {
    expression: 'Object.values(process.threadCpuUsage()).reduce((a, b) => a + b)',
    returnByValue: true,
  }
  const { result } = (await inspector.ask('Runtime.evaluate', asked)) as { result: { value: number } }
  return result.value
}

async function addressOf(port: number): Promise<string> {
  for (let waited = 0; waited < READY_MS; waited += LOOK_MS) {
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`).catch(() => null)
    const targets = (await answer?.json()) as { webSocketDebuggerUrl: string }[] | undefined
    if (targets?.[0]) return targets[0].webSocketDebuggerUrl
    await sleep(LOOK_MS)
  }
  throw new Error('The server does not let itself be profiled.')
}

interface Inspector {
  ask(method: string, params?: object): Promise<unknown>
  close(): void
}

interface Said {
  id?: number
  result?: unknown
  error?: { message: string }
}

async function openInspector(url: string): Promise<Inspector> {
  const socket = new WebSocket(url)
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let last = 0
  const opened = Promise.withResolvers<void>()
  socket.onopen = () => opened.resolve()
  socket.onclose = () => {
    const error = new Error('The server let go of its profiler.')
    opened.reject(error)
    for (const { reject } of waiting.values()) reject(error)
  }
  socket.onmessage = ({ data }) => {
    const { id = 0, result, error } = JSON.parse(String(data)) as Said
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error) asked?.reject(new Error(error.message))
    else asked?.resolve(result)
  }
  await opened.promise
  return {
    ask(method, params = {}) {
      const asked = Promise.withResolvers<unknown>()
      waiting.set(++last, asked)
      socket.send(JSON.stringify({ id: last, method, params }))
      return asked.promise
    },
    close: () => socket.close(),
  }
}
