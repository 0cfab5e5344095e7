/** The published package: packed by npm, installed by npm into an empty folder, and run from its `node_modules`. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { expect, inject, it } from 'vitest'
import { atDatabase } from '../support/database-url.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
/** This Node before any other, as `npx` and the systemd unit put it. */
const path = [dirname(process.execPath), process.env.PATH].join(delimiter)

/** Packs a copy, so that the build writes nothing here. Answers the tarball. */
async function pack(folder: string): Promise<string> {
  const copy = join(folder, 'copy')
  mkdirSync(copy)
  for (const name of [
    'src',
    'migrations',
    'deploy',
    'docs',
    'slotbridge',
    'package.json',
    'package-lock.json',
  ])
    cpSync(join(root, name), join(copy, name), { recursive: true })
  for (const name of ['tsconfig.json', 'tsconfig.build.json', 'LICENSE', 'README.md', 'CHANGELOG.md'])
    cpSync(join(root, name), join(copy, name))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  await run('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: copy,
    env: { ...process.env, PATH: path },
  })
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (!tarball) throw new Error('npm packed nothing')
  return join(folder, tarball)
}

/** Installs the tarball beside the packages of the lockfile, which are copied there so that no registry is asked. */
async function install(tarball: string, fresh: string): Promise<void> {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>
  }
  for (const [place, { dev, optional, devOptional }] of Object.entries(packages))
    if (place && !dev && !optional && !devOptional)
      cpSync(join(root, place), join(fresh, place), { recursive: true, dereference: true })
  writeFileSync(join(fresh, 'package.json'), JSON.stringify({ name: 'fresh', private: true }))
  const args = ['install', '--offline', '--omit=optional', '--no-audit', '--no-fund', tarball]
  await run('npm', args, { cwd: fresh, env: { ...process.env, PATH: path } })
}

async function ready(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('it says nothing')
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { msg?: string; url?: string }
    if (said.msg === 'ready' && said.url) return said.url
  }
  throw new Error('serve ended before it was ready')
}

it('runs from node_modules: it helps, migrates, serves, and drains', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'package-'))
  const database = `${inject('template')}_package`
  const admin = new pg.Client({ connectionString: inject('serverUrl') })
  await admin.connect()
  let child: ChildProcess | undefined
  try {
    const fresh = join(folder, 'fresh')
    mkdirSync(fresh)
    await install(await pack(folder), fresh)
    const program = join(fresh, 'node_modules', '.bin', 'slotbridge')
    const there = readdirSync(join(fresh, 'node_modules', 'slotbridge')).sort()
    expect(there).toEqual(
      [
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'deploy',
        'dist',
        'docs',
        'migrations',
        'package.json',
        'slotbridge',
      ].sort(),
    )

    await admin.query(`create database ${database}`)
    const env = {
      PATH: path,
      DATABASE_URL: atDatabase(inject('serverUrl'), { database, login: 'slotbridge' }),
      DATABASE_DIRECT_URL: atDatabase(inject('serverUrl'), { database }),
      SLOTBRIDGE_MASTER_KEY: randomBytes(32).toString('base64'),
      SLOTBRIDGE_DATA_DIR: join(folder, 'data'),
    }
    expect((await run(program, ['--help'], { env })).stdout).toContain('Usage: ./slotbridge')
    expect((await run(program, ['migrate'], { env })).stdout).toContain('applied 0001_foundation.sql')
    child = spawn(program, ['serve', '--port', '0'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const url = await ready(child)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  } finally {
    child?.kill('SIGKILL')
    await admin.query(`drop database if exists ${database} with (force)`)
    await admin.end()
    rmSync(folder, { recursive: true, force: true })
  }
})
