import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ColumnType, rowsOf } from '../../src/store/row-arrays.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let t: TestDatabase
beforeAll(async () => {
  t = await testDatabase(1)
})
afterAll(() => t[Symbol.asyncDispose]())

async function through<Column extends string>(
  columns: Record<Column, ColumnType>,
  rows: Record<NoInfer<Column>, unknown>[],
): Promise<unknown[]> {
  const { rows: read } = await sql`select * from ${rowsOf(columns, rows)} as r`.execute(t.database.kysely)
  return read
}

const COLUMNS = {
  id: 'bigint',
  part: 'integer',
  flag: 'boolean',
  at: 'timestamptz',
  note: 'text',
  ids: 'bigint[]',
  layer: 'jsonb',
} as const

it('a row reads back as it was given, with its nulls and in its place', async () => {
  const rows = [
    {
      id: 7,
      part: 1,
      flag: true,
      at: '2026-12-07T19:00:00.123Z',
      note: 'NULL',
      ids: [3, 1],
      layer: { a: null },
    },
    { id: 9007199254740991, part: -1, flag: false, at: null, note: '', ids: [], layer: {} },
    { id: null, part: null, flag: null, at: null, note: null, ids: null, layer: null },
    {
      id: 2,
      part: 0,
      flag: null,
      at: '0001-01-01T00:00:00.000Z',
      note: ' {a,"b"} \\ \n\t',
      ids: [4],
      layer: { q: '"\\\n' },
    },
  ]
  expect(await through(COLUMNS, rows)).toEqual(rows)
  expect(await through(COLUMNS, [])).toEqual([])
})

it('what a row has beside the columns is left out', async () => {
  const rows = [{ id: 1, note: 'kept', other: 'left' }]
  expect(await through({ id: 'bigint', note: 'text' }, rows)).toEqual([{ id: 1, note: 'kept' }])
})

it('no text and no value breaks out of its array', async () => {
  // PostgreSQL keeps neither the zero character nor half a surrogate pair.
  const text = fc.string({ unit: 'grapheme' }).map((one) => one.replaceAll('\0', ''))
  const nasty = fc.oneof(
    text,
    fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', ',', ' ', '\n', "'", 'u', '\u2028') }),
  )
  const row = fc.record({ note: fc.option(nasty), layer: fc.option(nasty) })
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 5 }), async (rows) => {
      const given = rows.map(({ note, layer }) => ({
        note,
        layer: layer === null ? null : { layer, list: [layer, note] },
      }))
      expect(await through({ note: 'text', layer: 'jsonb' }, given)).toEqual(given)
    }),
    { numRuns: 60, verbose: 1 },
  )
})
