import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const launcher = fileURLToPath(new URL('../../slotbridge', import.meta.url))
let folder: string
let clone: string
const children: ChildProcess[] = []

/**
 * A clone with one dependency, which lies in the clone and brings a `node` as the real one does: the real npm installs it,
 * and no registry is asked. The root's postinstall counts the installs.
 */
function makeClone(): void {
  mkdirSync(join(clone, 'src'), { recursive: true })
  mkdirSync(join(clone, 'runtime'))
  copyFileSync(launcher, join(clone, 'slotbridge'))
  writeFileSync(join(clone, 'runtime', 'node.sh'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, {
    mode: 0o755,
  })
  writeJson('runtime/package.json', { name: 'runtime', version: '1.0.0', bin: { node: 'node.sh' } })
  writeFileSync(join(clone, '.npmrc'), 'update-notifier=false\n')
  writeLock('1.0.0')
  writeFileSync(
    join(clone, 'src', 'main.ts'),
    `const seen: object = { pid: process.pid, cwd: process.cwd(), argv: process.argv.slice(2), flags: process.execArgv }
     if (process.argv[2] === 'wait') {
       process.on('SIGTERM', () => process.exit(7))
       setInterval(() => {}, 1000)
     }
     console.log(JSON.stringify(seen))
     if (process.argv[2] === 'read') process.stdin.pipe(process.stdout)`,
  )
}

function writeLock(version: string): void {
  const root = {
    name: 'clone',
    version,
    dependencies: { runtime: 'file:runtime' },
    scripts: { postinstall: 'echo x >> installs.txt' },
  }
  writeJson('package.json', { ...root, type: 'module' })
  writeJson('package-lock.json', {
    name: 'clone',
    version,
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: 'clone', version, hasInstallScript: true, dependencies: { runtime: 'file:runtime' } },
      'node_modules/runtime': { resolved: 'runtime', link: true },
      runtime: { version: '1.0.0', bin: { node: 'node.sh' } },
    },
  })
}

function writeJson(path: string, value: object): void {
  writeFileSync(join(clone, path), JSON.stringify(value, null, 2))
}

/** Where compiled code is kept is the launcher's own to say. */
const { NODE_COMPILE_CACHE: _, ...environment } = process.env

function run(args: string[], options: { path?: string; cwd?: string; file?: string; input?: string } = {}) {
  const { status, stdout, stderr } = spawnSync(options.file ?? join(clone, 'slotbridge'), args, {
    encoding: 'utf8',
    cwd: options.cwd ?? folder,
    env: { ...environment, ...(options.path === undefined ? {} : { PATH: options.path }) },
    ...(options.input === undefined ? {} : { input: options.input }),
  })
  return { status, stdout, stderr }
}

const installs = () => readFileSync(join(clone, 'installs.txt'), 'utf8').split('\n').length - 1

/** A PATH with only the named programs, each a link or a script of ours. */
function makePath(programs: Record<string, string | null>): string {
  const bin = mkdtempSync(join(folder, 'bin-'))
  const ordinary = [
    'cat',
    'cmp',
    'cp',
    'dirname',
    'env',
    'find',
    'ln',
    'mkdir',
    'mv',
    'readlink',
    'rm',
    'rmdir',
    'sh',
    'sleep',
    'tr',
    'uname',
  ]
  for (const name of ordinary) symlinkSync(which(name), join(bin, name))
  for (const [name, script] of Object.entries(programs)) {
    if (script === null) symlinkSync(which(name), join(bin, name))
    else writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  return bin
}

function which(name: string): string {
  return spawnSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
}

beforeEach(() => {
  // Its mode is 0700, as a careful home has it.
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'slotbridge-launch-')))
  clone = join(folder, 'a clone')
  makeClone()
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

describe('the launcher', () => {
  it('installs at the first start, says so in one line, and then runs main.ts where the caller stands', () => {
    const first = run(['book', 'a b', '--note', "it's"])
    expect(first.stderr.trim().split('\n')).toEqual([expect.stringMatching(/^slotbridge: installing /)])
    expect(JSON.parse(first.stdout)).toMatchObject({
      cwd: folder,
      argv: ['book', 'a b', '--note', "it's"],
      flags: ['--disable-warning=ExperimentalWarning'],
    })
    expect(run([])).toMatchObject({ status: 0, stderr: '' })
    expect(installs()).toBe(1)
    // What was compiled is there for the next start.
    expect(readdirSync(join(clone, 'node_modules', '.cache', 'slotbridge'))).toHaveLength(1)
  })

  it('finds its folder through links, and passes its input on', () => {
    mkdirSync(join(folder, 'bin'))
    symlinkSync('../a clone/slotbridge', join(folder, 'bin', 'one'))
    symlinkSync(join(folder, 'bin', 'one'), join(folder, 'two'))
    const { stdout, status } = run(['read'], { file: join(folder, 'two'), input: 'from the caller' })
    expect(status).toBe(0)
    expect(stdout).toContain('from the caller')
    expect(installs()).toBe(1)
  })

  it('becomes the program, so that pid, signals and exit code are its own', async () => {
    run([])
    const child = spawn(join(clone, 'slotbridge'), ['wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    const [line] = await once(child.stdout, 'data')
    expect(JSON.parse(String(line)).pid).toBe(child.pid)
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([7, null])
  })

  it('installs again when the lockfile changed', () => {
    run([])
    writeLock('1.1.0')
    mkdirSync(join(clone, 'more'))
    writeJson('more/package.json', { name: 'more', version: '1.0.0' })
    const manifest = JSON.parse(readFileSync(join(clone, 'package.json'), 'utf8'))
    const lock = JSON.parse(readFileSync(join(clone, 'package-lock.json'), 'utf8'))
    manifest.dependencies.more = 'file:more'
    lock.packages[''].dependencies.more = 'file:more'
    lock.packages['node_modules/more'] = { resolved: 'more', link: true }
    lock.packages.more = { version: '1.0.0' }
    writeJson('package.json', manifest)
    writeJson('package-lock.json', lock)
    expect(run([]).status).toBe(0)
    expect(existsSync(join(clone, 'node_modules', 'more', 'package.json'))).toBe(true)
    expect(installs()).toBe(2)
  })

  it('repeats an install that was cut off', () => {
    mkdirSync(join(clone, 'node_modules', 'runtime'), { recursive: true })
    writeFileSync(join(clone, 'node_modules', 'runtime', 'package.json'), '{ "na')
    expect(run([])).toMatchObject({ status: 0 })
    expect(installs()).toBe(1)
  })

  it('takes what npm itself installed before, and asks no registry again', () => {
    spawnSync('npm', ['ci', '--loglevel=error'], { cwd: clone })
    expect(run([])).toMatchObject({ status: 0, stderr: '' })
    expect(installs()).toBe(1)
  })

  it.each([
    ['with flock', true],
    ['without flock, as on macOS', false],
  ])('installs once when two start at once, %s', async (_title, hasFlock) => {
    const path = hasFlock ? undefined : makePath({ node: null, npm: null })
    if (!hasFlock) {
      // Left by a start that was killed: its pid is nobody's.
      symlinkSync('999999999', join(clone, '.slotbridge-installing'))
    }
    const starts = [1, 2, 3].map(() => {
      const child = spawn(join(clone, 'slotbridge'), [], {
        stdio: ['ignore', 'ignore', 'ignore'],
        env: { ...environment, ...(path ? { PATH: path } : {}) },
      })
      children.push(child)
      return once(child, 'exit')
    })
    expect(await Promise.all(starts)).toEqual([
      [0, null],
      [0, null],
      [0, null],
    ])
    expect(installs()).toBe(1)
    expect(readdirSync(clone).filter((name) => name.startsWith('.slotbridge-installing'))).toEqual([])
  })

  it('shows why npm failed, and does not take a failed install for one', () => {
    rmSync(join(clone, 'runtime'), { recursive: true })
    writeJson('package.json', { name: 'clone', dependencies: { absent: 'file:absent' } })
    const { status, stderr } = run([])
    expect(status).toBe(1)
    expect(stderr).toContain('npm error')
    expect(stderr).toContain('slotbridge: the install failed, as npm says above')
    expect(run([]).status).toBe(1)
  })

  it('works for a caller who may not write a clone that is installed', () => {
    run([])
    chmodSync(clone, 0o555)
    try {
      expect(run([])).toMatchObject({ status: 0, stderr: '' })
    } finally {
      chmodSync(clone, 0o755)
    }
  })

  it('needs no Node or npm of the system once it is installed', () => {
    run([])
    expect(run([], { path: makePath({}) })).toMatchObject({ status: 0, stderr: '' })
  })

  it('says in one sentence what is missing', () => {
    const refusal = (programs: Record<string, string | null>) => run([], { path: makePath(programs) })
    expect(refusal({})).toMatchObject({
      status: 1,
      stderr:
        'slotbridge: it needs Node 20 or newer and npm 10 or newer to install itself: install them first\n',
    })
    expect(refusal({ node: 'case $1 in -p) echo 18;; *) echo v18.1.0;; esac' }).stderr).toBe(
      'slotbridge: it needs Node 20 or newer to install itself, and node is v18.1.0: install a newer one\n',
    )
    expect(refusal({ node: null }).stderr).toBe(
      'slotbridge: it needs npm 10 or newer to install itself, and there is no npm: install it first\n',
    )
    expect(refusal({ node: null, npm: 'echo 9.8.1' }).stderr).toContain('npm is 9.8.1')
  })

  it('says to set DATABASE_URL where the packages bring no Node that runs', () => {
    writeFileSync(join(clone, 'runtime', 'node.sh'), '#!/bin/sh\nexit 127\n', { mode: 0o755 })
    const old = `case $1 in -p) echo 20;; *) exec '${process.execPath}' "$@";; esac`
    const { status, stderr } = run([], { path: makePath({ node: old, npm: null }) })
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /no Node 24 came with the packages for .*: install Node 24 or newer, and set DATABASE_URL/,
    )
  })

  it('runs dist with the Node of the system when it was installed as a package', () => {
    rmSync(join(clone, 'package-lock.json'))
    rmSync(join(clone, 'src'), { recursive: true })
    mkdirSync(join(clone, 'dist'))
    writeFileSync(join(clone, 'dist', 'main.js'), 'console.log(process.version)')
    const here = makePath({ node: `exec '${process.execPath}' "$@"` })
    expect(run([], { path: here })).toMatchObject({ status: 0, stdout: `${process.version}\n`, stderr: '' })
    const old = makePath({ node: 'case $1 in -p) echo 20;; *) echo v20.9.0;; esac' })
    expect(run([], { path: old }).stderr).toBe(
      'slotbridge: it needs Node 24 or newer, and node is v20.9.0: install a newer one\n',
    )
    expect(existsSync(join(clone, 'node_modules'))).toBe(false)
  })

  it('is executable as it lies in the repository', () => {
    expect(statSync(launcher).mode & 0o111).toBe(0o111)
  })
})
