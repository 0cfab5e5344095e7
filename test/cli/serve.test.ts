/** `migrate` and `serve` as processes, on a database that knows nothing of us yet. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { expect, inject, it } from 'vitest'
import { type } from '../support/command-line.ts'
import { atDatabase } from '../support/database-url.ts'

const main = new URL('../../src/main.ts', import.meta.url).pathname

/** An empty database, and the environment of an administrator and of the application on it. */
async function emptyDatabase() {
  const name = `${inject('template')}_empty_${randomBytes(4).toString('hex')}`
  const admin = async (text: string) => {
    const client = new pg.Client({ connectionString: inject('serverUrl') })
    await client.connect()
    await client.query(text).finally(() => client.end())
  }
  await admin(`create database ${name}`)
  const env = {
    DATABASE_URL: atDatabase(inject('serverUrl'), { database: name, login: 'slotbridge' }),
    SLOTBRIDGE_MASTER_KEY: randomBytes(32).toString('base64'),
    SLOTBRIDGE_HIGH_WATER: 'off',
  }
  const direct = { ...env, DATABASE_DIRECT_URL: atDatabase(inject('serverUrl'), { database: name }) }
  return { env, direct, [Symbol.asyncDispose]: () => admin(`drop database ${name} with (force)`) }
}

interface Served extends AsyncDisposable {
  child: ChildProcess
  /** The log line that has this message. */
  saying(message: string): Promise<Record<string, unknown>>
  ended(): Promise<number | string | null>
}

function serve(env: Record<string, string>, ...args: string[]): Served {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, 'serve', '--port', '0', ...args],
    {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const exit = new Promise<number | string | null>((done) =>
    child.once('exit', (code, signal) => done(code ?? signal)),
  )
  const lines: Record<string, unknown>[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(JSON.parse(line))
    for (const look of waiting) look()
  })
  return {
    child,
    ended: () => exit,
    saying: (message) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find(({ msg }) => msg === message)
          if (found) resolve(found)
        }
        waiting.add(look)
        void exit.then(() =>
          reject(new Error(`it ended without saying ${message}: ${JSON.stringify(lines)}`)),
        )
        look()
      }),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exit
    },
  }
}

it('refuses to serve a database that was not migrated, migrates it once, and then serves it by roles', async () => {
  await using database = await emptyDatabase()
  expect(await type('institution list', database.env)).toMatchObject({
    code: 1,
    noted: expect.stringContaining('./slotbridge migrate'),
  })
  expect((await type('migrate', database.direct)).said).toContain('applied 0001_foundation.sql')
  expect((await type('migrate', database.direct)).said).toBe('nothing to apply')

  await type('institution add willow', database.env)
  const { said: key } = await type('key add', database.env)
  await using api = serve(database.env, '--role', 'api')
  await using worker = serve(database.env, '--role', 'worker')
  const { url } = await api.saying('ready')
  const { url: watched } = await worker.saying('ready')
  const ready = await fetch(`${watched}/readyz`)
  expect([ready.status, await ready.json()]).toMatchObject([200, { checks: { work: 'ok' } }])
  expect((await fetch(`${watched}/livez`)).status).toBe(200)
  const metrics = await fetch(`${watched}/metrics`)
  expect(await metrics.text()).toContain('slotbridge_work_turns_total')
  // A worker is nobody's API.
  for (const path of ['/institutions', '/openapi.json', '/authenticates'])
    expect([path, (await fetch(watched + path)).status]).toEqual([path, 404])
  const called = await type(`call GET /institutions --url ${url} --key-file -`, {}, key)
  expect(called).toMatchObject({ code: 0 })
  expect(JSON.parse(called.said).data[0]).toMatchObject({ subdomain: 'willow' })
  expect(
    (await type(`call GET /institutions --url ${url} --key-file - --pick data.0.subdomain`, {}, key)).said,
  ).toBe('willow')
  expect(await type(`call GET /nowhere --url ${url} --key-file -`, {}, key)).toMatchObject({ code: 1 })
  expect((await type(`call GET /institutions --url ${url} --key-file -`, {}, 'sb_wrong')).noted).toContain(
    'does not know this key',
  )

  for (const { child } of [api, worker]) child.kill('SIGTERM')
  expect([await api.ended(), await worker.ended()]).toEqual([0, 0])
})

it('brings an older schema up to date when it is told to', async () => {
  await using database = await emptyDatabase()
  await using served = serve(database.direct, '--role', 'api', '--migrate')
  const { url } = await served.saying('ready')
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  served.child.kill('SIGINT')
  expect(await served.ended()).toBe(0)
})

it('names the port that is in use', async () => {
  await using database = await emptyDatabase()
  await type('migrate', database.direct)
  await using served = serve(database.env, '--role', 'api')
  const { url } = await served.saying('ready')
  const { port } = new URL(String(url))
  const refused = await type(`serve --role api --port ${port}`, database.env)
  expect(refused).toMatchObject({ code: 1, noted: `Port ${port} is in use: choose another with --port.` })
})
