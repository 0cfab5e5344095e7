/** Programs that are killed with `kill -9`, and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface Program extends AsyncDisposable {
  /** The last first line that it printed; null while it starts. */
  said: string | null
  /** Ends it as a power cut would, and waits until it is no more. */
  kill(): Promise<void>
  /** Starts it again where it has ended, by itself or not. */
  ensure(): void
  /** Waits for its first line. */
  ready(): Promise<string>
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const WORKER = here('../support/worker-process.ts')
export const SERVER = here('server-process.ts')
export const PRACTICE = here('../../src/sandbox/main.ts')

const READY_MS = 120_000

let cache: string | null = null

/** Where started programs keep their compiled modules, since they are started again and again. */
function compileCache(): string {
  const given = process.env.NODE_COMPILE_CACHE
  if (given) return given
  if (cache === null) {
    const folder = mkdtempSync(join(tmpdir(), 'slotbridge-compiled-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    cache = folder
  }
  return cache
}

/** @param args asked for anew at every start */
export function startProgram(file: string, args: () => string[]): Program {
  let child: ChildProcess | null = null
  const program: Program = {
    said: null,
    ensure() {
      if (child !== null && !hasEnded(child)) return
      program.said = null
      // Without their parent they end: the pipe closes.
      const started = spawn(process.execPath, [file, ...args()], {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: { ...process.env, NODE_COMPILE_CACHE: compileCache() },
      })
      started.stdin?.on('error', () => undefined)
      const lines = createInterface({ input: started.stdout as NodeJS.ReadableStream })
      lines.once('line', (line) => {
        if (child === started) program.said = line
      })
      child = started
    },
    async kill() {
      const victim = child
      program.said = null
      if (victim === null || hasEnded(victim)) return
      victim.kill('SIGKILL')
      await once(victim, 'exit')
    },
    async ready() {
      const limit = Date.now() + READY_MS
      while (program.said === null) {
        if (Date.now() > limit) throw new Error(`${file} does not start`)
        program.ensure()
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      return program.said
    },
    [Symbol.asyncDispose]: () => program.kill(),
  }
  program.ensure()
  return program
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null
