/** Commands of ours as processes of their own, for the benches. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
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
    memory: () => residentBytes(child.pid ?? 0),
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

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

function residentBytes(pid: number): number {
  try {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024
  } catch {
    return 0
  }
}
