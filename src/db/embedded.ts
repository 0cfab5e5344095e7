import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { copyBinaries, findBinaries, whyNotRunnable } from './embedded-binaries.ts'
import {
  createCluster,
  fitsSocket,
  port,
  readMajor,
  readPostmaster,
  removeHalfMade,
  superuser,
  whoIs,
} from './embedded-cluster.ts'
import {
  asideFolder,
  canEnter,
  chooseUser,
  findCluster,
  giveTo,
  major,
  otherMajor,
  takeAside,
} from './embedded-place.ts'
import {
  type EmbeddedLog,
  launch,
  type Prepared,
  type Server,
  stopOrphan,
  stopServer,
} from './embedded-server.ts'
import { holdDataDir, type OwnerLock } from './owner-lock.ts'

export type { EmbeddedLog } from './embedded-server.ts'

/** A running PostgreSQL of our own. It ends only by `stop`: never by itself while the program drains. */
export interface Embedded extends AsyncDisposable {
  /** The superuser's connection, over the Unix socket, to the database `postgres`. Not for the application's queries. */
  readonly url: string
  readonly socketDir: string
  readonly port: number
  /** As the server says it, such as `18.4`. */
  readonly version: string
  readonly pid: number
  /**
   * Ends every session and the server, and waits for its end. `fast` writes a checkpoint first; `immediate` does not, and the
   * next start recovers: nothing that was committed is lost by either. A `fast` one that takes longer than 8 s goes on as
   * `immediate`, and so does one that is asked to meanwhile. A second call waits for the same end.
   */
  stop(mode: 'fast' | 'immediate'): Promise<void>
}

/**
 * Starts the PostgreSQL of this data directory, and makes its cluster at the first start.
 *
 * Whoever calls holds the data directory already and passes `owner`; without it, the lock is taken here and freed by `stop`.
 * Under that lock a server found running is an orphan, left by a program that was killed: it is stopped, not adopted, since
 * it has the settings, binaries and sessions of its dead program.
 *
 * @throws Error in a sentence with what to do: directory in use, no binaries for this platform, another major, not startable.
 */
export async function startEmbedded(options: {
  dataDir: string
  log: EmbeddedLog
  owner?: OwnerLock
}): Promise<Embedded> {
  const lock = options.owner ?? holdDataDir(options.dataDir)
  const release = () => {
    if (!options.owner) lock.release()
  }
  try {
    const prepared = await prepare(lock.dataDir, options.log)
    return await embed(await launch(prepared, options.log), prepared, release)
  } catch (error) {
    release()
    throw error
  }
}

/**
 * The superuser's URL of the server that now runs on this data directory, or null: for a command beside a running program,
 * which holds the lock. The answer may be outdated when it arrives, and the connection decides.
 */
export function findEmbedded(dataDir: string): string | null {
  const cluster = existsSync(dataDir) ? findCluster(dataDir) : null
  const postmaster = cluster === null ? null : readPostmaster(cluster)
  if (!cluster || !postmaster?.isReady) return null
  if (['gone', 'stranger'].includes(whoIs(postmaster.pid, cluster))) return null
  return urlOf(postmaster.socketDir)
}

async function prepare(dataDir: string, log: EmbeddedLog): Promise<Prepared> {
  const found = findCluster(dataDir)
  if (found !== null) {
    const version = readMajor(found)
    if (version === null)
      throw new Error(`${found} holds no PostgreSQL cluster: move it away to begin with an empty one`)
    if (version !== String(major)) throw new Error(otherMajor(dataDir, version))
    await stopOrphan(found, log)
  }
  const packaged = findBinaries()
  const runAs = chooseUser(found)
  if (found !== null && !canEnter(found, runAs)) {
    throw new Error(
      `${found} cannot be reached by its owner: let that user pass through the folders above it (chmod o+x)`,
    )
  }
  removeHalfMade(dataDir)

  const inPlace = whyNotRunnable(packaged.folder, runAs) === null
  // As root the cluster follows the binaries aside, so that the two are in one place; another user's stays where it was asked.
  const stays = runAs.uid === undefined || (inPlace && canEnter(dataDir, runAs))
  const needsAside =
    !inPlace || (found === null && !stays) || !fitsSocket(found ?? join(dataDir, `pg${major}`))
  let binaries = packaged.folder
  if (needsAside) {
    const aside = takeAside(dataDir, runAs)
    removeHalfMade(aside)
    if (!inPlace) {
      binaries = join(aside, `native-${packaged.version}`)
      copyBinaries(packaged, binaries)
    }
    giveTo(aside, runAs)
  }
  const problem = inPlace ? null : whyNotRunnable(binaries, runAs)
  if (problem) throw new Error(problem)

  let cluster = found
  if (cluster === null) {
    const parent = stays ? dataDir : asideFolder(dataDir)
    log.info(`Making a PostgreSQL ${major} database in ${parent}`)
    cluster = await createCluster(binaries, dataDir, parent, runAs)
  }
  const socketDir = fitsSocket(cluster) ? cluster : asideFolder(dataDir)
  return { cluster, binaries, socketDir, runAs, logFile: join(dataDir, 'postgres.log') }
}

async function embed(server: Server, prepared: Prepared, release: () => void): Promise<Embedded> {
  const url = urlOf(prepared.socketDir)
  let ending: Promise<void> | undefined
  const stop = (mode: 'fast' | 'immediate') => {
    if (ending && mode === 'immediate') server.child.kill('SIGQUIT')
    ending ??= stopServer(server, mode).finally(release)
    return ending
  }
  try {
    const version = await askVersion(url)
    const { socketDir } = prepared
    return { url, socketDir, port, version, pid: server.pid, stop, [Symbol.asyncDispose]: () => stop('fast') }
  } catch (error) {
    await stop('fast')
    throw error
  }
}

/** The host in the query, since a URL cannot have a path for a host; `localhost` keeps it a URL for every parser. */
function urlOf(socketDir: string): string {
  return `postgresql://${superuser}@localhost/postgres?host=${encodeURIComponent(socketDir)}&port=${port}`
}

async function askVersion(url: string): Promise<string> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return rows[0]?.server_version ?? ''
  } finally {
    await client.end()
  }
}
