import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { inTenant, type Tenant } from '../../src/db/database.ts'
import { listEvents, recordEvent } from '../../src/store/events.ts'
import { createInstitution } from '../../src/store/institutions.ts'
import { sequenceHandler } from '../../src/sync/sequence.ts'
import { startWork } from '../../src/work/loop.ts'
import { openWake } from '../../src/work/wake.ts'
import { testDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

const WRITERS = 64
const EACH = 12
/** How long one transaction stays open beside them; 30000 in the long run. */
const OPEN_MS = Number(process.env.OPEN_MS ?? 1_000)
const SEED = Number(process.env.SEED ?? 4)

/** Numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

it(`shows a reader every event of ${WRITERS} writers that commit out of order, and waits for none of them (seed ${SEED})`, async () => {
  await using t = await testDatabase(WRITERS + 8)
  const { database, clock } = t
  const [account] = await t.look("insert into accounts (name) values ('writers') returning id::int")
  const institutionId = await createInstitution(database, {
    accountId: account.id,
    subdomain: 'writers',
    name: 'Writers',
  })
  await using wake = openWake(database.pool, null)
  const errors: unknown[] = []
  const log = { error: (fields: object) => void errors.push(fields) }
  const work = startWork({
    database,
    clock,
    wake,
    log,
    handlers: { sequence: sequenceHandler({ log }) },
    slots: 2,
  })
  const random = randomFrom(SEED)
  /** The test's own list of what was committed, and when each writer began it. */
  const committed: string[] = []
  const write = (mark: string, openMs: number) =>
    inTenant(database, institutionId, async (tx: Tenant) => {
      await recordEvent(tx, { name: 'patient_merged', resourceType: 'Patient', subjectId: 1, body: { mark } })
      await sleep(openMs)
    }).then(() => {
      committed.push(mark)
      wake.wake()
    })
  const read: { position: number; mark: string }[] = []
  const readOn = async () => {
    const after = read.at(-1)?.position ?? null
    for (const { position, body } of await inTenant(database, institutionId, (tx) =>
      listEvents(tx, after, 50),
    ))
      read.push({ position, mark: String(body.mark) })
  }
  let reading = true
  const reader = (async () => {
    while (reading) await readOn()
  })()
  let closed = false
  const longest = write('the one that stays open', OPEN_MS).then(() => {
    closed = true
  })
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let n = 0; n < EACH; n += 1) await write(`${writer}.${n}`, random() * 30)
  })
  await Promise.all(writers)
  const OPEN = 'the one that stays open'
  const marks = () => new Set(read.map((one) => one.mark))
  await until(
    'everything but the open one',
    async () => read.filter((one) => one.mark !== OPEN).length >= WRITERS * EACH,
  )
  if (OPEN_MS >= 30_000) expect(closed).toBe(false)
  await longest
  await until('the one that stayed open', async () => marks().has(OPEN))
  reading = false
  await reader
  await work.stop(5_000)
  expect(read.map((one) => one.mark).sort()).toEqual(committed.sort())
  const positions = read.map((one) => one.position)
  expect(positions).toEqual([...positions].sort((a, b) => a - b))
  // Ids were given in another order than the commits came: without positions a reader would have skipped some.
  const [row] = await t.look(
    'select count(*)::int as n from (select position, lag(position) over (order by event_id) as before from event_order) o where position < before',
  )
  expect(row.n).toBeGreaterThan(0)
  expect(errors).toEqual([])
})
