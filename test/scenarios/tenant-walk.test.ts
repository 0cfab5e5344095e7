/**
 * No one sees another tenant's row: every route of the server with another tenant's ids, every table without a `where`, and the
 * whole server again from a copy of the store that forgets its `where`s.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { inGlobal, inTenant } from '../../src/db/database.ts'
import { allRoutes } from '../../src/http/routes/all.ts'
import { buildServer } from '../../src/http/server.ts'
import { SCOPES } from '../../src/model/wire-scopes.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { makePractice, type Served, sandboxFace, serve } from '../http/served.ts'
import { type FullPractice, fillPractice, tenantTables } from '../support/full-practice.ts'
import { type Asking, asksOf, FOREIGN_IDS, foreignIdsIn, TOKEN, walkOf } from './tenant-walk.ts'

// Processes on a machine that may have much to do.
vi.setConfig({ testTimeout: 200_000, hookTimeout: 200_000 })

const root = join(import.meta.dirname, '..', '..')
/** Asked side by side. */
const WIDTH = 6

let s: Served
let own: FullPractice
let theirs: FullPractice
let theirKey: string

beforeAll(async () => {
  s = await serve()
  own = await fillPractice(s.t, s, 'mine')
  const setIds = (to: number) =>
    s.t.look(
      "select setval(sequencename::text, $1) from pg_sequences where sequencename like '%\\_ids' and sequencename !~ '^(event|audit)'",
      [to],
    )
  await setIds(FOREIGN_IDS)
  await s.t.look('select keep_partitions()')
  const accountId = await inGlobal(s.t.database, (tx) => createAccount(tx, TOKEN))
  const key = await inGlobal(s.t.database, (tx) =>
    createKey(tx, { accountId, name: TOKEN, scopes: SCOPES, institutionIds: null }),
  )
  theirKey = key.key
  const practice = await makePractice(s.t, accountId, 'foreign')
  theirs = await fillPractice(s.t, { ...practice, accountId, keyId: key.id }, TOKEN)
  await setIds(10_000)
  await s.t.look('select keep_partitions()')
  await markEverything()
})
afterAll(async () => await s?.[Symbol.asyncDispose]())

/** Puts the token into every text of the other tenant that may hold it, each with a tail of its own. */
async function markEverything(): Promise<void> {
  await s.t.look(
    `do $$ declare c record; begin
       for c in select table_name as t, column_name as n from information_schema.columns
         where table_schema = 'public' and data_type = 'text' and table_name = any('{${(await tenantTables(s.t)).join()}}')
           and table_name not in ('events', 'event_order', 'deliveries', 'delivery_lanes')
           and column_name not in ('tz', 'connector') loop
         begin
           execute format('update %I set %I = %L || substr(gen_random_uuid()::text, 1, 8) where institution_id = ${theirs.institutionId}',
             c.t, c.n, '${TOKEN}');
         exception when others then null;
         end;
       end loop;
       update institutions set name = '${TOKEN}', phone_number = '${TOKEN}' where id = ${theirs.institutionId};
     end $$`,
  )
}

interface Came {
  asking: Asking
  status: number
  text: string
}

async function askAll(url: string, key: string, asks: Asking[]): Promise<Came[]> {
  const came: Came[] = []
  const waiting = [...asks]
  const ask = async (asking: Asking) => {
    const { route } = asking
    const answer = await fetch(url + asking.url, {
      method: route.method,
      headers: {
        authorization: key,
        'nex-api-version': route.face === 'v3' ? 'v3.0.0' : 'v2',
        ...(asking.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(asking.body === undefined ? {} : { body: JSON.stringify(asking.body) }),
    })
    came.push({ asking, status: answer.status, text: await answer.text() })
  }
  const one = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await ask(next)
  }
  await Promise.all(Array.from({ length: WIDTH }, one))
  return came
}

const nameOf = ({ asking: { route, where }, status }: Came) =>
  `${status} ${route.method} ${route.path} ${route.face}: ${where}`

function isEmpty(text: string): boolean {
  const data = (JSON.parse(text) as { data: unknown }).data
  const lists = Array.isArray(data) ? [data] : Object.values((data ?? {}) as object)
  return lists.every((list) => !Array.isArray(list) || list.length === 0)
}

/** What came although it must not. */
function leaks(came: Came[]): string[] {
  return came
    .filter(({ asking, status, text }) => {
      if (text.includes(TOKEN) || status >= 500) return true
      const isTaken = status < 300
      const data = isTaken && text !== '' ? (JSON.parse(text) as { data: unknown }).data : null
      if (isTaken && foreignIdsIn(data).length > 0) return true
      // Refused before anything was looked for.
      if (status === 400 && text.includes('"Missing parameter subdomain"')) return false
      return asking.isTheirs && status !== 403 && status !== 404 && !(isTaken && isEmpty(text))
    })
    .map((one) => `${nameOf(one)} ${one.text.slice(0, 200)}`)
}

/** All rows of the other tenant, by table. */
async function rowsOfTheirs(): Promise<unknown[]> {
  const each = (await tenantTables(s.t)).map(
    (
      table,
    ) => `select '${table}' as name, count(*)::int as n, md5(coalesce(string_agg(r::text, '|' order by r::text), '')) as hash
      from ${table} r where institution_id = ${theirs.institutionId}`,
  )
  return await s.t.look(each.join(' union all '))
}

/** The paths of the tree that the server prints: each level is indented by four. */
function pathsOf(printed: string): Set<string> {
  const parts: string[] = []
  const paths = new Set<string>()
  for (const line of printed.split('\n')) {
    const [, indent = '', part = '', methods] = /^([│├└─ ]*)([^\s(]+)(?: \(([^)]*)\))?/u.exec(line) ?? []
    if (part === '') continue
    parts.splice(indent.length / 4 - 1, parts.length, part)
    if (methods) paths.add(parts.join(''))
  }
  return paths
}

it('knows every route that is served, and the other tenant has something behind each', async () => {
  const { database, clock } = s.t
  const app = buildServer({ database, clock, connectors: [sandboxFace], wake: () => undefined })
  await app.ready()
  const printed = app.printRoutes({ commonPrefix: false, includeMeta: false })
  await app.close()
  const served = pathsOf(printed)
  const known = new Set(allRoutes.map(({ path }) => path.replaceAll(/\{(\w+)\}/g, ':$1')))
  const keys = '/data_sources/:id/jwks.json'
  const plain = ['/authenticates', keys, '/livez', '/readyz', '/metrics', '/openapi.json', '/docs']
  expect([...served].filter((path) => !known.has(path)).sort()).toEqual(plain.sort())
  expect(served.size).toBe(known.size + plain.length)
  for (const path of plain) {
    const answer = await fetch(s.url + path.replace(':id', String(theirs.sourceId)))
    expect([path, (await answer.text()).includes(TOKEN)]).toEqual([path, false])
  }

  // What we ask for is there, for its own tenant: else the walk would prove nothing.
  const gets = allRoutes.filter(({ method }) => method === 'GET')
  const shown = await askAll(
    s.url,
    theirKey,
    gets.flatMap((route) => asksOf(route, theirs, own).filter(({ where }) => where === '')),
  )
  const isUnseen = ({ status, text }: Came) =>
    status !== 200 || (!text.includes(TOKEN) && foreignIdsIn(JSON.parse(text).data).length === 0)
  expect(shown.filter(isUnseen).map(nameOf).sort()).toEqual([])
})

it('shows no row of another tenant, though nothing but the table is named', async () => {
  const tables = await tenantTables(s.t)
  expect(tables.length).toBeGreaterThan(25)
  for (const [id, other] of [
    [own.institutionId, theirs.institutionId],
    [theirs.institutionId, own.institutionId],
  ] as const)
    await inTenant(s.t.database, id, async (tx) => {
      for (const table of tables) {
        const { rows } = await sql<{ id: number; n: number }>`
          select institution_id as id, count(*)::int as n from ${sql.table(table)} group by 1`.execute(tx.db)
        expect([table, rows.length, rows[0]?.id, (rows[0]?.n ?? 0) > 0]).toEqual([table, 1, id, true])
      }
      for (const table of ['locations', 'patients', 'appointments', 'writes']) {
        const { rows } = await sql`update ${sql.table(table)} set institution_id = institution_id
          where institution_id = ${other} returning id`.execute(tx.db)
        expect([table, rows]).toEqual([table, []])
      }
    })
})

it('answers no route with anything of another tenant, and lets none change it', async () => {
  const before = await rowsOfTheirs()
  const came = await askAll(s.url, s.key, walkOf(own, theirs))
  expect(came.length).toBeGreaterThan(350)
  expect(leaks(came)).toEqual([])
  expect(await rowsOfTheirs()).toEqual(before)
})

/** The server as a program of its own, from a copy of the source whose store forgets to say whose rows it wants. */
async function forgetfulServer() {
  const folder = mkdtempSync(join(tmpdir(), 'slotbridge-forgetful-'))
  cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true })
  cpSync(join(root, 'test/support/server-process.ts'), join(folder, 'test/support/server-process.ts'))
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  let forgotten = 0
  for (const name of readdirSync(join(folder, 'src/store'))) {
    const file = join(folder, 'src/store', name)
    const text = readFileSync(file, 'utf8').replaceAll(
      /\b(?:\w+\.)?institution_id = \$\{(?:tx\.)?institutionId\}/g,
      () => {
        forgotten += 1
        return 'true'
      },
    )
    writeFileSync(file, text)
  }
  const key = s.t.database.masterKey.toString('base64')
  const child = spawn(process.execPath, [join(folder, 'test/support/server-process.ts'), s.t.url, key], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [url] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => {
      throw new Error('the copy did not start')
    }),
  ])
  return {
    url: String(url),
    forgotten,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

it('answers nothing of another tenant although every store function has forgotten its where', async () => {
  await using server = await forgetfulServer()
  expect(server.forgotten).toBeGreaterThan(150)
  const before = await rowsOfTheirs()
  const asks = walkOf(own, theirs)
  // What was deleted by the walk before is gone here too: it is refused either way.
  expect(leaks(await askAll(server.url, s.key, asks))).toEqual([])
  expect(await rowsOfTheirs()).toEqual(before)

  // It is the database that refuses: without its policies the same copy tells everything.
  await s.t.look(
    (await tenantTables(s.t)).map((table) => `alter table ${table} disable row level security`).join(';'),
  )
  const reading = asks.filter(
    ({ route, where }) => route.method === 'GET' && where === `path, subdomain ${own.subdomain}`,
  )
  const told = leaks(await askAll(server.url, s.key, reading))
  expect(told.length).toBeGreaterThan(10)
})
