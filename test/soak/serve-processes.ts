/** `serve` processes as a deployment runs them: each may be told to stop, or killed, and is started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const READY_MS = 120_000
/** A log line of an error or worse, in pino's numbers. */
const ERROR_LEVEL = 50

export interface Serving extends AsyncDisposable {
  role: 'api' | 'worker'
  /** Where it answers, a worker how it is; null while it is not ready or is about to end. */
  url: string | null
  /** Ends it, waits for its end and answers its exit code; null where the signal ended it. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>
  /** Starts it, and waits until it is ready. */
  start(): Promise<void>
}

/** @param errors counts what its logs tell of errors, by message and code */
export function serving(
  role: Serving['role'],
  env: Record<string, string>,
  errors: Map<string, number>,
): Serving {
  let child: ChildProcess | null = null
  const one: Serving = {
    role,
    url: null,
    async end(signal) {
      one.url = null
      const victim = child
      child = null
      if (!victim || victim.exitCode !== null || victim.signalCode !== null) return null
      victim.kill(signal)
      const [code] = (await once(victim, 'exit')) as [number | null]
      return code
    },
    async start() {
      const started = spawn(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', main, 'serve', '--role', role, '--port', '0'],
        { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
      )
      child = started
      one.url = await readyUrl(started, errors)
    },
    async [Symbol.asyncDispose]() {
      await one.end('SIGKILL')
    },
  }
  return one
}

/** Waits for the line that says that it is ready, and reads on. */
async function readyUrl(child: ChildProcess, errors: Map<string, number>): Promise<string | null> {
  const late = AbortSignal.timeout(READY_MS)
  return await new Promise((resolve, reject) => {
    late.onabort = () => reject(new Error('serve does not get ready'))
    child.once('exit', (code) => reject(new Error(`serve ended with ${code} before it was ready`)))
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      // Lines for requests are many, and none of them is looked for.
      if (line.includes('"msg":"request"')) return
      const said = JSON.parse(line) as { msg?: string; url?: string | null; level: number; err?: Failed }
      if (said.msg === 'ready') resolve(said.url ?? null)
      if (said.level < ERROR_LEVEL) return
      const what = `${said.msg}: ${said.err?.code ?? ''} ${said.err?.message ?? said.err?.type ?? ''}`
      errors.set(what, (errors.get(what) ?? 0) + 1)
    })
  })
}

interface Failed {
  code?: string
  message?: string
  type?: string
}
