/** Whether we live and are ready, as a load balancer asks. */
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inWork } from '../../src/db/database.ts'
import type { ServerContext } from '../../src/http/context.ts'
import { buildServer } from '../../src/http/server.ts'
import { type Served, serve } from './served.ts'

let s: Served
const stack = new AsyncDisposableStack()
beforeAll(async () => {
  s = stack.use(await serve())
})
afterAll(() => stack.disposeAsync())

const loop = (sinceLookMs: number) => ({
  name: 'loop',
  slots: 1,
  running: () => 0,
  sinceLookMs: () => sinceLookMs,
  onTurn: () => undefined,
})

async function ready(more: Partial<ServerContext>) {
  const { database, clock } = s.t
  const app = buildServer({ database, clock, connectors: [], wake: () => undefined, ...more })
  try {
    const answer = await app.inject('/readyz')
    return { status: answer.statusCode, body: answer.json() }
  } finally {
    await app.close()
  }
}

it('is ready where the database, its schema and the work loop are, and lists data sources by id alone', async () => {
  expect(await ready({ schema: 12, loops: [loop(900), loop(0)] })).toEqual({
    status: 200,
    body: {
      status: 'ok',
      checks: { database: 'ok', migrations: 'ok', work: 'ok' },
      data_sources: [{ id: s.sourceId, read_status: 'red', write_status: 'green', data_as_of: null }],
    },
  })
  expect((await ready({})).body.checks.work).toBe('elsewhere')
})

it('stays ready while every record system is away', async () => {
  await s.t.look(
    "update data_sources set read_status = 'red', write_status = 'red', writing_stopped_at = now()",
  )
  const { status, body } = await ready({ schema: 12 })
  expect([status, body.data_sources[0].write_status]).toEqual([200, 'stopped'])
})

it('is not ready where migrations are missing, or its work loop stands still', async () => {
  expect(await ready({ schema: 9_999 })).toMatchObject({
    status: 503,
    body: { checks: { migrations: 'missing' } },
  })
  expect(await ready({ loops: [loop(0), loop(60_000)] })).toMatchObject({
    status: 503,
    body: { checks: { work: 'stalled' } },
  })
})

it('watches as a role that sees ids, states and ages, and neither names nor what is sealed', async () => {
  for (const [table, column] of [
    ['data_sources', 'name'],
    ['data_sources', 'configuration_sealed'],
    ['data_sources', 'read_reason'],
    ['writes', 'asked_sealed'],
    ['set_aside', 'raw_sealed'],
  ] as const) {
    const look = sql`select ${sql.ref(column)} from ${sql.table(table)}`
    await expect(
      inWork(s.t.database, ({ db }) => look.execute(db)),
      column,
    ).rejects.toThrow(/permission denied/)
  }
})
