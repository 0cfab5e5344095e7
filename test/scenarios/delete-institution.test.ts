/** Deleting an institution: its key first, and at once; its rows in batches, also when it is killed in between; and nobody else's. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { NoDataKey } from '../../src/db/data-keys.ts'
import { inGlobal, inTenant, inWork, openDatabase } from '../../src/db/database.ts'
import { newKey, openBytes } from '../../src/db/seal.ts'
import { SCOPES } from '../../src/model/wire-scopes.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { recordEvent } from '../../src/store/events.ts'
import { tellChanges } from '../../src/store/tell-changes.ts'
import { holdUnit, LeaseLost } from '../../src/work/hold.ts'
import { claimUnits } from '../../src/work/lease.ts'
import { makePractice, type Served, serve } from '../http/served.ts'
import { environmentOf, type } from '../support/command-line.ts'
import {
  everyByteValue,
  type FullPractice,
  fillPractice,
  type SealedValue,
  tenantTables,
} from '../support/full-practice.ts'
import { until } from '../support/until.ts'

// Processes on a machine that may have much to do.
vi.setConfig({ testTimeout: 200_000, hookTimeout: 200_000 })

const main = new URL('../../src/main.ts', import.meta.url).pathname

let s: Served
let gone: FullPractice
let token: string
/** What somebody has who copied the database before. */
let copied: SealedValue[]

beforeAll(async () => {
  s = await serve()
  await fillPractice(s.t, s, 'stays')
  const accountId = await inGlobal(s.t.database, (tx) => createAccount(tx, 'Elm'))
  const key = await inGlobal(s.t.database, (tx) =>
    createKey(tx, { accountId, name: 'all', scopes: SCOPES, institutionIds: null }),
  )
  const practice = await makePractice(s.t, accountId, 'elm')
  gone = await fillPractice(s.t, { ...practice, accountId, keyId: key.id }, 'goes')
  token = key.key
  copied = await everyByteValue(s.t)
})
afterAll(async () => await s?.[Symbol.asyncDispose]())

const ofGone = ({ institutionId }: SealedValue) => institutionId === gone.institutionId
const countOf = async (table: string, id: number) =>
  Number((await s.t.look(`select count(*) as n from ${table} where institution_id = $1`, [id]))[0].n)
const statusOf = async (path: string) =>
  (await s.ask('GET', path, { key: token, query: { subdomain: 'elm', location_id: gone.locationId } })).status

async function rowsOf(id: number): Promise<Record<string, number>> {
  const each = (await tenantTables(s.t)).map(
    (table) => `select '${table}' as name, count(*)::int as n from ${table} where institution_id = $1`,
  )
  const rows = await s.t.look(each.join(' union all '), [id])
  return Object.fromEntries(rows.map((row) => [row.name, row.n]))
}

describe('deleting an institution', () => {
  it('needs its subdomain twice', async () => {
    for (const line of ['elm', 'elm --confirm willow-creek', `${gone.institutionId} --confirm yes`])
      expect(await type(`institution delete ${line}`, environmentOf(s.t))).toMatchObject({ code: 1 })
    expect(await type('institution delete oak --confirm oak', environmentOf(s.t))).toMatchObject({
      code: 1,
      noted: 'There is no institution oak.',
    })
    expect(await statusOf('/providers')).toBe(200)
  })

  it('destroys the key first: killed right after, nothing is served, worked on or opened any more', async () => {
    const others = await rowsOf(s.institutionId)
    expect(Object.entries(await rowsOf(gone.institutionId)).filter(([, count]) => count === 0)).toEqual([])
    // Another process, with the key in its memory, and a worker that holds a unit.
    const other = openDatabase(s.t.database.pool, s.t.database.masterKey, tellChanges)
    await inTenant(other, gone.institutionId, async () => undefined)
    const units = await claimUnits(other, {
      holder: '00000000-0000-4000-8000-000000000001',
      kinds: ['pull', 'push'],
      leaseMs: 60_000,
      limit: 10,
      failing: 0,
    })
    const unit = units.find(({ institutionId }) => institutionId === gone.institutionId)
    if (!unit) throw new Error('there is a unit of each data source')

    const locker = new pg.Client({ connectionString: s.t.directUrl })
    await locker.connect()
    try {
      await locker.query('begin')
      await locker.query('select from write_attempts where institution_id = $1 for update', [
        gone.institutionId,
      ])
      const child = spawn(
        process.execPath,
        [
          '--disable-warning=ExperimentalWarning',
          ...[main, 'institution', 'delete', 'elm', '--confirm', 'elm'],
        ],
        { env: { PATH: process.env.PATH, ...environmentOf(s.t) }, stdio: 'ignore' },
      )
      await until('the command to wait for the row', async () => {
        const waiting = await s.t.look(
          "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database() and query like '%write_attempts%'",
        )
        return waiting.length > 0
      })
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    } finally {
      await locker.query('rollback')
      await locker.end()
    }
    expect(await countOf('patients', gone.institutionId)).toBe(1)
    expect(await statusOf('/providers')).toBe(403)
    expect(await statusOf(`/appointments/${gone.appointmentId}`)).toBe(403)
    const listed = await s.ask('GET', '/institutions', { key: token })
    expect(listed.body.data).toEqual([])
    for (const database of [s.t.database, other])
      await expect(inTenant(database, gone.institutionId, async () => undefined)).rejects.toThrow(NoDataKey)
    const late = holdUnit(other, unit, new AbortController().signal)
    await expect(late.inWork(async () => undefined)).rejects.toThrow(LeaseLost)
    await expect(late.inTenant(async () => undefined)).rejects.toThrow(NoDataKey)
    for (const table of [
      'institution_keys',
      'work',
      'webhook_subscriptions',
      'account_institutions',
      'delivery_lanes',
    ])
      expect([table, await countOf(table, gone.institutionId)]).toEqual([table, 0])
    expect(await type('institution list', environmentOf(s.t))).not.toMatchObject({
      said: expect.stringContaining('elm'),
    })
    expect(await rowsOf(s.institutionId)).toEqual(others)
  })

  it('goes on when it is asked for again, until nothing but an id is left, and others keep everything', async () => {
    const others = await rowsOf(s.institutionId)
    const went = await type('institution delete elm --confirm elm', environmentOf(s.t))
    expect(went).toMatchObject({ code: 0, noted: 'it was begun before, and goes on' })
    expect(Object.values(await rowsOf(gone.institutionId)).filter((count) => count > 0)).toEqual([])
    const [row] = await s.t.look('select * from institutions where id = $1', [gone.institutionId])
    expect([row.name, row.phone_number, row.deleted_at !== null]).toEqual(['', null, true])
    expect(row.subdomain).not.toContain('elm')
    expect(await rowsOf(s.institutionId)).toEqual(others)
    expect((await s.ask('GET', '/providers', { query: { subdomain: s.subdomain } })).status).toBe(200)
    // Events of others go on in their order.
    await s.tenant((tx) =>
      recordEvent(tx, {
        name: 'appointment_updated',
        resourceType: 'Appointment',
        subjectId: 1,
        body: { appointment: { id: 1, note: null, deleted: false } },
      }),
    )
    await s.sequence()
    expect(
      await inWork(s.t.database, async ({ db }) =>
        db.selectFrom('event_order').select('event_id').where('position', 'is', null).execute(),
      ),
    ).toEqual([])
    expect(await type('institution delete elm --confirm elm', environmentOf(s.t))).toMatchObject({ code: 1 })
    expect(await type('institution add elm', environmentOf(s.t))).toMatchObject({ code: 0 })
  })

  it('leaves copies that no key opens which is left, while those of others open', async () => {
    const wrapped = await s.t.look('select wrapped_key from institution_keys')
    const masters = [s.t.database.masterKey]
    const left = [...masters, ...wrapped.map((row) => openBytes(masters, row.wrapped_key)), newKey()]
    const opens = ({ value }: SealedValue) => {
      try {
        openBytes(left, value)
        return true
      } catch {
        return false
      }
    }
    const sealed = copied.filter((one) => ofGone(one) && one.table !== 'institution_keys')
    expect(new Set(sealed.map(({ table }) => table)).size).toBeGreaterThanOrEqual(7)
    expect(sealed.filter(opens)).toEqual([])
    expect(copied.filter((one) => one.institutionId === s.institutionId).every(opens)).toBe(true)
  })
})
