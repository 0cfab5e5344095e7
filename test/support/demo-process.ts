/** A demo as a person starts it: a process of its own, in a group of its own, on a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DemoFile } from '../../src/cli/demo-file.ts'
import { asideFolder } from '../../src/db/embedded-place.ts'

const main = resolve(import.meta.dirname, '..', '..', 'src', 'main.ts')
const flags = ['--disable-warning=ExperimentalWarning']
/** A machine that is busy with other tests is slow; a demo that does not come is a failure all the same. */
const PATIENCE_MS = 50_000
const LOOK_MS = 50
/** What it says comes in pieces: only with the last of its lines are all of them there. */
const LAST_READY_LINE = /^ {2}\.\/slotbridge webhooks listen.*\n/m

export interface RunningDemo {
  process: ChildProcess
  /** All that it has said so far. */
  said(): string
  /** Waits until it is ready and has said all that it says then; answers `demo.json`. */
  ready(): Promise<DemoFile>
  /** Waits until it has said this. */
  saying(text: string): Promise<void>
  /** A signal to it and its whole group, as a terminal sends it. */
  signal(name: NodeJS.Signals): void
  /** Waits for its end: exit code, or the signal that ended it. */
  ended(): Promise<number | string | null>
}

export interface DemoFolder extends AsyncDisposable {
  dataDir: string
  start(...more: string[]): RunningDemo
}

/** A data directory for demos; with the scope, every demo on it is ended and everything removed. */
export function demoFolder(): DemoFolder {
  const parent = mkdtempSync(join(tmpdir(), 'slotbridge-demo-'))
  chmodSync(parent, 0o711)
  const dataDir = join(parent, 'data')
  const started: RunningDemo[] = []
  return {
    dataDir,
    start(...more) {
      const demo = startDemo(dataDir, more)
      started.push(demo)
      return demo
    },
    async [Symbol.asyncDispose]() {
      for (const demo of started) await endDemo(demo)
      if (existsSync(dataDir)) rmSync(asideFolder(dataDir), { recursive: true, force: true })
      rmSync(parent, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function startDemo(dataDir: string, more: string[]): RunningDemo {
  const args = [...flags, main, 'demo', '--port', '0', '--no-desk', '--data-dir', dataDir, ...more]
  const env = { ...process.env, DATABASE_URL: '', DATABASE_DIRECT_URL: '', SLOTBRIDGE_MASTER_KEY: '' }
  const child = spawn(process.execPath, args, { detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (part) => (text += part))
  const exit = new Promise<number | string | null>((done) =>
    child.once('close', (code, signal) => done(code ?? signal)),
  )
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  const until = async <T>(look: () => T | null): Promise<T> => {
    for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
      const found = look()
      if (found !== null) return found
      if (isOver()) break
      await sleep(LOOK_MS)
    }
    throw new Error(`the demo did not come that far; it said:\n${text}\n${troubleIn(dataDir)}`)
  }
  const file = join(dataDir, 'demo.json')
  return {
    process: child,
    said: () => text,
    ready: () =>
      until(() =>
        existsSync(file) && LAST_READY_LINE.test(text) ? JSON.parse(readFileSync(file, 'utf8')) : null,
      ),
    saying: (words) => until(() => (text.includes(words) ? undefined : null)),
    signal: (name) => signalGroup(child, name),
    ended: () => exit,
  }
}

/** What its log holds beside requests that went well. */
function troubleIn(dataDir: string): string {
  const file = join(dataDir, 'slotbridge.log')
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  return lines
    .filter((line) => line.includes('"level":') && !line.includes('"level":30'))
    .slice(-5)
    .join('\n')
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (pid) process.kill(-pid, name)
  } catch {
    // it ended meanwhile
  }
}

/** Ends one that a failed test left: in order, so that its database goes too. */
async function endDemo(demo: RunningDemo): Promise<void> {
  const { exitCode, signalCode } = demo.process
  if (exitCode !== null || signalCode !== null) return
  demo.signal('SIGINT')
  await Promise.race([demo.ended(), sleep(20_000, undefined, { ref: false })])
  if (demo.process.exitCode === null && demo.process.signalCode === null) demo.signal('SIGKILL')
}
