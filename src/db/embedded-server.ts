import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { environment, type Postmaster, readPostmaster, serverArguments, whoIs } from './embedded-cluster.ts'
import type { RunAs } from './embedded-place.ts'

/** Where start-up tells what takes time, in sentences without patient data. A pino logger fits. */
export interface EmbeddedLog {
  info(message: string): void
  warn(message: string): void
}

/** All that it takes to start the server of one data directory. */
export interface Prepared {
  readonly cluster: string
  readonly binaries: string
  readonly socketDir: string
  readonly runAs: RunAs
  readonly logFile: string
}

/** How long an orphan is asked in each way before the next: its data is safe in all, the first only starts faster later. */
const orphanSteps = [
  ['SIGINT', 1_000],
  ['SIGQUIT', 6_000],
  ['SIGKILL', 2_000],
] as const

/**
 * Stops the server of this cluster that a killed program left behind, and removes a `postmaster.pid` whose pid is someone
 * else's by now. The caller holds the data directory: without that, another owner's server would be taken for an orphan.
 */
export async function stopOrphan(cluster: string, log: EmbeddedLog): Promise<void> {
  const orphan = readPostmaster(cluster)
  if (!orphan) return
  if (whoIs(orphan.pid, cluster) === 'server') {
    log.warn(`Stopping the PostgreSQL (process ${orphan.pid}) that a killed program left running`)
    for (const [signal, patience] of orphanSteps) {
      if (!signalProcess(orphan.pid, signal) || (await isGoneWithin(orphan, cluster, patience))) break
    }
  }
  const now = whoIs(orphan.pid, cluster)
  if (now === 'server')
    throw new Error(`The PostgreSQL left on ${cluster} (process ${orphan.pid}) does not stop: end it`)
  // A pid used again by a process of the same user would keep PostgreSQL from starting.
  if (now === 'stranger') rmSync(join(cluster, 'postmaster.pid'), { force: true })
}

function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

async function isGoneWithin(orphan: Postmaster, cluster: string, milliseconds: number): Promise<boolean> {
  for (let waited = 0; waited < milliseconds; waited += 20) {
    if (whoIs(orphan.pid, cluster) !== 'server') return true
    await sleep(20)
  }
  return false
}

/** Recovery after a crash reads at most `max_wal_size` (1 GB), which a slow disk does in minutes. */
const startLimit = 300_000
/** Backends of a server that was killed may live a moment longer and hold its shared memory. */
const leftoverLimit = 10_000

/**
 * Starts the server and waits until it takes connections.
 *
 * @throws Error with the server's last words when it ends instead.
 */
export async function launch(prepared: Prepared, log: EmbeddedLog): Promise<Server> {
  for (let waited = 0; ; waited += 250) {
    const server = await spawnServer(prepared)
    const failure = await failureToStart(server, prepared, log)
    if (failure === null) return server
    const isLeftover = /pre-existing shared memory block|lock file .* already exists/.test(failure)
    if (!isLeftover || waited >= leftoverLimit) {
      throw new Error(
        `PostgreSQL did not start: ${failure || 'it said nothing'} (more in ${prepared.logFile})`,
      )
    }
    await sleep(250)
  }
}

/** A server that this process started. */
export interface Server {
  readonly child: ChildProcess
  readonly pid: number
  readonly ended: Promise<void>
  /** Where in the log file its words begin. */
  readonly logFrom: number
}

const largestLog = 10 * 1024 * 1024

/**
 * Detached, in a session of its own: a Ctrl-C goes to the whole process group, and the database must outlive the draining.
 * The log file is opened here, so that it may lie where the server's user cannot go.
 */
async function spawnServer(prepared: Prepared): Promise<Server> {
  const { logFile, cluster, socketDir } = prepared
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > largestLog)
    renameSync(logFile, `${logFile}.old`)
  const output = openSync(logFile, 'a', 0o600)
  try {
    const logFrom = statSync(logFile).size
    const child = spawn(join(prepared.binaries, 'bin', 'postgres'), serverArguments(cluster, socketDir), {
      ...prepared.runAs,
      cwd: cluster,
      env: environment,
      detached: true,
      stdio: ['ignore', output, output],
    })
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.unref()
    return { child, pid: Number(child.pid), ended, logFrom }
  } finally {
    closeSync(output)
  }
}

/** Waits until the server takes connections: null, or its last words when it ended instead. */
async function failureToStart(server: Server, prepared: Prepared, log: EmbeddedLog): Promise<string | null> {
  for (let waited = 0; waited < startLimit; waited += 20) {
    const postmaster = readPostmaster(prepared.cluster)
    if (postmaster?.pid === server.pid && postmaster.isReady) return null
    if (hasEnded(server)) return lastWords(prepared.logFile, server.logFrom)
    if (waited > 0 && waited % 5_000 === 0)
      log.info('PostgreSQL is still starting: it recovers after a crash')
    await sleep(20)
  }
  await stopServer(server, 'immediate')
  return `it was not ready after ${startLimit / 1000} s`
}

const hasEnded = ({ child }: Server) => child.exitCode !== null || child.signalCode !== null

function lastWords(logFile: string, from: number): string {
  const lines = readFileSync(logFile).subarray(from).toString('utf8').trim().split('\n')
  const fatal = lines.filter((line) => /FATAL|PANIC|error/.test(line))
  return (fatal.at(-1) ?? lines.at(-1) ?? '').replace(/^.*?(FATAL|PANIC):\s*/, '')
}

const stopSteps = [
  ['SIGINT', 8_000],
  ['SIGQUIT', 6_000],
  ['SIGKILL', 2_000],
] as const

/** Ends the server and waits for its end; each way has its time before the next, harder one. */
export async function stopServer(server: Server, mode: 'fast' | 'immediate'): Promise<void> {
  for (const [signal, patience] of mode === 'fast' ? stopSteps : stopSteps.slice(1)) {
    if (hasEnded(server)) return
    server.child.kill(signal)
    if (await endsWithin(server, patience)) return
  }
  throw new Error(`PostgreSQL (process ${server.pid}) does not stop`)
}

/** The timer also keeps this process alive meanwhile: the server itself does not. */
async function endsWithin(server: Server, milliseconds: number): Promise<boolean> {
  const timer = new AbortController()
  const late = sleep(milliseconds, false, { signal: timer.signal }).catch(() => false)
  try {
    return await Promise.race([server.ended.then(() => true), late])
  } finally {
    timer.abort()
  }
}
