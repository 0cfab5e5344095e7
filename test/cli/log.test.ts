import { expect, it } from 'vitest'
import { describeError } from '../../src/log.ts'
import { testDatabase } from '../support/database.ts'

it("keeps of PostgreSQL's errors the code and never a value", async () => {
  await using t = await testDatabase()
  const error = await t.database.pool.query("select 'Rosalind Okafor'::date").catch((caught) => caught)
  const written = JSON.stringify(describeError(error))
  expect(written).not.toContain('Okafor')
  expect(written).toContain('22007')
})

it('keeps our own sentences, and where they came from', () => {
  const described = describeError(new Error('work failed', { cause: new Error('deeper') }))
  expect(described).toMatchObject({ type: 'Error', message: 'work failed', cause: { message: 'deeper' } })
  expect(JSON.stringify(described.at)).toContain('log.test.ts')
})
