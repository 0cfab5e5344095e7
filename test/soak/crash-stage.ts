/** All that one crash run stands on: a fresh database, a practice, servers and workers as programs, and wires that can be cut. */
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inTenant, type Tenant } from '../../src/db/database.ts'
import type { Manner } from '../../src/sandbox/manner.ts'
import type { Practice } from '../support/bridge.ts'
import type { Ground, TestDatabase } from '../support/database.ts'
import { atDatabase } from '../support/database-url.ts'
import { type AskPractice, askPractice } from '../support/truth.ts'
import { type CuttingWires, startCuttingWires, targetOf } from './cutting-wires.ts'
import { type LoadedPractice, PRACTICE_KEY } from './loaded-practice.ts'
import { PRACTICE, type Program, SERVER, startProgram, WORKER } from './programs.ts'

export interface Stage extends AsyncDisposable {
  t: TestDatabase
  practice: Practice
  ask: AskPractice
  programs: { practice: Program; workers: Program[]; servers: Program[] }
  wires: { database: CuttingWires; practice: CuttingWires }
  /** What servers could not explain: each kind of error, where it was thrown, and how often since the last look. */
  faults(): string[]
  tenant<T>(run: (tx: Tenant) => Promise<T>): Promise<T>
  /** Both clocks go on by so many milliseconds. */
  pass(ms: number): Promise<void>
}

export interface StageOptions {
  manner: Manner
  servers: number
  workers: number
  pollSeconds?: number
}

const WORKER_POOL = '10'

export async function openStage(
  ground: Ground,
  loaded: LoadedPractice,
  options: StageOptions,
): Promise<Stage> {
  const stack = new AsyncDisposableStack()
  try {
    return await build(ground, loaded, options, stack)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** What is read only now and then is read at once: the mirror was loaded some time ago, and from a practice of any manner. */
const DUE = `update data_sources set directory_read_at = null, window_read_at = null, poll_seconds = $1`

async function build(
  ground: Ground,
  loaded: LoadedPractice,
  { manner, servers, workers, pollSeconds = 1 }: StageOptions,
  stack: AsyncDisposableStack,
): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'slotbridge-crash-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const file = loaded.copyFile(folder)
  let offset = 0
  let port = 0
  const sandbox = stack.use(
    startProgram(PRACTICE, () => [
      ...['--file', file, '--port', String(port), '--key', PRACTICE_KEY],
      ...['--references', manner.references, '--times', manner.times, '--clock-offset-ms', String(offset)],
    ]),
  )
  port = (JSON.parse(await sandbox.ready()) as { port: number }).port
  const ask = askPractice(`http://127.0.0.1:${port}`, PRACTICE_KEY)
  const wire = stack.use(await startCuttingWires('practice', { host: '127.0.0.1', port }))
  const configuration = { url: `http://127.0.0.1:${wire.port}`, key: PRACTICE_KEY, timeout_ms: 1_000 }
  const t = stack.use(await loaded.copyMirror(configuration))
  await t.look(DUE, [pollSeconds])
  const database = stack.use(await startCuttingWires('postgres', targetOf(ground.serverUrl)))
  const wired = atDatabase(`postgresql://slotbridge@127.0.0.1:${database.port}/`, {
    database: new URL(t.url).pathname.slice(1),
  })
  const log = join(folder, 'servers.log')
  const key = t.database.masterKey.toString('base64')
  const many = (count: number, file: string, args: string[]): Program[] =>
    Array.from({ length: count }, () => stack.use(startProgram(file, () => args)))
  const programs = {
    practice: sandbox,
    workers: many(workers, WORKER, [wired, wired, key, WORKER_POOL, 'sandbox']),
    servers: many(servers, SERVER, [wired, key, log]),
  }
  return {
    ...{ t, practice: loaded.practice, ask, programs, wires: { database, practice: wire } },
    faults: () => takeFaults(log),
    tenant: (run) => inTenant(t.database, loaded.practice.institutionId, run),
    async pass(ms) {
      offset += ms
      // A practice that is just starting is told as it starts.
      await ask('PUT', '/clock', { offset_ms: offset }).catch(() => undefined)
      await t.look('update test_clock set offset_ms = $1', [offset])
      await t.look('notify slotbridge_wake')
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Of the servers' log, which is emptied: answers of 500, the only ones that say nothing of their reason. */
function takeFaults(log: string): string[] {
  if (!existsSync(log)) return []
  const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean)
  truncateSync(log)
  const faults = lines.flatMap((line) => {
    const { status, error, code, at } = JSON.parse(line) as Record<string, unknown> & { at?: string[] }
    return status === 500 ? [`${error} ${code}${at?.[0] ?? ''}`] : []
  })
  return [...new Set(faults)].map((text) => `${faults.filter((one) => one === text).length} × ${text}`)
}
