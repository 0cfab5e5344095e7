import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inTenant } from '../../src/db/database.ts'
import { type Hold, holdUnit } from '../../src/work/hold.ts'
import { claimUnits, releaseUnit, renewLeases } from '../../src/work/lease.ts'
import { startWork } from '../../src/work/loop.ts'
import { openWake } from '../../src/work/wake.ts'
import { setUpPractice } from '../support/bridge.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let t: TestDatabase
let institutionId: number
let sourceId: number

beforeEach(async () => {
  t = await testDatabase()
  const source = { connector: 'sandbox', configuration: { url: 'http://127.0.0.1:1', key: 'k' } }
  const practice = await setUpPractice(t, source)
  institutionId = practice.institutionId
  sourceId = practice.sourceId
})
afterEach(async () => {
  await t[Symbol.asyncDispose]()
})

const one = '00000000-0000-4000-8000-000000000001'
const two = '00000000-0000-4000-8000-000000000002'
const claim = (holder: string, leaseMs = 60_000, limit = 10) =>
  claimUnits(t.database, { holder, kinds: ['push'], limit, leaseMs, failing: 10 })
const wakePush = () =>
  inTenant(t.database, institutionId, (tx) =>
    sql`insert into wakes (work_id) select id from work where kind = 'push'`.execute(tx.db),
  )

describe('a lease', () => {
  it('belongs to one holder until it runs out', async () => {
    const [unit] = await claim(one)
    expect(unit).toMatchObject({ kind: 'push', institutionId, subjectId: sourceId, crashes: 1 })
    expect(await claim(two)).toEqual([])
    await t.look("update work set leased_until = clock_timestamp() - interval '1 second'")
    const [taken] = await claim(two)
    expect(taken).toMatchObject({ id: unit?.id, crashes: 2 })
    expect(taken?.fence).toBeGreaterThan(unit?.fence ?? 0)
  })

  it('is renewed for its holder only', async () => {
    const [unit] = await claim(one)
    expect(await renewLeases(t.database, one, [unit?.id ?? 0], 60_000)).toEqual([unit?.id])
    expect(await renewLeases(t.database, two, [unit?.id ?? 0], 60_000)).toEqual([])
  })

  it('lets a late holder commit nothing after a takeover', async () => {
    const [unit] = await claim(one, 1)
    if (!unit) throw new Error('no unit')
    const hold = holdUnit(t.database, unit, new AbortController().signal)
    await t.look("update work set leased_until = clock_timestamp() - interval '1 second'")
    await claim(two)
    const rename = hold.inTenant((tx) => sql`update locations set name = 'late'`.execute(tx.db))
    await expect(rename).rejects.toThrow(/taken over/)
    expect((await t.look('select name from locations'))[0].name).not.toBe('late')
    await releaseUnit(t.database, unit, { nextAt: null, failure: null })
    expect((await t.look("select holder from work where kind = 'push'"))[0].holder).toBe(two)
  })

  it('is not taken over while a transaction of its holder is open', async () => {
    const [unit] = await claim(one, 1)
    if (!unit) throw new Error('no unit')
    const hold = holdUnit(t.database, unit, new AbortController().signal)
    await hold.inTenant(async () => {
      await t.look('select pg_sleep(0.01)')
      expect(await claim(two)).toEqual([])
    })
    expect((await claim(two)).length).toBe(1)
  })

  it('eats the wakes from before the claim and keeps those from after it', async () => {
    await wakePush()
    const [unit] = await claim(one)
    if (!unit) throw new Error('no unit')
    await wakePush()
    await releaseUnit(t.database, unit, { nextAt: null, failure: null })
    const [again] = await claim(one)
    expect(again?.id).toBe(unit.id)
    await releaseUnit(t.database, again as never, { nextAt: null, failure: null })
    expect(await claim(one)).toEqual([])
  })

  it('is due by itself when the holder dies that had eaten its wakes', async () => {
    const [unit] = await claim(one)
    if (!unit) throw new Error('no unit')
    await releaseUnit(t.database, unit, { nextAt: null, failure: null })
    await wakePush()
    expect(await claim(one)).toHaveLength(1)
    await t.look("update work set leased_until = clock_timestamp() - interval '1 second'")
    expect(await claim(two)).toHaveLength(1)
  })

  it('waits out its back-off after a failure, although it is woken', async () => {
    const [unit] = await claim(one)
    if (!unit) throw new Error('no unit')
    await releaseUnit(t.database, unit, { nextAt: '2999-01-01T00:00:00.000Z', failure: 'Error' })
    await wakePush()
    expect(await claim(one)).toEqual([])
  })
})

describe('the loop', () => {
  it('runs a unit again that was woken while it ran, and stops with the item at hand finished', async () => {
    let runs = 0
    let finished = 0
    let entered: () => void = () => undefined
    const inside = new Promise<void>((resolve) => {
      entered = resolve
    })
    let let_go: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      let_go = resolve
    })
    await using wake = openWake(t.database.pool, null)
    const handler = async (_hold: Hold) => {
      runs += 1
      entered()
      if (runs === 1) await gate
      finished += 1
      return null
    }
    const log = { error: () => undefined }
    const work = startWork({
      database: t.database,
      clock: t.clock,
      wake,
      log,
      handlers: { push: handler },
      slots: 2,
    })
    await inside
    await wakePush()
    let_go()
    while (runs < 2) await new Promise((resolve) => setTimeout(resolve, 10))
    await work.stop(5_000)
    expect(finished).toBe(2)
    expect((await t.look("select holder, leased_until from work where kind = 'push'"))[0]).toEqual({
      holder: null,
      leased_until: null,
    })
  })

  it('gives the slot of a unit that waits for a silent party to others, and none after it was answered', async () => {
    let answer: () => void = () => undefined
    const silence = new Promise<void>((resolve) => {
      answer = resolve
    })
    let end: () => void = () => undefined
    const work_of_ours = new Promise<void>((resolve) => {
      end = resolve
    })
    let pushes = 0
    const pull = async (hold: Hold) => {
      await silence
      hold.answered()
      answered = true
      await work_of_ours
      return null
    }
    let answered = false
    const push = async () => {
      pushes += 1
      return null
    }
    await using wake = openWake(t.database.pool, null)
    // The pull alone is due, and takes the only slot.
    await t.look("update work set run_at = case kind when 'pull' then app_now() else 'infinity' end")
    const { database, clock } = t
    const work = startWork({
      database,
      clock,
      wake,
      log: { error: () => undefined },
      handlers: { pull, push },
      slots: 1,
      slowMs: 50,
    })
    const until = async (isSo: () => boolean | Promise<boolean>) => {
      while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const isLeased = async () =>
      (await t.look("select from work where kind = 'pull' and leased_until is not null")).length === 1
    await until(isLeased)
    await wakePush()
    await until(() => pushes === 1)
    answer()
    await until(() => answered)
    await wakePush()
    // Three looks later it would have been claimed.
    for (let looks = 0, last = 0; looks < 3; ) {
      wake.wake()
      await new Promise((resolve) => setTimeout(resolve, 10))
      const since = work.sinceLookMs()
      if (since <= last) looks += 1
      last = since
    }
    expect(pushes).toBe(1)
    end()
    await until(() => pushes === 2)
    await work.stop(5_000)
  })

  it('hears of work from another process', async () => {
    await using here = openWake(t.database.pool, t.directUrl)
    await using there = openWake(t.database.pool, null)
    const heard = new Promise<void>((resolve) => here.onWake(resolve))
    const knock = setInterval(() => there.wake(), 50)
    await heard
    clearInterval(knock)
  })
})
