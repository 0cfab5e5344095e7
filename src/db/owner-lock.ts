import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Held by the one process that may touch a data directory. */
export interface OwnerLock extends Disposable {
  /** The data directory as an absolute path without symbolic links. */
  readonly dataDir: string
  /** Lets the next owner in; a second call does nothing. */
  release(): void
}

const lockFile = 'owner.lock'
const noteFile = 'owner.json'
const SQLITE_BUSY = 5

/**
 * Makes the data directory where it is missing, and becomes its only owner until `release()` or the death of this process.
 *
 * The lock is SQLite's own exclusive lock on `owner.lock`: the kernel frees it on any death, `kill -9` included, and it does
 * not depend on pids, which lie between containers. Nothing else may open that file in this process: POSIX drops the lock
 * when any descriptor of it is closed. Who owns it is told in `owner.json`, for people only.
 *
 * A directory made here has mode 0700; made by root it has 0711, so that the unprivileged owner of the embedded cluster can
 * pass through to its own 0700 folder (each file of ours in it has its own 0600).
 *
 * @throws Error naming the directory, and the owner's pid where it is known, when another owner holds it.
 */
export function holdDataDir(dataDir: string): OwnerLock {
  const asked = resolve(dataDir)
  mkdirSync(asked, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
  const real = realpathSync(asked)
  const lock = lockExclusively(real)
  const note = `${real}/${noteFile}`
  try {
    writeFileSync(note, `${JSON.stringify({ pid: process.pid, since: new Date().toISOString() })}\n`, {
      mode: 0o600,
    })
  } catch (cause) {
    lock.close()
    throw new Error(`The data directory ${real} cannot be written`, { cause })
  }
  let held = true
  const release = () => {
    if (!held) return
    held = false
    rmSync(note, { force: true })
    lock.close()
  }
  return { dataDir: real, release, [Symbol.dispose]: release }
}

function lockExclusively(dataDir: string): DatabaseSync {
  const file = `${dataDir}/${lockFile}`
  // Made for us alone, or others could lock it; only where there is none yet, for the reason above.
  if (!existsSync(file)) writeFileSync(file, '', { flag: 'a', mode: 0o600 })
  const database = new DatabaseSync(file)
  try {
    database.exec('pragma locking_mode = exclusive; begin exclusive')
    return database
  } catch (cause) {
    database.close()
    if (!isBusy(cause)) throw new Error(`The data directory ${dataDir} cannot be locked`, { cause })
    const pid = ownerPid(dataDir)
    const owner = pid === null ? 'another process' : `process ${pid}`
    throw new Error(
      `The data directory ${dataDir} is in use by ${owner}: stop that one first, or choose another directory with --data-dir`,
    )
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}

/** The pid that the present owner wrote down, or null when it has not yet, or the note cannot be read. */
function ownerPid(dataDir: string): number | null {
  try {
    const note: unknown = JSON.parse(readFileSync(`${dataDir}/${noteFile}`, 'utf8'))
    const pid = typeof note === 'object' && note !== null && 'pid' in note ? note.pid : null
    return typeof pid === 'number' ? pid : null
  } catch {
    return null
  }
}
