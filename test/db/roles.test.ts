/** Who may prepare a database: nobody need be a superuser, and nobody is left with half of it. A server of its own: roles are a server's. */
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { atDatabase } from '../support/database-url.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const folder = fileURLToPath(new URL('../../migrations', import.meta.url))
const ROLES = ['slotbridge_app', 'slotbridge_work']

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function run(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const one of statements) await client.query(one)
  } finally {
    await client.end()
  }
}

it('a login that may do nothing is told what an administrator must run, and migrates when that was done', async () => {
  await run(server.url, 'create role weak login', 'create database told owner postgres')
  const url = atDatabase(server.url, { database: 'told', login: 'weak' })
  const refused = await migrate(url, 'told_app', folder).then(
    () => '',
    (error: Error) => error.message,
  )
  expect(refused).toContain('may not prepare this database (')
  const statements = refused.slice(refused.indexOf('\n'))
  await run(atDatabase(server.url, { database: 'told' }), statements)
  expect((await migrate(url, 'told_app', folder)).length).toBeGreaterThan(10)
  expect(await migrate(url, 'told_app', folder)).toEqual([])
  // Roles are there now, and not this other login's to grant: it is told again, and says so before anything is made.
  await run(server.url, 'create role other login createrole', 'create database others owner other')
  const others = migrate(atDatabase(server.url, { database: 'others', login: 'other' }), 'told_app', folder)
  await expect(others).rejects.toThrow('grant slotbridge_owner to "other"')
  await run(server.url, 'drop database told with (force)', 'drop role weak, told_app')
  await run(server.url, ...['slotbridge_owner', ...ROLES].map((role) => `drop role ${role}`))
})

it('a login that may create roles and owns the database needs nobody, and the application takes its roles on', async () => {
  await run(server.url, 'create role maker login createrole', 'create database made owner maker')
  const url = atDatabase(server.url, { database: 'made', login: 'maker' })
  expect((await migrate(url, 'made_app', folder)).length).toBeGreaterThan(10)
  expect(await migrate(url, 'made_app', folder)).toEqual([])
  // As an older version left it, which took a role's maker for somebody who may take it on.
  await run(url, 'revoke slotbridge_owner from maker')
  await expect(run(url, 'set role slotbridge_owner')).rejects.toThrow('permission denied')
  expect(await migrate(url, 'made_app', folder)).toEqual([])
  const application = atDatabase(server.url, { database: 'made', login: 'made_app' })
  await run(application, ...ROLES.flatMap((role) => [`set role ${role}`, 'select app_now()', 'reset role']))
  await expect(run(application, 'set role slotbridge_owner')).rejects.toThrow('permission denied')
})
