/** A simulated practice in a folder of its own, and a way to talk to it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SANDBOX_KEY } from '../../src/sandbox/key.ts'
import { type SandboxOptions, startSandbox } from '../../src/sandbox/start-sandbox.ts'

/** A Sunday; the Monday after it is a working day in every seed. */
const START_DAY = '2026-11-22'

// biome-ignore lint/suspicious/noExplicitAny: tests read the practice's JSON as it comes
export type Json = any

export interface Reply {
  status: number
  json: Json
}

export interface TestPractice extends AsyncDisposable {
  url: string
  file: string
  call(method: string, path: string, body?: unknown): Promise<Reply>
  /** Stops it and starts it again on the same file. */
  restart(options?: Partial<SandboxOptions>): Promise<void>
}

export async function callPractice(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Reply> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'x-practice-key': SANDBOX_KEY },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: response.status, json: await response.json() }
}

export async function openPractice(options: Partial<SandboxOptions> = {}): Promise<TestPractice> {
  const folder = await mkdtemp(join(tmpdir(), 'practice-'))
  const file = join(folder, 'practice.db')
  let sandbox = await startSandbox({ file, startDay: START_DAY, ...options })
  return {
    get url() {
      return sandbox.url
    },
    file,
    call: (method, path, body) => callPractice(sandbox.url, method, path, body),
    async restart(again = {}) {
      await sandbox.close()
      sandbox = await startSandbox({ file, startDay: START_DAY, ...options, ...again })
    },
    async [Symbol.asyncDispose]() {
      await sandbox.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** A booking far beyond the seeded days, where nothing stands: `hour` in UTC on a Tuesday in June. */
export function booking(hour: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  const at = (minutes: number): string => new Date(Date.UTC(2027, 5, 1, hour, minutes)).toISOString()
  return { person_id: '1', clinician_id: '1', chair_id: '1', begins: at(0), finishes: at(30), ...more }
}
