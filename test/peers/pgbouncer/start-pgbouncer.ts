/** Debian's PgBouncer with the settings that we ship, in front of the run's PostgreSQL. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../support/until.ts'
import { freePorts } from '../patroni/free-ports.ts'

const shipped = new URL('../../../deploy/pgbouncer/pgbouncer.ini', import.meta.url)

export interface PgBouncer extends AsyncDisposable {
  /** `direct` through it: over TCP, for the login `slotbridge`. */
  url: string
  version: string
}

/**
 * @param direct a URL of the database, over a Unix socket; or over TCP, with the password of `slotbridge`
 * @param poolSize most connections to PostgreSQL
 * @param runAs who it is where we are root, which it refuses to be: by itself the owner of the socket's folder
 */
export async function startPgBouncer(
  direct: string,
  poolSize: number,
  runAs?: { uid: number; gid: number } | Record<string, never>,
): Promise<PgBouncer> {
  install()
  const at = new URL(direct)
  const socketDir = at.searchParams.get('host') ?? at.hostname
  const database = at.pathname.slice(1)
  const [port = 0] = await freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'pgbouncer-'))
  const config = join(folder, 'pgbouncer.ini')
  const set = (text: string, name: string, value: string) =>
    text.replace(new RegExp(`^${name} = .*$`, 'm'), `${name} = ${value}`)
  let ini = readFileSync(shipped, 'utf8')
  const backend = `host=${socketDir} port=${at.searchParams.get('port') ?? at.port} dbname=${database}`
  ini = ini.replace(/^slotbridge = .*$/m, `${database} = ${backend}`)
  ini = set(set(ini, 'listen_addr', '127.0.0.1'), 'listen_port', String(port))
  ini = set(set(ini, 'auth_type', 'trust'), 'auth_file', join(folder, 'userlist.txt'))
  writeFileSync(config, set(ini, 'default_pool_size', String(poolSize)))
  writeFileSync(join(folder, 'userlist.txt'), `"slotbridge" "${at.password}"\n`)
  // It refuses to be root, and the socket's folder is its owner's alone.
  const { uid = 0, gid = 0 } = runAs ?? statSync(socketDir)
  const isRoot = process.getuid?.() === 0
  if (isRoot) for (const file of [folder, config, join(folder, 'userlist.txt')]) chownSync(file, uid, gid)
  const child = spawn('pgbouncer', [config], { stdio: 'ignore', ...(isRoot ? { uid, gid } : {}) })
  const ended = once(child, 'exit')
  await until('PgBouncer to listen', async () => {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}`)
    return await canConnect(port)
  })
  const version = execFileSync('pgbouncer', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? ''
  return {
    url: `postgres://slotbridge@127.0.0.1:${port}/${database}`,
    version,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function install(): void {
  if (spawnSync('pgbouncer', ['--version'], { stdio: 'ignore' }).status === 0) return
  if (process.getuid?.() !== 0) throw new Error('the PgBouncer peer needs pgbouncer: install it from Debian')
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
  const args = ['install', '-y', '-qq', '--no-install-recommends', 'pgbouncer']
  execFileSync('apt-get', args, { stdio: 'ignore' })
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}
