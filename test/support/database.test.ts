import { expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { testDatabase } from './database.ts'

it('gives every test a migrated database of its own, seen through row-level security', async () => {
  await using one = await testDatabase()
  await using other = await testDatabase()
  await inGlobal(one.database, (tx) => tx.db.insertInto('accounts').values({ name: 'One' }).execute())
  expect(await one.look('select name from accounts')).toEqual([{ name: 'One' }])
  expect(await other.look('select name from accounts')).toEqual([])
  const [login] = (await one.database.pool.query('select session_user as name')).rows
  expect(login.name).toBe('slotbridge')
  await expect(
    inGlobal(one.database, (tx) => tx.db.selectFrom('patients').select('id').execute()),
  ).rejects.toThrow()
})

it('moves the time of everybody who looks at that database', async () => {
  await using t = await testDatabase()
  const before = t.clock.now()
  await t.moveClock(3_600_000)
  expect(t.clock.now() - before).toBeGreaterThan(3_500_000)
})
