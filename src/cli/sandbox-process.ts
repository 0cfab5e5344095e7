/** The simulated practice as a child process that ends with us, and not before. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'

export interface SandboxProcess {
  url: string
  /** Waits for its orderly end, at most two seconds. */
  stop(): Promise<void>
  /** Ends it at once. */
  kill(): void
}

export interface SandboxProcessOptions {
  dataDir: string
  /** Pause between two acts of the front desk by itself; null: it never acts by itself. */
  deskSeconds: number | null
  /** It ended by itself and was started again. */
  onRestart: () => void
}

const READY_MS = 20_000
const STOP_MS = 2_000
/** A practice that ends this often does so always. */
const RESTARTS_MAX = 5
const program = join(import.meta.dirname, '..', 'sandbox', `main${extname(import.meta.filename)}`)

/** Starts it on a free loopback port; its own data is `<data-dir>/sandbox.db`. Ready when the promise ends. */
export async function startSandboxProcess(options: SandboxProcessOptions): Promise<SandboxProcess> {
  let stopping = false
  let restarts = 0
  let child: ChildProcess
  const start = async (port: number): Promise<number> => {
    const begun = spawnSandbox(options, port)
    child = begun
    const bound = await readPort(begun)
    begun.once('exit', () => {
      if (stopping || restarts >= RESTARTS_MAX) return
      restarts += 1
      start(bound).then(options.onRestart, () => undefined)
    })
    return bound
  }
  const port = await start(0)
  return {
    url: `http://127.0.0.1:${port}`,
    kill() {
      stopping = true
      child.kill('SIGKILL')
    },
    async stop() {
      stopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await ended
      clearTimeout(timer)
    },
  }
}

/**
 * Detached, so that a Ctrl-C, which the whole process group hears, does not end the practice while writes to it drain;
 * with a pipe as its input, by whose end it sees that we are gone, however we went.
 */
function spawnSandbox({ dataDir, deskSeconds }: SandboxProcessOptions, port: number): ChildProcess {
  const log = openSync(join(dataDir, 'sandbox.log'), 'a', 0o600)
  try {
    const args = [
      '--file',
      join(dataDir, 'sandbox.db'),
      '--port',
      String(port),
      '--desk-seconds',
      deskSeconds === null ? 'off' : String(deskSeconds),
    ]
    // What it writes holds people's names: for its owner only.
    const mask = process.umask(0o077)
    try {
      return spawn(process.execPath, [...process.execArgv, program, ...args], {
        detached: true,
        stdio: ['pipe', 'pipe', log],
      })
    } finally {
      process.umask(mask)
    }
  } finally {
    closeSync(log)
  }
}

async function readPort(child: ChildProcess): Promise<number> {
  const lines = child.stdout && createInterface({ input: child.stdout })
  const ready = new Promise<number>((resolve, reject) => {
    lines?.once('line', (line) => {
      const port = Number(/^\{"port":(\d+)\}$/.exec(line)?.[1])
      if (port > 0) resolve(port)
      else reject(new Error('The simulated practice did not say its port.'))
    })
    child.once('error', reject)
    child.once('exit', () =>
      reject(new Error('The simulated practice did not start: sandbox.log in the data directory says why.')),
    )
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS)
  try {
    return await ready
  } finally {
    clearTimeout(timer)
  }
}
