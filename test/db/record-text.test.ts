import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { RecordText } from '../../src/db/record-text.ts'
import { testDatabase } from '../support/database.ts'

it('reads numbers, flags and instants as PostgreSQL writes them in a record, empty ones too', async () => {
  await using t = await testDatabase()
  const { rows } = await inGlobal(t.database, ({ db }) =>
    sql<{ plain: string }>`
      select row(17::bigint, -300, null::bigint, true, false, null::timestamptz, v.a, v.b, v.c, v.d, v.e)::text as plain
      from (values (timestamptz '2026-12-07 19:00:00+00', timestamptz '2026-12-07 14:00:00.5-05',
        timestamptz '2026-12-07 19:00:00.12+00', timestamptz '2026-12-07 19:00:00.123987+00',
        timestamptz '0001-01-03 00:00:00+00')) as v(a, b, c, d, e)`.execute(db),
  )
  const record = new RecordText(rows[0]?.plain ?? '')
  expect([record.number(), record.numberOrNull(), record.numberOrNull()]).toEqual([17, -300, null])
  expect([record.flag(), record.flag(), record.instantOrNull()]).toEqual([true, false, null])
  const instants = [record.instant(), record.instantOrNull(), record.instant(), record.instant()]
  expect([...instants, record.instant()]).toEqual([
    '2026-12-07T19:00:00.000Z',
    '2026-12-07T19:00:00.500Z',
    '2026-12-07T19:00:00.120Z',
    '2026-12-07T19:00:00.123Z',
    '0001-01-03T00:00:00.000Z',
  ])
  expect(() => record.number()).toThrow('fewer values')
})
