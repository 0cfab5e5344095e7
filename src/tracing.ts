/** Traces by OpenTelemetry to a collector, where one is named. Its packages are loaded only then: nobody else pays for them. */
import type { Config } from './config.ts'
import type { Log } from './log.ts'
import type { Tracing } from './model/trace.ts'

/** Null where no collector is named. With the scope, what was not sent yet is sent. */
export async function openTracing(
  { traces }: Config,
  role: string,
  log: Log,
): Promise<(Tracing & AsyncDisposable) | null> {
  if (!traces) return null
  const { startTracing } = await import('./tracing-otlp.ts')
  return startTracing(traces, role, log)
}
