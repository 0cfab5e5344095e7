/** The one file that knows OpenTelemetry: spans are gathered and sent as OTLP over HTTP, in JSON. */
import { type Span as OtelSpan, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { TraceSettings } from './config.ts'
import type { Log } from './log.ts'
import type { Span, SpanStart, Traceparent, Tracing } from './model/trace.ts'

/** A collector that takes longer keeps nothing of ours waiting: its batch is dropped, and told. */
const EXPORT_MS = 10_000
/** At a stop, what was not sent yet gets this long. */
const FLUSH_MS = 2_000

const KINDS = { server: SpanKind.SERVER, internal: SpanKind.INTERNAL, client: SpanKind.CLIENT }

export function startTracing(
  { url, service, ratio }: TraceSettings,
  role: string,
  log: Log,
): Tracing & AsyncDisposable {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': service,
      'process.pid': process.pid,
      'slotbridge.role': role,
    }),
    // Whoever sent a traceparent has decided already.
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter: telling(url, log), exportTimeoutMillis: EXPORT_MS })],
  })
  const tracer = provider.getTracer('slotbridge')
  return {
    begin(name, { kind, parent, attributes, startedAt }: SpanStart) {
      const options = {
        kind: KINDS[kind],
        ...(attributes && { attributes }),
        ...(startedAt !== undefined && { startTime: startedAt }),
      }
      return spanOf(tracer.startSpan(name, options, contextOf(parent)))
    },
    async [Symbol.asyncDispose]() {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, FLUSH_MS)
      })
      await Promise.race([provider.shutdown().catch(() => undefined), late])
      clearTimeout(timer)
    },
  }
}

function spanOf(span: OtelSpan): Span {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    set: (attributes) => void span.setAttributes(attributes),
    end(failure) {
      if (failure !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
        span.setAttribute('error.type', failure)
      }
      span.end()
    },
  }
}

function contextOf(parent: Traceparent | null) {
  if (parent === null) return ROOT_CONTEXT
  const [, traceId = '', spanId = '', flags = ''] = parent.split('-')
  const traceFlags = Number.parseInt(flags, 16)
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

/** Says once that the collector cannot be reached, and once that it can again: spans are lost meanwhile, nothing else. */
function telling(url: string, log: Log): SpanExporter {
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: EXPORT_MS })
  let isFailing = false
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined
        if (failed && !isFailing)
          log.warn({ spans: spans.length, error: result.error?.name }, 'traces could not be sent')
        if (!failed && isFailing) log.info({}, 'traces are sent again')
        isFailing = failed
        done(result)
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  }
}
