/** Settings of the process, from the environment. The only file that reads `process.env`; importing it reads nothing. */
import type { MasterKeys } from './db/data-keys.ts'
import { Failure } from './model/failures.ts'

export interface Config {
  /** The application's own login, maybe through a transaction pooler; null: the embedded PostgreSQL. */
  databaseUrl: string | null
  /** Never through a transaction pooler: migrations (as a login that may create roles and owns the database) and LISTEN. */
  databaseDirectUrl: string | null
  /** Named statements; off behind a PgBouncer that cannot carry them. */
  databasePrepare: boolean
  /** Most connections of this process, besides one for LISTEN. */
  databasePoolMax: number
  /** 32 bytes that wrap each institution's key; null: a file in the data directory (embedded only). */
  masterKey: Buffer | null
  /** Listed behind it: they open what is not under it yet, while a rotation is under way. */
  olderMasterKeys: readonly Buffer[]
  dataDir: string
  /** The high-water file; null: in the data directory. `off` keeps none. */
  highWater: string | null
  host: string
  port: number
  logLevel: LogLevel
  /** Units of work that one worker process runs at once. */
  workSlots: number
  /** Endpoints of webhooks that one worker process delivers to at once. */
  deliverySlots: number
  /** Addresses besides public ones that deliveries may go to, and over plain HTTP: `loopback`, networks such as `10.1.0.0/16`. */
  webhookAllow: string[]
  /** What whoever reads `/metrics` must show; null: loopback alone may read them. */
  metricsToken: string | null
  /** Where a worker answers `/livez`, `/readyz` and `/metrics`; null: nowhere. */
  workerPort: number | null
  /** Where traces are sent; null: they are not made. */
  traces: TraceSettings | null
  /** How long events and deliveries are kept. */
  keepDays: number
  /** How long the audit is kept. */
  keepAuditDays: number
  /** What `call` sends, where neither a flag nor a demo says it. */
  apiKey: string | null
  url: string | null
}

export interface TraceSettings {
  /** Takes OTLP over HTTP in JSON. */
  url: string
  /** The name that our spans bear there. */
  service: string
  /** Part of the traces that begin here and are kept, 0 to 1. */
  ratio: number
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const MASTER_KEY_BYTES = 32
const PORT_MAX = 65_535
/** More connections than a PostgreSQL of any size serves well; a typing error, rather. */
const POOL_MAX = 1_000
const SLOTS_MAX = 1_000
const KEEP_DAYS_MAX = 3_650
/** Seven years. */
const KEEP_AUDIT_DAYS = 2_557
const KEEP_AUDIT_DAYS_MAX = 36_525

/**
 * Reads and checks every setting; an empty variable is one that is not set.
 * @throws Failure with one sentence for each variable that is wrong, naming it and never its value
 */
export function readConfig(env: Record<string, string | undefined> = process.env): Config {
  const wrong: string[] = []
  const text = (name: string) => env[name]?.trim() || null
  const read = <T>(name: string, fallback: T, parse: (value: string) => T | string): T => {
    const value = text(name)
    if (value === null) return fallback
    const parsed = parse(value)
    if (typeof parsed !== 'string') return parsed
    wrong.push(`${name} must be ${parsed}.`)
    return fallback
  }
  const masterKeys = read<MasterKeys | null>('SLOTBRIDGE_MASTER_KEY', null, parseMasterKeys)
  const config: Config = {
    databaseUrl: databaseUrl('DATABASE_URL', text, wrong),
    databaseDirectUrl: databaseUrl('DATABASE_DIRECT_URL', text, wrong),
    databasePrepare: read('DATABASE_PREPARE', true, onOrOff),
    databasePoolMax: read('DATABASE_POOL_MAX', 20, wholeNumber(2, POOL_MAX)),
    masterKey: masterKeys?.[0] ?? null,
    olderMasterKeys: masterKeys?.slice(1) ?? [],
    dataDir: text('SLOTBRIDGE_DATA_DIR') ?? '.slotbridge',
    highWater: text('SLOTBRIDGE_HIGH_WATER'),
    host: text('HOST') ?? '127.0.0.1',
    port: read('PORT', 4010, wholeNumber(0, PORT_MAX)),
    logLevel: logLevel(text('SLOTBRIDGE_LOG_LEVEL'), wrong),
    workSlots: read('SLOTBRIDGE_WORK_SLOTS', 16, wholeNumber(1, SLOTS_MAX)),
    deliverySlots: read('SLOTBRIDGE_DELIVERY_SLOTS', 100, wholeNumber(1, SLOTS_MAX)),
    webhookAllow: (text('SLOTBRIDGE_WEBHOOK_ALLOW') ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
    metricsToken: text('SLOTBRIDGE_METRICS_TOKEN'),
    workerPort: read<number | null>('SLOTBRIDGE_WORKER_PORT', null, wholeNumber(0, PORT_MAX)),
    traces: traceSettings(text, read, wrong),
    keepDays: read('SLOTBRIDGE_KEEP_DAYS', 30, wholeNumber(1, KEEP_DAYS_MAX)),
    keepAuditDays: read('SLOTBRIDGE_KEEP_AUDIT_DAYS', KEEP_AUDIT_DAYS, wholeNumber(1, KEEP_AUDIT_DAYS_MAX)),
    apiKey: text('SLOTBRIDGE_API_KEY'),
    url: text('SLOTBRIDGE_URL'),
  }
  if (config.metricsToken !== null && !/^[!-~]{16,}$/.test(config.metricsToken))
    wrong.push('SLOTBRIDGE_METRICS_TOKEN must be 16 characters or more, without spaces.')
  if (config.databaseDirectUrl && !config.databaseUrl)
    wrong.push('DATABASE_DIRECT_URL needs DATABASE_URL beside it.')
  if (wrong.length > 0) throw new Failure('invalid_request', wrong)
  return config
}

/** This process's environment with some variables laid over it, for a process of ours that it starts. */
export function environmentWith(more: Record<string, string>): Record<string, string | undefined> {
  return { ...process.env, ...more }
}

/** Master keys as they are given and kept: 32 bytes in base64, and the earlier ones after commas. Else what it must be. */
export function parseMasterKeys(value: string): MasterKeys | string {
  const given = value.split(',').map((part) => part.trim())
  const [first, ...others] = given.map((part) => Buffer.from(part, 'base64'))
  const isKey = (key: Buffer, at: number) =>
    key.length === MASTER_KEY_BYTES && key.toString('base64') === given[at]
  if (first && [first, ...others].every(isKey)) return [first, ...others]
  return `${MASTER_KEY_BYTES} bytes in base64 (openssl rand -base64 ${MASTER_KEY_BYTES}), earlier ones after commas`
}

function databaseUrl(name: string, text: (name: string) => string | null, wrong: string[]): string | null {
  const value = text(name)
  if (value === null) return null
  const isUrl = /^postgres(ql)?:\/\//.test(value) && URL.canParse(value)
  if (!isUrl) wrong.push(`${name} must be a URL like postgres://user@host:5432/database.`)
  else if (!new URL(value).username) wrong.push(`${name} must name the user to log in as.`)
  return value
}

/** OpenTelemetry's own variables (opentelemetry.io/docs/specs/otel/protocol/exporter): a base that `/v1/traces` is put to, or the whole. */
function traceSettings(
  text: (name: string) => string | null,
  read: <T>(name: string, fallback: T, parse: (value: string) => T | string) => T,
  wrong: string[],
): TraceSettings | null {
  const whole = text('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  const base = text('OTEL_EXPORTER_OTLP_ENDPOINT')
  const ratio = read('OTEL_TRACES_SAMPLER_ARG', 1, (value) =>
    /^(0|1|0?\.\d+|1\.0+)$/.test(value) ? Number(value) : 'a number from 0 to 1',
  )
  const name = whole === null ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  const url = whole ?? (base === null ? null : `${base.replace(/\/+$/, '')}/v1/traces`)
  if (url === null) return null
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    wrong.push(`${name} must be an http or https URL such as http://127.0.0.1:4318.`)
  return { url, service: text('OTEL_SERVICE_NAME') ?? 'slotbridge', ratio }
}

function onOrOff(value: string): boolean | string {
  if (value === 'on' || value === 'off') return value === 'on'
  return 'on or off'
}

function wholeNumber(from: number, to: number): (value: string) => number | string {
  return (value) => {
    const number = Number(value)
    const fits = /^\d+$/.test(value) && number >= from && number <= to
    return fits ? number : `a whole number from ${from} to ${to}`
  }
}

function logLevel(value: string | null, wrong: string[]): LogLevel {
  const level = LOG_LEVELS.find((name) => name === (value ?? 'info'))
  if (!level) wrong.push(`SLOTBRIDGE_LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}.`)
  return level ?? 'info'
}
