/** A MariaDB of the tests' own: Debian's server on a data directory and a port of its own, as an unprivileged user. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, createConnection } from 'mysql2/promise'

export interface MariaDb extends AsyncDisposable {
  port: number
  /** As its administrator, in a database or in none. */
  connect(database?: string): Promise<Connection>
}

const LOOK_MS = 50
const PATIENCE_MS = 30_000

/** @param zone the zone of the server's own clock */
export async function startMariaDb(zone = 'America/New_York'): Promise<MariaDb> {
  install()
  // A short path: the socket's may have about a hundred characters.
  const folder = mkdtempSync('/tmp/sbod-')
  const owner = process.getuid?.() === 0 ? userNamed('mysql') : null
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const asOwner = owner ? ['--user=mysql'] : []
  const data = join(folder, 'data')
  execFileSync(
    'mariadb-install-db',
    [
      '--no-defaults',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...asOwner,
    ],
    { stdio: 'pipe' },
  )
  const port = await freePort()
  const server = spawn(
    'mariadbd',
    [
      '--no-defaults',
      `--datadir=${data}`,
      `--socket=${join(folder, 's')}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--sql-mode=',
      ...asOwner,
    ],
    { stdio: 'ignore', env: { ...process.env, TZ: zone } },
  )
  const connect = (database?: string) =>
    createConnection({
      host: '127.0.0.1',
      port,
      user: 'root',
      multipleStatements: true,
      dateStrings: true,
      charset: 'utf8mb4',
      ...(database === undefined ? {} : { database }),
    })
  const stop = async () => {
    await stopped(server)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await answering(server, connect)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, connect, [Symbol.asyncDispose]: stop }
}

function install(): void {
  if (has('mariadbd') && has('mariadb-install-db')) return
  if (process.getuid?.() !== 0 || !has('apt-get'))
    throw new Error('the Open Dental peer needs MariaDB (mariadbd, mariadb-install-db)')
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'pipe' })
  const options = ['install', '-y', '-qq', '--no-install-recommends']
  // Nothing needs to be started by the package.
  execFileSync('apt-get', [...options, 'mariadb-server'], {
    stdio: 'pipe',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
}

function has(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function userNamed(name: string): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined) throw new Error(`no user ${name} to run MariaDB as`)
  return { uid: Number(uid), gid: Number(gid) }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function answering(server: ChildProcess, connect: MariaDb['connect']): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
    if (server.exitCode !== null) throw new Error(`mariadbd ended with ${server.exitCode}`)
    try {
      await (await connect()).end()
      return
    } catch {
      await sleep(LOOK_MS)
    }
  }
  throw new Error('mariadbd did not answer')
}

async function stopped(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGTERM')
  await ended
}
