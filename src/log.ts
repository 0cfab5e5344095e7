/** The log: JSON lines by pino, without patient data, keys or statements. */
import { type Logger, pino } from 'pino'
import type { LogLevel } from './config.ts'

export type Log = Logger

/** Frames of a stack that say where, without filling the log. */
const FRAMES_MAX = 12

/**
 * Opens the log.
 * @param file appended to, made with mode 0600; null writes to standard output
 */
export function openLog(level: LogLevel, file: string | null): Log {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    redact: {
      paths: ['authorization', 'api_key', 'key', 'password', '*.authorization', '*.api_key'],
      censor: '…',
    },
  }
  return file === null
    ? pino(options)
    : pino(options, pino.destination({ dest: file, mode: 0o600, sync: true }))
}

/**
 * An error as it may stand in a log. What PostgreSQL says quotes values of rows, so that of its errors only the code and
 * the names of things are kept; our own sentences hold no patient data.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, severity, constraint, table, routine } = error as Error & Record<string, unknown>
  const at = (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '))
  return {
    type: error.name,
    ...(severity === undefined ? { message: error.message } : { constraint, table, routine }),
    ...(code === undefined ? {} : { code }),
    at: at.slice(0, FRAMES_MAX).map((line) => line.trim()),
    ...(error.cause instanceof Error ? { cause: describeError(error.cause) } : {}),
  }
}
