import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  inGlobal,
  inOneTransaction,
  inTenant,
  inWork,
  openDatabase,
  refuseUnboundLogin,
  type Tenant,
} from '../../src/db/database.ts'
import { openPool } from '../../src/db/pool.ts'
import { setUpPractice } from '../support/bridge.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let t: TestDatabase
let mine: number
let theirs: number

beforeAll(async () => {
  t = await testDatabase()
  const source = { connector: 'sandbox', configuration: { url: 'http://127.0.0.1:1', key: 'k' } }
  mine = (await setUpPractice(t, source, 'mine')).institutionId
  theirs = (await setUpPractice(t, source, 'theirs')).institutionId
})
afterAll(async () => {
  await t?.[Symbol.asyncDispose]()
})

/** Tables of the installation that name an institution: no tenant's rows, reached by the account or the work loop. */
const GLOBAL = ['work', 'account_institutions', 'webhook_subscriptions']

const tenantTables = async (): Promise<string[]> => {
  const rows = await t.look(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and a.attname = 'institution_id' and c.relname <> all($1) order by 1`,
    [GLOBAL],
  )
  return rows.map((row) => row.name)
}

describe('a tenant transaction', () => {
  it('sees one institution only, though no query names it', async () => {
    for (const [own, other] of [
      [mine, theirs],
      [theirs, mine],
    ] as const) {
      const seen = await inTenant(t.database, own, async (tx) => {
        const { rows } = await sql<{
          id: number
        }>`select distinct institution_id as id from locations`.execute(tx.db)
        return rows.map((row) => row.id)
      })
      expect(seen).toEqual([own])
      expect(seen).not.toContain(other)
    }
  })

  it('cannot insert or move a row into another institution', async () => {
    const insert = inTenant(t.database, mine, (tx) =>
      sql`insert into locations (institution_id, name, tz) values (${theirs}, 'x', 'UTC')`.execute(tx.db),
    )
    await expect(insert).rejects.toThrow(/row-level security/)
    const move = inTenant(t.database, mine, (tx) =>
      sql`update locations set institution_id = ${theirs}`.execute(tx.db),
    )
    await expect(move).rejects.toThrow(/row-level security/)
  })

  it('raises where no tenant is set, on every tenant table, also on a connection that had one before', async () => {
    const tables = await tenantTables()
    expect(tables.length).toBeGreaterThan(15)
    await inTenant(t.database, mine, async () => undefined)
    for (const table of tables) {
      const read = inGlobal(t.database, (tx) => sql`select * from ${sql.table(table)}`.execute(tx.db))
      await expect(read, table).rejects.toThrow(/app.institution_id|invalid input syntax for type bigint/)
    }
  })

  it('refuses a sealed value of another institution', async () => {
    const sealed = await inTenant(t.database, mine, async (tx) => tx.seal({ a: 1 }))
    expect(await inTenant(t.database, mine, async (tx) => tx.open(sealed))).toEqual({ a: 1 })
    await expect(inTenant(t.database, theirs, async (tx) => tx.open(sealed))).rejects.toThrow()
  })
})

describe('transactions joined in one', () => {
  const name = async (id: number) =>
    (await t.look('select name from institutions where id = $1', [id]))[0].name
  const rename = (tx: Pick<Tenant, 'db'>, to: string) =>
    sql`update institutions set name = ${to} where id = ${mine}`.execute(tx.db)

  it('see the rows of their own kind only, one after another', async () => {
    await inOneTransaction(t.database, async (joined) => {
      const locations = sql`select institution_id from locations`
      const seen = await inTenant(joined, mine, (tx) => locations.execute(tx.db))
      expect(seen.rows).toEqual([{ institution_id: mine }])
      await expect(inGlobal(joined, (tx) => locations.execute(tx.db))).rejects.toThrow(/bigint/)
      await expect(inWork(joined, (tx) => locations.execute(tx.db))).rejects.toThrow(/permission denied/)
      await inWork(joined, (tx) => sql`select id from work`.execute(tx.db))
      expect((await inTenant(joined, theirs, (tx) => locations.execute(tx.db))).rows).toEqual([
        { institution_id: theirs },
      ])
    })
  })

  it('commit together: a part that failed leaves nothing, and the whole neither', async () => {
    const before = await name(mine)
    await inOneTransaction(t.database, async (joined) => {
      const failing = inGlobal(joined, async (tx) => {
        await rename(tx, 'failed')
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
    })
    expect(await name(mine)).toBe(before)
    const whole = inOneTransaction(t.database, async (joined) => {
      await inGlobal(joined, (tx) => rename(tx, 'half'))
      throw new Error('late')
    })
    await expect(whole).rejects.toThrow('late')
    expect(await name(mine)).toBe(before)
    await inOneTransaction(t.database, (joined) => inGlobal(joined, (tx) => rename(tx, 'whole')))
    expect(await name(mine)).toBe('whole')
  })
})

describe('the schema', () => {
  it('forces row security on every tenant table', async () => {
    const rows = await t.look(
      `select relname as name, relrowsecurity and relforcerowsecurity as forced from pg_class
      where relname = any($1)`,
      [await tenantTables()],
    )
    expect(rows.filter((row) => !row.forced)).toEqual([])
  })

  it('has the institution first in every primary, unique and foreign key of a tenant table', async () => {
    const keys = await t.look(
      `select c.conrelid::regclass::text as "table", c.conname as name, c.contype as type,
        (select attname from pg_attribute where attrelid = c.conrelid and attnum = c.conkey[1]) as first
       from pg_constraint c where c.contype in ('p', 'u', 'f') and c.conrelid::regclass::text = any($1)
       union all
       select i.indrelid::regclass::text, i.indexrelid::regclass::text, 'index',
        (select attname from pg_attribute where attrelid = i.indrelid and attnum = i.indkey[0])
       from pg_index i where i.indisunique and i.indrelid::regclass::text = any($1)`,
      [await tenantTables()],
    )
    expect(keys.length).toBeGreaterThan(40)
    expect(keys.filter((key) => key.first !== 'institution_id')).toEqual([])
  })

  it('has a primary key in every tenant table, and refers to one by the institution first, from everywhere', async () => {
    const tables = await tenantTables()
    const keyed = await t.look(
      "select conrelid::regclass::text as name from pg_constraint where contype = 'p' and conrelid::regclass::text = any($1)",
      [tables],
    )
    expect(keyed.map((row) => row.name).sort()).toEqual(tables)
    const references = await t.look(
      `select c.conrelid::regclass::text as from, c.confrelid::regclass::text as to,
        (select attname from pg_attribute where attrelid = c.conrelid and attnum = c.conkey[1]) as first,
        (select attname from pg_attribute where attrelid = c.confrelid and attnum = c.confkey[1]) as referred
       from pg_constraint c where c.contype = 'f' and c.confrelid::regclass::text = any($1)`,
      [tables],
    )
    expect(references.length).toBeGreaterThan(15)
    const isRight = (row: { first: string; referred: string }) =>
      row.first === 'institution_id' && row.referred === 'institution_id'
    expect(references.filter((row) => !isRight(row))).toEqual([])
  })

  it('binds the application to one institution in every tenant table, by reading and by writing', async () => {
    const tables = await tenantTables()
    const policies = await t.look(
      `select tablename as name, qual, with_check from pg_policies
       where permissive = 'PERMISSIVE' and ('slotbridge_app' = any(roles) or 'public' = any(roles)) and tablename = any($1) order by 1`,
      [tables],
    )
    const own = '(institution_id = tenant())'
    expect(policies).toEqual(tables.map((name) => ({ name, qual: own, with_check: own })))
  })

  it('lets the work role see units, wakes and the order of events, and nothing of the practice', async () => {
    await inWork(t.database, (tx) => sql`select * from work`.execute(tx.db))
    await inWork(t.database, (tx) =>
      sql`select institution_id, event_id, position from event_order`.execute(tx.db),
    )
    for (const table of [
      'patients',
      'appointments',
      'writes',
      'events',
      'data_sources',
      'institution_keys',
    ]) {
      const read = inWork(t.database, (tx) => sql`select * from ${sql.table(table)}`.execute(tx.db))
      await expect(read, table).rejects.toThrow(/permission denied/)
    }
    const hash = inWork(t.database, (tx) => sql`select hash from api_keys`.execute(tx.db))
    await expect(hash).rejects.toThrow(/permission denied/)
  })

  it('holds ids below 2^31 where the wire says int32', async () => {
    const insert = inTenant(t.database, mine, (tx) =>
      sql`insert into locations (institution_id, id, name, tz) values (${mine}, 2147483648, 'x', 'UTC')`.execute(
        tx.db,
      ),
    )
    await expect(insert).rejects.toThrow(/check/)
  })
})

it('refuses a login that row-level security does not bind', async () => {
  await refuseUnboundLogin(t.database)
  const pool = openPool({ url: t.directUrl, max: 1, prepare: true, applicationName: 'test' })
  try {
    await expect(
      refuseUnboundLogin(openDatabase(pool, t.database.masterKey, t.database.beforeCommit)),
    ).rejects.toThrow(/superuser/)
  } finally {
    await pool.end()
  }
})

it('moves app_now() and the clock together by the test offset', async () => {
  const read = async () => {
    const { rows } = await t.database.pool.query('select app_now() as at')
    return Date.parse(rows[0].at)
  }
  const before = await read()
  await t.moveClock(48 * 3_600_000)
  const after = await read()
  expect(after - before).toBeGreaterThanOrEqual(48 * 3_600_000)
  expect(Math.abs(t.clock.now() - after)).toBeLessThan(60_000)
  await t.moveClock(0)
})
