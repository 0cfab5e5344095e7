/**
 * Three nodes of Patroni with a synchronous standby, their etcd, and HAProxy that finds the primary: Debian's programs on
 * loopback, with the files that we ship.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from './free-ports.ts'

const shipped = (file: string): string =>
  readFileSync(new URL(`../../../deploy/patroni/${file}`, import.meta.url), 'utf8')
const NODES = [1, 2, 3]
const BINARIES = '/usr/lib/postgresql/15/bin'
const PATIENCE_MS = 180_000

export interface PatroniCluster extends AsyncDisposable {
  /** The superuser's, through HAProxy, to the database `postgres`. */
  url: string
  /** Whom Debian's PostgreSQL runs as. */
  runAs: { uid: number; gid: number } | Record<string, never>
  /** The node that answers as the primary now; null while there is none. */
  primary(): Promise<string | null>
  /** The names of the nodes that a commit waits for. */
  synchronous(): Promise<string[]>
  /** Kills a node's Patroni and every process of its PostgreSQL at once. */
  kill(node: string): void
  /** Starts a killed node again. */
  start(node: string): void
  /** Waits until there are a primary and a synchronous standby. */
  ready(): Promise<void>
  /** The last lines of everyone, for whoever asks why. */
  lastWords(): string
}

interface Place {
  folder: string
  runAs: PatroniCluster['runAs']
  start(name: string, program: string, args: string[], env?: Record<string, string>): void
  children: Map<string, ChildProcess>
}

export async function startPatroni(): Promise<PatroniCluster> {
  install()
  const place = makePlace()
  const [etcd, peers, databases, rests] = [await freePorts(12)].flatMap((ports) =>
    [0, 3, 6, 9].map((from) => ports.slice(from, from + 3)),
  ) as [number[], number[], number[], number[]]
  const [front = 0] = await freePorts(1)
  startEtcd(place, etcd, peers)
  const password = randomBytes(12).toString('hex')
  const config = join(place.folder, 'patroni.yml')
  writeFileSync(config, shipped('patroni.yml'))
  const startNode = (node: string): void => {
    const at = Number(node.slice(-1)) - 1
    place.start(node, 'patroni', [config], {
      PATRONI_NAME: node,
      PATRONI_ETCD3_HOSTS: etcd.map((port) => `127.0.0.1:${port}`).join(','),
      PATRONI_RESTAPI_LISTEN: `127.0.0.1:${rests[at]}`,
      PATRONI_RESTAPI_CONNECT_ADDRESS: `127.0.0.1:${rests[at]}`,
      PATRONI_POSTGRESQL_LISTEN: `127.0.0.1:${databases[at]}`,
      PATRONI_POSTGRESQL_CONNECT_ADDRESS: `127.0.0.1:${databases[at]}`,
      PATRONI_POSTGRESQL_DATA_DIR: join(place.folder, node),
      PATRONI_POSTGRESQL_BIN_DIR: BINARIES,
      PATRONI_POSTGRESQL_PGPASS: join(place.folder, `${node}.pgpass`),
      PATRONI_SUPERUSER_PASSWORD: password,
      PATRONI_REPLICATION_PASSWORD: password,
    })
  }
  for (const node of NODES) startNode(`node${node}`)
  startHaproxy(place, front, databases, rests)
  const cluster = faceOf(
    place,
    rests,
    startNode,
    `postgres://postgres:${password}@127.0.0.1:${front}/postgres`,
  )
  try {
    await cluster.ready()
  } catch (error) {
    const said = cluster.lastWords()
    await cluster[Symbol.asyncDispose]()
    throw new Error(`the cluster does not start: ${said}`, { cause: error })
  }
  return cluster
}

function faceOf(
  place: Place,
  rests: number[],
  startNode: (node: string) => void,
  url: string,
): PatroniCluster {
  const members = async (): Promise<{ name: string; role: string; state: string }[]> => {
    for (const port of rests) {
      const answer = await fetch(`http://127.0.0.1:${port}/cluster`).catch(() => null)
      if (answer?.ok)
        return ((await answer.json()) as { members: Awaited<ReturnType<typeof members>> }).members
    }
    return []
  }
  const cluster: PatroniCluster = {
    url,
    runAs: place.runAs,
    async primary() {
      for (const [at, port] of rests.entries()) {
        const answer = await fetch(`http://127.0.0.1:${port}/primary`).catch(() => null)
        if (answer?.status === 200) return `node${at + 1}`
      }
      return null
    },
    synchronous: async () =>
      (await members()).filter(({ role }) => role === 'sync_standby').map(({ name }) => name),
    kill(node) {
      const postmaster = postmasterOf(join(place.folder, node))
      place.children.get(node)?.kill('SIGKILL')
      if (postmaster !== null)
        for (const pid of [postmaster, ...childrenOf(postmaster)]) endProcess(pid, 'SIGKILL')
    },
    start: startNode,
    async ready() {
      const limit = Date.now() + PATIENCE_MS
      while ((await cluster.primary()) === null || (await cluster.synchronous()).length === 0) {
        if (Date.now() > limit) throw new Error('no primary with a synchronous standby')
        await sleep(200)
      }
    },
    lastWords: () =>
      [...place.children.keys()]
        .map((name) => `${name}: ${readFileSync(join(place.folder, `${name}.log`), 'utf8').slice(-1_500)}`)
        .join('\n'),
    async [Symbol.asyncDispose]() {
      for (const node of NODES) cluster.kill(`node${node}`)
      for (const child of place.children.values()) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        await ended
      }
      rmSync(place.folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  return cluster
}

function makePlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'slotbridge-patroni-'))
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  const runAs = process.getuid?.() === 0 ? { uid: id('-u'), gid: id('-g') } : {}
  if (runAs.uid !== undefined) chownSync(folder, runAs.uid, runAs.gid)
  chmodSync(folder, 0o755)
  const children = new Map<string, ChildProcess>()
  return {
    folder,
    runAs,
    children,
    start(name, program, args, env = {}) {
      // The shell only opens the log: the program takes its place.
      const child = spawn('/bin/sh', ['-c', 'exec "$0" "$@" >>"$LOG" 2>&1', program, ...args], {
        ...runAs,
        cwd: folder,
        env: {
          PATH: `/usr/bin:/usr/sbin:/bin:/sbin`,
          LOG: join(folder, `${name}.log`),
          LANG: 'C.UTF-8',
          ...env,
        },
        stdio: 'ignore',
      })
      children.set(name, child)
    },
  }
}

/** Slower to lose patience than by itself: on a busy machine a heartbeat may be late. */
const ETCD_TIMES = ['--heartbeat-interval', '500', '--election-timeout', '5000']

function startEtcd(place: Place, clients: number[], peers: number[]): void {
  const at = (port: number | undefined): string => `http://127.0.0.1:${port}`
  const cluster = peers.map((port, number) => `etcd${number + 1}=${at(port)}`).join(',')
  for (const [number, port] of peers.entries()) {
    const client = at(clients[number])
    place.start(`etcd${number + 1}`, 'etcd', [
      ...['--name', `etcd${number + 1}`, '--data-dir', join(place.folder, `etcd${number + 1}`)],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', at(port), '--initial-advertise-peer-urls', at(port)],
      ...['--initial-cluster', cluster, '--initial-cluster-state', 'new', ...ETCD_TIMES],
    ])
  }
}

function startHaproxy(place: Place, front: number, databases: number[], rests: number[]): void {
  let text = shipped('haproxy.cfg').replace('127.0.0.1:5000', `127.0.0.1:${front}`)
  for (const [at, port] of databases.entries())
    text = text.replace(`10.0.0.1${at + 1}:5432 check port 8008`, `127.0.0.1:${port} check port ${rests[at]}`)
  const file = join(place.folder, 'haproxy.cfg')
  writeFileSync(file, text)
  place.start('haproxy', 'haproxy', ['-db', '-f', file])
}

function postmasterOf(dataDir: string): number | null {
  try {
    return Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0])
  } catch {
    return null
  }
}

/** By what Linux says of each process; Debian's programs run nowhere else. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) \S+ /, '')
          .startsWith(`${pid} `)
      } catch {
        return false
      }
    })
    .map(Number)
}

function endProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}

function install(): void {
  const programs = ['patroni', 'etcd', 'haproxy', 'pgbouncer']
  const has = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
  if (
    programs.every((program) => spawnSync('which', [program], { stdio: 'ignore' }).status === 0) &&
    has(`${BINARIES}/postgres`)
  )
    return
  if (process.getuid?.() !== 0)
    throw new Error(
      'the Patroni peer needs patroni, etcd-server, haproxy, pgbouncer and postgresql-15: install them from Debian',
    )
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const
  execFileSync('apt-get', ['update', '-qq'], options)
  const packages = ['patroni', 'etcd-server', 'haproxy', 'pgbouncer', 'postgresql-15']
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], options)
}
