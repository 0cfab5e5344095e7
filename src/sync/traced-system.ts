/** A record system whose calls are spans of one write: by the connector's and the call's name, never by what they ask for. */
import type { RecordSystem } from '../connectors/connector.ts'
import { inSpan, type Traceparent, type Tracing } from '../model/trace.ts'

/** Calls that answer once. */
const CALLS: ReadonlySet<string | symbol> = new Set([
  'find',
  'copies',
  'history',
  'findPatients',
  'findAlike',
  'insert',
  'change',
])

export function tracedSystem(
  system: RecordSystem,
  tracing: Tracing,
  connector: string,
  parent: Traceparent,
): RecordSystem {
  const begin = (call: string) => ({
    name: `${connector} ${call}`,
    start: {
      kind: 'client' as const,
      parent,
      attributes: { 'slotbridge.connector': connector, 'slotbridge.call': call },
    },
  })
  return new Proxy(system, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      if (name === 'window') return traceWindow(target, () => begin('window'), tracing)
      if (!CALLS.has(name)) return member.bind(target)
      return async (...args: unknown[]) => {
        const { name: title, start } = begin(String(name))
        return await inSpan(tracing, title, start, async (span) => {
          const answer: unknown = await Reflect.apply(member, target, args)
          if (typeof answer === 'object' && answer !== null && 'kind' in answer)
            span?.set({ 'slotbridge.outcome': String(answer.kind) })
          return answer
        })
      }
    },
  })
}

/** The span of a window lasts as long as its pages are read. */
function traceWindow(
  system: RecordSystem,
  begin: () => { name: string; start: Parameters<Tracing['begin']>[1] },
  tracing: Tracing,
): RecordSystem['window'] {
  return async function* (from, to) {
    const { name, start } = begin()
    const span = tracing.begin(name, start)
    let failure: string | undefined
    try {
      yield* system.window(from, to)
    } catch (error) {
      failure = error instanceof Error ? error.name : 'unknown error'
      throw error
    } finally {
      span.end(failure)
    }
  }
}
