/** Commands of ours as processes of their own, for the benches. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { type AddressInfo, createServer } from 'node:net'
import { extname, join } from 'node:path'
import { environmentWith } from '../config.ts'

const main = join(import.meta.dirname, '..', `main${extname(import.meta.filename)}`)
const STOP_MS = 20_000

export interface OwnProcess extends AsyncDisposable {
  pid: number
  /** Throws its last words when it has ended. */
  mustRun(): void
  /** Resident memory now, in bytes; 0 where the system does not tell. */
  memory(): number
  /** What it has computed so far, in seconds, in whole ones on Linux; 0 where the system does not tell. */
  cpuSeconds(): number
}

/** Starts `./slotbridge <args>` with no terminal; what it says is kept for when it fails. */
export function startOwn(args: string[], env: Record<string, string> = {}): OwnProcess {
  const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentWith(env),
  })
  let last = ''
  const keep = (part: string) => {
    last = (last + part).slice(-2_000)
  }
  child.stdout.setEncoding('utf8').on('data', keep)
  child.stderr.setEncoding('utf8').on('data', keep)
  return {
    pid: child.pid ?? 0,
    mustRun() {
      if (hasEnded(child)) throw new Error(`./slotbridge ${args[0]} ended:\n${last}`)
    },
    memory: () => Number(askOf(child.pid ?? 0, 'rss')) * 1024,
    cpuSeconds: () => secondsOf(askOf(child.pid ?? 0, 'time')),
    async [Symbol.asyncDispose]() {
      if (hasEnded(child)) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGINT')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await ended
      clearTimeout(timer)
    },
  }
}

/** A port of this machine's own that nobody has, a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

function askOf(pid: number, what: string): string {
  try {
    return execFileSync('ps', ['-o', `${what}=`, '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

/** `[days-]hours:minutes:seconds`, or without the hours. */
function secondsOf(text: string): number {
  const [clock = '', days = '0'] = text.split('-').reverse()
  return clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) + Number(days) * 86_400
}
