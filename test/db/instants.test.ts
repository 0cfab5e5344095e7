import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { gatherInstants, readInstants } from '../../src/db/instants.ts'
import { testDatabase } from '../support/database.ts'

it('reads instants as PostgreSQL gathers them, long before 2000 and long after', async () => {
  const times = [
    '2026-12-07T19:00:00.000Z',
    '2000-01-01T00:00:00.000Z',
    '1999-12-31T23:59:59.999Z',
    '1970-01-01T00:00:00.001Z',
    '1582-10-15T12:34:56.789Z',
    '9999-12-31T23:59:59.999Z',
    // The halves of a number of eight bytes meet here: 2^32 microseconds after and before 2000.
    '2000-01-01T01:11:34.967Z',
    '1999-12-31T22:48:25.033Z',
  ]
  await using t = await testDatabase()
  const { rows } = await inGlobal(t.database, ({ db }) =>
    sql<{ gathered: Buffer }>`
      select ${gatherInstants(sql`at`)} as gathered from unnest(${times}::timestamptz[]) as given(at)`.execute(
      db,
    ),
  )
  const read = readInstants(rows[0]?.gathered ?? Buffer.of())
  expect(read.map((at) => new Date(at).toISOString())).toEqual(times)
})
