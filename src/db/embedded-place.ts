import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'

/** The user that PostgreSQL runs as: nothing for our own, uid and gid when we are root, which PostgreSQL refuses. */
export type RunAs = { readonly uid: number; readonly gid: number } | Readonly<Record<string, never>>

/** The one major that this version runs; `<data-dir>/pg18` is named after it. */
export const major = 18

const isRoot = () => process.getuid?.() === 0

/**
 * The real folder of the data directory's cluster, or null when there is none yet.
 *
 * @throws Error with what to do when the link leads nowhere, or when only a cluster of another major is there: beginning
 *   an empty one beside it would look like the loss of everything.
 */
export function findCluster(dataDir: string): string | null {
  const link = join(dataDir, `pg${major}`)
  if (existsSync(link)) return realpathSync(link)
  if (lstatSync(link, { throwIfNoEntry: false })) {
    throw new Error(
      `${link} links to a cluster that is gone: restore that folder, or remove the link to begin with an empty database`,
    )
  }
  const other = readdirSync(dataDir).find((name) => /^pg\d+$/.test(name))
  if (other) throw new Error(otherMajor(dataDir, other.slice(2)))
  return null
}

export function otherMajor(dataDir: string, found: string): string {
  return (
    `${dataDir} holds a cluster of PostgreSQL ${found}, and this version runs ${major}: export it with the version that made it ` +
    '(./slotbridge data export), then import it into a new data directory (./slotbridge data import)'
  )
}

/**
 * Who runs PostgreSQL: ourselves, or as root the owner of the cluster, for a new one `postgres`, else `nobody`.
 *
 * @throws Error when the cluster is another user's, which PostgreSQL would refuse in words that help less.
 */
export function chooseUser(cluster: string | null): RunAs {
  const owner = cluster === null ? null : statSync(cluster)
  if (!isRoot()) {
    if (owner === null || owner.uid === process.getuid?.()) return {}
    throw new Error(`${cluster} belongs to the user with uid ${owner.uid}: start as that user, or as root`)
  }
  if (owner !== null) {
    if (owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
    throw new Error(
      `${cluster} belongs to root, as whom PostgreSQL does not run: give it to another user (chown -R)`,
    )
  }
  const user = findUser('postgres') ?? findUser('nobody')
  if (!user)
    throw new Error(
      'As root, PostgreSQL needs a user postgres or nobody to run as: add one, or set DATABASE_URL',
    )
  return user
}

function findUser(name: string): { uid: number; gid: number } | null {
  const id = (flag: string) =>
    Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
  try {
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    return null
  }
}

/** Whether that user can pass into the folder. Asked of the kernel: modes alone do not tell (ACLs, mount options). */
export function canEnter(folder: string, runAs: RunAs): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...runAs, cwd: '/', env: {}, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/**
 * Where cluster, binaries or socket lie when they cannot lie in the data directory: named from its real path, and short,
 * since the path of a Unix socket may have only about 100 bytes.
 */
export function asideFolder(dataDir: string): string {
  const name = createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 16)
  return join('/var/tmp', `slotbridge-${name}`)
}

/**
 * Makes the folder aside, 0700, and as root takes it over, so that what root writes in it cannot be led elsewhere by a link
 * of another's. `giveTo` hands it to its user afterwards. No server may be running in it meanwhile.
 *
 * @throws Error when something else has that name: the names in `/var/tmp` are anybody's to take.
 */
export function takeAside(dataDir: string, runAs: RunAs): string {
  const aside = asideFolder(dataDir)
  const allowed = [process.getuid?.(), runAs.uid]
  const there = lstatSync(aside, { throwIfNoEntry: false })
  if (!there) mkdirSync(aside, { mode: 0o700 })
  else if (!there.isDirectory() || !allowed.includes(there.uid)) {
    throw new Error(`${aside} is needed, and is another user's or no folder: remove it`)
  }
  if (isRoot()) lchownSync(aside, 0, 0)
  // Its owner could still swap it for a link before the line above, and no longer after it.
  if (!lstatSync(aside).isDirectory()) throw new Error(`${aside} is needed, and is no folder: remove it`)
  chmodSync(aside, 0o700)
  return aside
}

/** Gives a folder to the user that PostgreSQL runs as, and never what a link put in its place leads to. */
export function giveTo(folder: string, runAs: RunAs): void {
  if (runAs.uid !== undefined) lchownSync(folder, runAs.uid, runAs.gid)
}

/** Makes a rename or link in this folder survive a power cut. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
