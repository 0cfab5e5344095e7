/**
 * Starts HAPI FHIR's JPA server (R4) as a process of its own: loopback, a storage of its own, unprivileged, heap bounded.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { installHapi } from './install-hapi.ts'

export interface Hapi extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/fhir`, without a slash at its end. */
  base: string
  port: number
  pid: number
  stop(): Promise<void>
}

export interface HapiOptions {
  /** 0, the default, for a free one. */
  port?: number
  /** A folder of the caller's, below `os.tmpdir()` so that `nobody` can reach it; holds the database and the log. */
  dir: string
  heap?: string
}

/** 20 s on two idle cores, six times that on busy ones. */
const START_LIMIT_MS = 300_000

/** Installs it where needed, starts it, and returns when `/metadata` answers. */
export async function startHapi({ port = 0, dir, heap = '2g' }: HapiOptions): Promise<Hapi> {
  const place = await installHapi(say)
  const owner = process.getuid?.() === 0 ? unprivilegedUser() : undefined
  for (const part of ['lib', 'classes']) linkFolder(join(place, part), join(dir, part))
  const data = join(dir, 'data')
  mkdirSync(data, { recursive: true })
  if (owner !== undefined) {
    chmodSync(dir, 0o755)
    chownSync(data, owner.uid, owner.gid)
  }
  say('starting HAPI FHIR')
  const child = spawn(
    'java',
    [`-Xmx${heap}`, '-XX:+UseSerialGC', '-cp', 'classes:lib/*', 'HapiServer', String(port), data],
    {
      cwd: dir,
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: data, LANG: 'C.UTF-8' },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...owner,
    },
  )
  const stop = async () => stopChild(child)
  try {
    const at = await listeningPort(child)
    const base = `http://127.0.0.1:${at}/fhir`
    const answer = await fetch(`${base}/metadata`, { headers: { accept: 'application/fhir+json' } })
    if (!answer.ok) throw new Error(`/metadata answered ${answer.status}`)
    await answer.arrayBuffer()
    say(`HAPI FHIR answers on port ${at}`)
    return { base, port: at, pid: child.pid ?? 0, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The port from the line that HapiServer prints when it listens; its log's end where it dies before. */
function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let log = ''
    let out = ''
    const timer = setTimeout(() => reject(new Error(`HAPI did not start:\n${log}`)), START_LIMIT_MS)
    const ticker = setInterval(() => say('still starting'), 15_000)
    const settle = () => {
      clearTimeout(timer)
      clearInterval(ticker)
    }
    child.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-6000)
    })
    child.stdout?.on('data', (chunk: Buffer) => {
      out = (out + chunk.toString()).slice(-2000)
      const line = /\{"port":(\d+)\}/.exec(out)
      if (line === null) return
      settle()
      resolve(Number(line[1]))
    })
    child.on('error', (error) => {
      settle()
      reject(error)
    })
    child.on('exit', (code) => {
      settle()
      reject(new Error(`HAPI ended with ${code}:\n${log}`))
    })
  })
}

/** The server ends by itself when its standard input does; killed where it has not after ten seconds. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.stdin?.end()
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await gone
  clearTimeout(timer)
}

function linkFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  chmodSync(to, 0o755)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name)
    if (entry.isDirectory()) linkFolder(source, join(to, entry.name))
    else linkOrCopy(source, join(to, entry.name))
  }
}

/** A hard link costs nothing; the temporary folder may be another file system, then it is a copy. */
function linkOrCopy(from: string, to: string): void {
  if (existsSync(to)) return
  try {
    chmodSync(from, 0o644)
    linkSync(from, to)
  } catch {
    cpSync(from, to)
  }
}

function unprivilegedUser(): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined) throw new Error('no user `nobody` to run HAPI as')
  return { uid: Number(uid), gid: Number(gid) }
}

function say(line: string): void {
  process.stderr.write(`[hapi] ${line}\n`)
}
