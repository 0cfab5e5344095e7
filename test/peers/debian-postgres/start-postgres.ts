/** Debian's PostgreSQL: clusters of a test's own, on sockets of their own, run as the user that owns them. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { until } from '../../support/until.ts'

const HOME = '/usr/lib/postgresql'
const isRoot = process.getuid?.() === 0

export interface Ground extends AsyncDisposable {
  /** Writable for the user that runs PostgreSQL. */
  folder: string
  /** Runs a shell line as that user, with PostgreSQL's programs in its path. */
  sh(line: string, env?: Record<string, string>): void
  /** A new cluster; `settings` are lines of postgresql.conf. */
  init(name: string, settings: string): string
  start(name: string): Promise<Server>
}

export interface Server {
  /** A superuser's, in the database `postgres`. */
  url: string
  socket: string
  /** As when the machine is lost: no process gets to do anything more. */
  kill(): Promise<void>
}

function programs(): string {
  const majors = () => (existsSync(HOME) ? readdirSync(HOME).sort((a, b) => Number(b) - Number(a)) : [])
  if (majors().length === 0) {
    if (!isRoot) throw new Error('the PostgreSQL peer needs postgresql: install it from Debian')
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
    const args = ['install', '-y', '-qq', '--no-install-recommends', 'postgresql']
    execFileSync('apt-get', args, { stdio: 'ignore' })
  }
  return join(HOME, majors()[0] ?? '', 'bin')
}

function whoRuns(): { uid: number; gid: number } | Record<string, never> {
  if (!isRoot) return {}
  const of = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: of('-u'), gid: of('-g') }
}

/** A folder for clusters and backups; everything in it ends with the scope. */
export function debianGround(): Ground {
  const bin = programs()
  const user = whoRuns()
  const folder = mkdtempSync(join(tmpdir(), 'pg-'))
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  const path = `${bin}:${process.env.PATH}`
  const running = new Set<() => Promise<void>>()
  const sh = (line: string, env: Record<string, string> = {}) => {
    execFileSync('sh', ['-e', '-c', line], {
      ...user,
      cwd: folder,
      env: { PATH: path, ...env },
      stdio: 'pipe',
    })
  }
  return {
    folder,
    sh,
    init(name, settings) {
      const data = join(folder, name)
      sh(`initdb --pgdata=${data} --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8`)
      appendFileSync(join(data, 'postgresql.conf'), `\n${settings}\n`)
      return data
    },
    async start(name) {
      const socket = join(folder, `${name}-socket`)
      if (!existsSync(socket)) {
        mkdirSync(socket)
        if (user.uid !== undefined) chownSync(socket, user.uid, user.gid)
      }
      // Alone in its folder: no port of the machine is taken.
      const args = ['-D', join(folder, name), '-k', socket, '-c', 'listen_addresses=']
      const child = spawn(join(bin, 'postgres'), args, {
        ...user,
        cwd: folder,
        stdio: 'ignore',
        detached: true,
      })
      const ended = once(child, 'exit')
      const kill = async () => {
        running.delete(kill)
        // Its processes would notice, each in its own time, and might still do something.
        const all = [child.pid ?? 0, ...childrenOf(child.pid ?? 0)]
        if (child.exitCode === null && child.signalCode === null) for (const pid of all) end(pid)
        await ended
        await until(`the processes of ${name} to be gone`, async () =>
          all.every((pid) => !existsSync(`/proc/${pid}`)),
        )
      }
      running.add(kill)
      const url = `postgres://postgres@localhost/postgres?host=${socket}`
      await until(`${name} to answer`, async () => {
        if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
        return await answers(url)
      })
      return { url, socket, kill }
    },
    async [Symbol.asyncDispose]() {
      for (const kill of running) await kill()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function childrenOf(pid: number): number[] {
  try {
    return execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
      .map(Number)
  } catch {
    return [] // it has none
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it ended by itself
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** One statement on a server. */
// biome-ignore lint/suspicious/noExplicitAny: tests look at whatever columns they asked for
export async function ask(url: string, text: string, values: unknown[] = []): Promise<any[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}
