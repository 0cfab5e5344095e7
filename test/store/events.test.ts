import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inTenant, inWork } from '../../src/db/database.ts'
import { listEvents, positionEvents, recordEvent, recordEvents } from '../../src/store/events.ts'
import { setUpPractice } from '../support/bridge.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let t: TestDatabase
let institutionId: number
beforeAll(async () => {
  t = await testDatabase(80)
  const source = { connector: 'sandbox', configuration: { url: 'http://127.0.0.1:1', key: 'k' } }
  institutionId = (await setUpPractice(t, source)).institutionId
})
afterAll(async () => {
  await t?.[Symbol.asyncDispose]()
})

const record = (n: number) =>
  inTenant(t.database, institutionId, (tx) =>
    recordEvent(tx, {
      name: 'patient_updated',
      resourceType: 'Patient',
      subjectId: n,
      body: { n, secret: 'Zebulon' },
    }),
  )
const position = () => inWork(t.database, (tx) => positionEvents(tx, 1_000))
const read = (after: number | null, limit = 1_000) =>
  inTenant(t.database, institutionId, (tx) => listEvents(tx, after, limit))

it('shows events once they have a position, and none before', async () => {
  await record(1)
  expect(await read(null)).toEqual([])
  await position()
  expect((await read(null)).map((event) => event.body.n)).toEqual([1])
})

it('keeps those that are recorded together in their order, each with its own body', async () => {
  const last = (await read(null)).at(-1)?.position ?? null
  const texts = ['', 'Zoë', 'x'.repeat(5_000), 'y']
  await inTenant(t.database, institutionId, (tx) =>
    recordEvents(
      tx,
      texts.map((text, at) => ({
        name: 'patient_updated',
        resourceType: 'Patient',
        subjectId: at === 1 ? null : at,
        body: { text },
      })),
    ),
  )
  await position()
  const recorded = await inTenant(t.database, institutionId, (tx) => listEvents(tx, last, 10))
  expect(recorded.map(({ body }) => body.text)).toEqual(texts)
  const subjects = await t.look('select subject_id from events order by id desc limit 4')
  expect(subjects).toEqual(['3', '2', null, '0'].map((subject_id) => ({ subject_id })))
})

it('skips nothing and waits for nobody when transactions commit out of order', async () => {
  // A transaction takes its event id first and stays open while others come and go.
  const client = new pg.Client({ connectionString: t.directUrl })
  await client.connect()
  await client.query('begin')
  await client.query("set local app.institution_id = '1'")
  const { rows } = await client.query("select nextval('event_ids') as id")
  const seen: number[] = []
  let after: number | null = (await read(null)).at(-1)?.position ?? null
  const drain = async () => {
    await position()
    for (const event of await read(after, 7)) {
      seen.push(Number(event.body.n))
      after = event.position
    }
  }
  const writers = Array.from({ length: 64 }, async (_, n) => {
    await record(100 + n)
  })
  for (let round = 0; round < 20; round++) await drain()
  await Promise.all(writers)
  for (let round = 0; round < 12; round++) await drain()
  expect([...seen].sort()).toEqual(Array.from({ length: 64 }, (_, n) => 100 + n).sort())
  // The one that stayed open commits last, with the lowest id, and is read last.
  const body = await inTenant(t.database, institutionId, async (tx) => tx.seal({ n: 999 }))
  await client.query(
    `insert into events (institution_id, id, name, resource_type, body_sealed) values ($1, $2, 'patient_updated', 'Patient', $3)`,
    [institutionId, rows[0].id, body],
  )
  await client.query('insert into event_order (institution_id, event_id) values ($1, $2)', [
    institutionId,
    rows[0].id,
  ])
  await client.query('commit')
  await client.end()
  await drain()
  expect(seen.at(-1)).toBe(999)
})

it('keeps bodies sealed', async () => {
  const rows = await t.look("select encode(body_sealed, 'escape') as body from events")
  expect(rows.length).toBeGreaterThan(60)
  expect(rows.filter((row) => row.body.includes('Zebulon'))).toEqual([])
})

it('makes the partitions that the next events will need', async () => {
  await t.look("select setval('event_ids', 1999990)")
  await t.look('select keep_partitions()')
  await record(5_000)
  for (let n = 0; n < 20; n++) await record(6_000 + n)
  const rows = await t.look('select count(*)::int as n from events_2000000')
  expect(rows[0].n).toBeGreaterThan(0)
})
