/** Spans as the parts that make them see them: opened by name, joined by a traceparent, never with patient data. */

/** `00-<trace id>-<span id>-<flags>`: where a span stands in its trace (www.w3.org/TR/trace-context, 3.2.2). */
export type Traceparent = string

type Attributes = Record<string, string | number | boolean>

export interface SpanStart {
  /** What asks us, what we do ourselves, what we ask of others. */
  kind: 'server' | 'internal' | 'client'
  /** Null begins a trace. */
  parent: Traceparent | null
  attributes?: Attributes
  /** Epoch milliseconds; now unless given. */
  startedAt?: number
}

export interface Span {
  traceparent: Traceparent
  set(attributes: Attributes): void
  /** @param failure a word of ours where it failed; never the text of an error, which may quote a row */
  end(failure?: string): void
}

export interface Tracing {
  /** @param name of few: a route's pattern, a kind of call; ids belong to the attributes */
  begin(name: string, start: SpanStart): Span
}

/** A traceparent that was sent to us; null where it is none (3.2.2 and 3.3: all zeros and version ff are invalid). */
export function readTraceparent(header: string | string[] | undefined): Traceparent | null {
  if (typeof header !== 'string') return null
  const found = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(header.trim())
  if (!found) return null
  const [, version = '', trace = '', span = '', flags = '', more] = found
  if (version === 'ff' || (version === '00' && more !== undefined)) return null
  if (/^0+$/.test(trace) || /^0+$/.test(span)) return null
  return `00-${trace}-${span}-${flags}`
}

/** Runs `run` in a span where there is a tracing, else with null. What is thrown ends the span as failed, and goes on. */
export async function inSpan<T>(
  tracing: Tracing | null,
  name: string,
  start: SpanStart,
  run: (span: Span | null) => Promise<T>,
): Promise<T> {
  const span = tracing?.begin(name, start) ?? null
  try {
    const result = await run(span)
    span?.end()
    return result
  } catch (error) {
    span?.end(error instanceof Error ? error.name : 'unknown error')
    throw error
  }
}
