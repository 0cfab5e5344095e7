/** What a transaction promises whoever runs in it: that reading writes nothing, and that the first failure is the one told. */
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { inTenant, inTenantReading, type Tenant } from '../../src/db/database.ts'
import { setUpPractice } from '../support/bridge.ts'
import { testDatabase } from '../support/database.ts'

const source = { connector: 'sandbox', configuration: { url: 'http://127.0.0.1:1', key: 'k' } }
const pause = (tx: Tenant) => sql`update data_sources set poll_seconds = 99`.execute(tx.db)

it('refuses to write where only reading was announced, on the first transaction of a tenant and on later ones', async () => {
  await using t = await testDatabase()
  const { institutionId } = await setUpPractice(t, source, 'mine')
  for (let n = 0; n < 3; n += 1)
    await expect(inTenantReading(t.database, institutionId, pause)).rejects.toMatchObject({ code: '25006' })
  expect(await t.look('select 1 from data_sources where poll_seconds = 99')).toEqual([])
  await inTenant(t.database, institutionId, pause)
  expect(await inTenantReading(t.database, institutionId, readPace)).toBe(99)
})

it('tells the failure that came first, not what the statements behind it were told', async () => {
  await using t = await testDatabase()
  const { institutionId } = await setUpPractice(t, source, 'mine')
  const failing = inTenant(t.database, institutionId, async (tx) => {
    const first = sql`select 1 / 0`.execute(tx.db)
    const second = readPace(tx)
    await Promise.all([first, second])
  })
  await expect(failing).rejects.toMatchObject({ code: '22012' })
  // The connection is whole again.
  await inTenant(t.database, institutionId, pause)
  expect(await t.look('select 1 from data_sources where poll_seconds = 99')).toHaveLength(1)
})

async function readPace(tx: Tenant): Promise<number | undefined> {
  const { rows } = await sql<{ poll_seconds: number }>`select poll_seconds from data_sources`.execute(tx.db)
  return rows[0]?.poll_seconds
}
