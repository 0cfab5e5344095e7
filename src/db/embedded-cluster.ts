import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { giveTo, major, type RunAs, syncFolder } from './embedded-place.ts'

/** All that PostgreSQL sees of our environment: none of our secrets, no PG* of the user's, messages in English. */
export const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** The superuser of an embedded cluster, and the database it connects to. Only migrations and bootstrapping use it. */
export const superuser = 'postgres'

/** Only names the socket's file: nothing listens on TCP. */
export const port = 5432

/** Linux takes 107 bytes, macOS 103, and PostgreSQL appends `.lock` to the same path. */
const longestSocketPath = 98

/** Whether a socket in this folder has a path that the kernel takes. */
export function fitsSocket(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${port}`)) <= longestSocketPath
}

/**
 * The arguments of `postgres`. On the command line, so that they hold whatever an older version wrote into the cluster.
 *
 * Trust on a socket in a 0700 folder, and no TCP: who can open that folder is the cluster's owner or root, and either reads
 * the data files anyway, so that a password would protect nothing.
 *
 * No statement, parameter or value may reach the log, since they hold patient data: errors go to the client that caused them
 * and not to the log (`log_min_messages` puts `log` above `error`), and terse messages leave out DETAIL and CONTEXT.
 */
export function serverArguments(cluster: string, socketDir: string): string[] {
  const settings = {
    listen_addresses: '',
    port: String(port),
    unix_socket_directories: `"${socketDir}"`,
    unix_socket_permissions: '0700',
    max_connections: '100',
    shared_buffers: '128MB',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    wal_level: 'minimal',
    max_wal_senders: '0',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    logging_collector: 'off',
    log_destination: 'stderr',
    log_line_prefix: '%m [%p] ',
    log_checkpoints: 'off',
    log_min_messages: 'log',
    log_error_verbosity: 'terse',
    log_statement: 'none',
    log_min_error_statement: 'panic',
    log_min_duration_statement: '-1',
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
  }
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

/**
 * Makes the cluster that `<data-dir>/pg18` is or links to, and returns its real folder. initdb works in a folder beside it,
 * and one rename (or, aside, the link) makes it count: what a death leaves half-made is never taken for a cluster.
 *
 * @param parent the folder that will hold it: the data directory, or the folder aside.
 */
export async function createCluster(
  binaries: string,
  dataDir: string,
  parent: string,
  runAs: RunAs,
): Promise<string> {
  const link = join(dataDir, `pg${major}`)
  const half = mkdtempSync(join(parent, halfPrefix)) // mkdtemp's mode is 0700
  giveTo(half, runAs)
  const cluster = parent === dataDir ? link : join(parent, `pg${major}-${half.slice(-6)}`)
  const options = [
    '-U',
    superuser,
    '-E',
    'UTF8',
    '--no-locale',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ]
  const access = ['--data-checksums', '--auth-local=trust', '--auth-host=reject', '--no-instructions']
  try {
    await promisify(execFile)(join(binaries, 'bin', 'initdb'), ['-D', half, ...options, ...access], {
      ...runAs,
      cwd: '/',
      env: environment,
    })
  } catch (error) {
    rmSync(half, { recursive: true, force: true })
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new Error(`initdb could not make a database in ${parent}: ${stderr || error}`)
  }
  renameSync(half, cluster)
  syncFolder(parent)
  if (cluster !== link) {
    symlinkSync(cluster, link)
    syncFolder(dataDir)
  }
  return cluster
}

const halfPrefix = `pg${major}.half-`

/** Removes what an initdb that died left in this folder. One that is still at work loses its folder, and ends by that. */
export function removeHalfMade(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (name.startsWith(halfPrefix))
      rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 5 })
  }
}

/** The cluster's own word for its major, such as `18`; null when it is no cluster. */
export function readMajor(cluster: string): string | null {
  return readOrNull(join(cluster, 'PG_VERSION'))?.trim() ?? null
}

/** What a running server, or one that died, says of itself in `postmaster.pid`. */
export interface Postmaster {
  readonly pid: number
  readonly socketDir: string
  readonly isReady: boolean
}

/** Lines of `postmaster.pid`: pid, data directory, start, port, socket directory, address, shared memory, status. */
export function readPostmaster(cluster: string): Postmaster | null {
  const lines = readOrNull(join(cluster, 'postmaster.pid'))?.split('\n') ?? []
  const pid = Number(lines[0])
  if (!Number.isSafeInteger(pid) || pid <= 1) return null
  return { pid, socketDir: lines[4] ?? '', isReady: lines[7]?.trim() === 'ready' }
}

/**
 * Who has that pid: the server of this cluster, someone who certainly is not (a pid used again), someone who might be, or no
 * one. On Linux a server is known by its working directory, which is its cluster even after the cluster was moved.
 */
export function whoIs(pid: number, cluster: string): 'server' | 'stranger' | 'unsure' | 'gone' {
  if (process.platform === 'linux') {
    const command = readOrNull(`/proc/${pid}/cmdline`)
    if (!command) return 'gone' // a zombie's is empty
    if (basename(command.split('\0')[0] ?? '') !== 'postgres') return 'stranger'
    const at = statOrNull(`/proc/${pid}/cwd`)
    const here = statSync(cluster)
    return at?.ino === here.ino && at.dev === here.dev ? 'server' : 'stranger'
  }
  try {
    const command = execFileSync('ps', ['-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    if (command.includes(`postgres -D ${cluster} `)) return 'server'
    return command.includes('postgres') ? 'unsure' : 'stranger'
  } catch {
    return 'gone' // ps ends with 1 when no such process is there
  }
}

function statOrNull(path: string) {
  try {
    return statSync(path)
  } catch {
    return null
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
