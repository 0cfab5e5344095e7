/** The audit's rows and the chains that they are sealed into. Whoever tampers here is a superuser. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inAuditChain, inTenant, inWork } from '../../src/db/database.ts'
import { appendAudit, INSTALLATION, listAudit, type NewAudit, retireAudit } from '../../src/store/audit.ts'
import { listHeads, sealAudit } from '../../src/store/audit-seals.ts'
import { type Verified, verifyChain } from '../../src/store/audit-verify.ts'
import { keepPartitions } from '../../src/store/events.ts'
import { sealHandler } from '../../src/sync/seal-audit.ts'
import { startWork } from '../../src/work/loop.ts'
import { openWake } from '../../src/work/wake.ts'
import { setUpPractice } from '../support/bridge.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

const DAY_MS = 86_400_000

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

let requests = 0
const row = (institutionId: number, more: Partial<NewAudit> = {}): NewAudit => ({
  institutionId,
  kind: 'request',
  method: 'GET',
  route: '/patients/:id',
  status: 200,
  apiKeyId: 1,
  requestId: `request-${++requests}`,
  webhookEndpointId: null,
  patientIds: [7, 9],
  ...more,
})
const add = (...rows: NewAudit[]) => inWork(t.database, (tx) => appendAudit(tx, rows))
const seal = (limit = 1_000) => inWork(t.database, (tx) => sealAudit(tx, limit))
const verify = (institutionId: number, heads: string[] = []): Promise<Verified> =>
  inAuditChain(t.database, institutionId, (chain) => verifyChain(chain, new Set(heads)))
const as = (role: string, statement: string) =>
  t.look(`begin; set local role ${role}; set local app.institution_id = '${mine}'; ${statement}`)
const unsealed = async () => (await t.look('select count(*)::int as n from audit_unsealed'))[0].n

describe('the audit', () => {
  it('takes rows and lets nobody of ours change one or take one away', async () => {
    await inTenant(t.database, mine, (tx) => appendAudit(tx, [row(mine)]))
    for (const role of ['slotbridge_app', 'slotbridge_work'])
      for (const [table, change] of [
        ['audit', "update audit set route = 'x'"],
        ['audit', 'delete from audit'],
        ['audit', 'truncate audit'],
        ['audit_seals', 'update audit_seals set number = 1'],
        ['audit_seals', 'delete from audit_seals'],
        ['audit_heads', 'delete from audit_heads'],
      ] as const) {
        await expect(as(role, change), `${role} ${change}`).rejects.toThrow(
          `permission denied for table ${table}`,
        )
      }
    await expect(as('slotbridge_app', 'delete from audit_unsealed')).rejects.toThrow('permission denied')
    await expect(as('slotbridge_work', 'select route from audit')).rejects.toThrow('permission denied')
  })

  it('takes no row of another institution in a tenant transaction', async () => {
    const foreign = inTenant(t.database, mine, (tx) => appendAudit(tx, [row(theirs)]))
    await expect(foreign).rejects.toThrow(/row-level security/)
  })

  it('is sealed into a chain for each institution, and one of the installation', async () => {
    await add(row(mine), row(theirs), row(INSTALLATION, { apiKeyId: null, patientIds: [] }))
    await add(row(mine, { kind: 'export', method: null, status: null, patientIds: null }))
    await seal()
    await add(row(mine, { kind: 'delivery', route: null, status: null, webhookEndpointId: 3 }))
    await seal()
    for (const id of [mine, theirs, INSTALLATION]) expect((await verify(id)).faults).toEqual([])
    expect(await verify(mine)).toMatchObject({ seals: 2, rows: 4, first: 1 })
    const heads = await inWork(t.database, listHeads)
    expect(heads.map(({ institution_id, number }) => [institution_id, number])).toEqual([
      [INSTALLATION, 1],
      [mine, 2],
      [theirs, 1],
    ])
  })

  it('seals a row that commits late, after rows with higher ids were sealed', async () => {
    const before = await verify(mine)
    const late = Promise.withResolvers<void>()
    const isAdded = Promise.withResolvers<void>()
    const slow = inTenant(t.database, mine, async (tx) => {
      await appendAudit(tx, [row(mine, { requestId: 'late' })])
      isAdded.resolve()
      await late.promise
    })
    await isAdded.promise
    await add(row(mine, { requestId: 'early' }))
    expect(await seal()).toBe(1)
    late.resolve()
    await slow
    expect(await unsealed()).toBe(1)
    expect(await seal()).toBe(1)
    const rows = await inAuditChain(t.database, mine, (chain) => listAudit(chain, 0, 1_000))
    const idOf = (requestId: string) => rows.find((one) => one.request_id === requestId)?.id ?? 0
    expect(idOf('late')).toBeLessThan(idOf('early'))
    const after = await verify(mine)
    expect(after).toMatchObject({ rows: before.rows + 2, seals: before.seals + 2, faults: [] })
  })

  it('is sealed by any number of workers, each row once and none left out', async () => {
    const handlers = { seal: sealHandler({ clock: t.clock, keepDays: 30 }) }
    await using wake = openWake(t.database.pool, null)
    const errors: unknown[] = []
    const log = { error: (fields: object) => void errors.push(fields) }
    const { database, clock } = t
    const works = [1, 2, 3].map(() => startWork({ database, clock, wake, log, handlers, slots: 2 }))
    try {
      const before = await verify(theirs)
      await Promise.all(
        Array.from({ length: 40 }, async (_, at) => {
          if (at % 2 === 0) await add(row(theirs), row(mine))
          else await inTenant(database, theirs, (tx) => appendAudit(tx, [row(theirs)]))
        }),
      )
      await until('every row to be sealed', async () => (await unsealed()) === 0)
      const after = await verify(theirs)
      expect(after).toMatchObject({ rows: before.rows + 40, faults: [] })
      expect(errors).toEqual([])
    } finally {
      await Promise.all(works.map((work) => work.stop(5_000)))
    }
  })

  it('seals no more at once than it is told, and goes on', async () => {
    await add(...Array.from({ length: 5 }, () => row(mine)))
    expect([await seal(2), await seal(2), await seal(2), await seal(2)]).toEqual([2, 2, 1, 0])
    expect((await verify(mine)).faults).toEqual([])
  })
})

describe('what is too old', () => {
  it('goes by whole partitions, rows before their seals, and the rest is still verified', async () => {
    await add(row(mine, { requestId: 'oldest' }))
    await seal()
    const kept = { rows: 0, first: 0 }
    for (const months of [1, 2, 3]) {
      await t.moveClock(months * 31 * DAY_MS)
      await inWork(t.database, keepPartitions)
      await inWork(t.database, (tx) => retireAudit(tx, 20))
      await add(row(mine, { requestId: `month ${months}` }))
      await seal()
      const verified = await verify(mine)
      expect(verified.faults).toEqual([])
      kept.rows = verified.rows
      kept.first = verified.first ?? 0
    }
    const left = await inAuditChain(t.database, mine, (chain) => listAudit(chain, 0, 1_000))
    expect(left.map(({ request_id }) => request_id)).toEqual(['month 2', 'month 3'])
    expect(kept.rows).toBe(2)
    expect(kept.first).toBeGreaterThan(1)
    await t.moveClock(0)
  })

  it('is never a row that no seal holds', async () => {
    await t.moveClock(200 * DAY_MS)
    await inWork(t.database, keepPartitions)
    await add(row(theirs, { requestId: 'unsealed' }))
    await t.moveClock(300 * DAY_MS)
    await inWork(t.database, keepPartitions)
    await t.moveClock(400 * DAY_MS)
    await inWork(t.database, keepPartitions)
    await inWork(t.database, (tx) => retireAudit(tx, 20))
    const rows = await inAuditChain(t.database, theirs, (chain) => listAudit(chain, 0, 1_000))
    expect(rows.map(({ request_id }) => request_id)).toContain('unsealed')
    await seal()
    expect((await verify(theirs)).faults).toEqual([])
    await t.moveClock(0)
  })
})
