import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inGlobal, inWork } from '../../src/db/database.ts'
import { allRoutes } from '../../src/http/routes/all.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { sweepAnswers } from '../../src/store/idempotency.ts'
import { sequenceHandler } from '../../src/sync/sequence.ts'
import { startWork } from '../../src/work/loop.ts'
import { openWake } from '../../src/work/wake.ts'
import { until } from '../support/until.ts'
import { type Keyed, openKeyed, type Sent } from './keyed.ts'
import { makePractice, type Practice, type Served } from './served.ts'

let keyed: Keyed
let s: Served
let base: string
let send: Keyed['send']
let book: Keyed['book']
beforeAll(async () => {
  keyed = await openKeyed()
  ;({ s, base, send, book } = keyed)
})
afterAll(async () => await keyed?.[Symbol.asyncDispose]())

describe('a request that is sent again under its Idempotency-Key', () => {
  it('is answered as before, to the byte, and not carried out', async () => {
    for (const version of ['v2', 'v3.0.0']) {
      const [key, start] = [keyed.newKey(), keyed.free()]
      const first = await book(key, start, { version })
      expect([first.status, first.replayed]).toEqual([201, false])
      const again = await book(key, start, { version })
      expect(again).toEqual({ ...first, replayed: true })
      expect(await keyed.countAt(start)).toBe(1)
      const { id } = first.body.data.appt
      const writes = await s.t.look('select id from writes where appointment_id = $1', [id])
      expect(writes).toHaveLength(1)
    }
  })

  it('is answered as before though its appointment was changed since', async () => {
    const [key, start] = [keyed.newKey(), keyed.free()]
    const first = await book(key, start)
    const path = `/appointments/${first.body.data.appt.id}?subdomain=${s.subdomain}`
    const cancel = (asked: string) => send(path, asked, { appt: { cancelled: true } }, { method: 'PATCH' })
    const cancelKey = keyed.newKey()
    const cancelled = await cancel(cancelKey)
    expect([cancelled.status, cancelled.body.data.appt.cancelled]).toEqual([200, true])
    expect(await cancel(cancelKey)).toEqual({ ...cancelled, replayed: true })
    expect((await cancel(keyed.newKey())).status).toBe(400)
    expect(await book(key, start)).toEqual({ ...first, replayed: true })
  })

  it('wakes no worker when it is replayed', async () => {
    const [key, start] = [keyed.newKey(), keyed.free()]
    await book(key, start)
    const before = s.woken()
    await book(key, start)
    expect(s.woken()).toBe(before)
  })

  it('is the same whatever the order of its query and a slash at its end', async () => {
    const [key, body] = [keyed.newKey(), keyed.visit(keyed.free())]
    const first = await send(`/appointments${base}`, key, body)
    const turned = `/appointments/?location_id=${s.locationId}&subdomain=${s.subdomain}`
    expect(await send(turned, key, ` ${JSON.stringify(body)}\n`)).toEqual({ ...first, replayed: true })
  })

  it('is answered by another API key of the account', async () => {
    const [key, start] = [keyed.newKey(), keyed.free()]
    const other = await inGlobal(s.t.database, (tx) =>
      createKey(tx, {
        accountId: s.accountId,
        name: 'second',
        scopes: ['appointments:write'],
        institutionIds: null,
      }),
    )
    const first = await book(key, start)
    expect((await book(key, start, { bearer: other.key })).text).toBe(first.text)
    const weak = await inGlobal(s.t.database, (tx) =>
      createKey(tx, { accountId: s.accountId, name: 'weak', scopes: ['webhooks'], institutionIds: null }),
    )
    expect((await book(key, start, { bearer: weak.key })).status).toBe(403)
  })
})

describe('another request under a used Idempotency-Key', () => {
  it('decision 14: is 422 in the envelope, whatever its body', async () => {
    const [key, start] = [keyed.newKey(), keyed.free()]
    const first = await book(key, start)
    const path = `/appointments${base}`
    const others = [
      await book(key, keyed.free()),
      await send(path, key, { appt: { start_time: 7 } }),
      await send(path, key, {}),
      await send(path, key, '{"appt":'),
      await send(path, key, ''),
      await send(`${path}&notify_patient=false`, key, keyed.visit(start)),
      await send(path, key, keyed.visit(start), { version: 'v3.0.0' }),
      await send(`/patients${base}`, key, keyed.visit(start)),
      await send(`/appointments/1${base}`, key, keyed.visit(start), { method: 'PATCH' }),
    ]
    for (const other of others) {
      expect([other.status, other.replayed]).toEqual([422, false])
      expect(other.body).toMatchObject({ code: false, data: null, description: null })
      expect(other.body.error.join(' ')).toContain('Idempotency-Key')
    }
    expect(await book(key, start)).toEqual({ ...first, replayed: true })
  })

  it('is its own in another institution, in another account, and on a route of the account', async () => {
    const key = keyed.newKey()
    const first = await book(key, keyed.free())
    const bookAt = (place: Practice, bearer: string) =>
      send(
        `/appointments?subdomain=${place.subdomain}&location_id=${place.locationId}`,
        key,
        {
          appt: {
            patient_id: place.patientId,
            provider_id: place.providerId,
            operatory_id: place.operatoryId,
            start_time: keyed.free(),
          },
        },
        { bearer },
      )
    const sister = await makePractice(s.t, s.accountId, 'sister')
    const accountId = await inGlobal(s.t.database, (tx) => createAccount(tx, 'Other'))
    const stranger = await makePractice(s.t, accountId, 'stranger')
    const theirs = await inGlobal(s.t.database, (tx) =>
      createKey(tx, { accountId, name: 'o', scopes: ['appointments:write'], institutionIds: null }),
    )
    const also = await inGlobal(s.t.database, (tx) =>
      createKey(tx, { accountId, name: 'w', scopes: ['webhooks'], institutionIds: null }),
    )
    const all = [
      first,
      await bookAt(sister, `Bearer ${s.token}`),
      await bookAt(stranger, theirs.key),
      await send('/webhook_endpoints', key, { target_url: 'https://hooks.example.com/a' }),
      await send(
        '/webhook_endpoints',
        key,
        { target_url: 'https://hooks.example.com/b' },
        { bearer: also.key },
      ),
    ]
    expect(all.map(({ status, replayed }) => [status, replayed])).toEqual(all.map(() => [201, false]))
  })
})

describe('what is kept', () => {
  it('is the refusal of a taken time, although nothing that it did stays', async () => {
    const [key, start] = [keyed.newKey(), keyed.free()]
    const blocking = await book(keyed.newKey(), start)
    const dependent = {
      is_guardian: true,
      patient: { first_name: 'Noor', last_name: 'Okafor', bio: { date_of_birth: '2018-04-03' } },
    }
    const refused = await book(key, start, {}, dependent)
    expect([refused.status, refused.replayed, refused.type]).toEqual([400, false, blocking.type])
    expect(refused.body.error.join(' ')).toContain(String(blocking.body.data.appt.id))
    expect(await s.t.look("select id from patients where first_name = 'Noor'")).toEqual([])
    expect(await s.t.look("select id from events where name = 'patient_created'")).toEqual([])
    // The time falls free, and the answer stays what it was.
    await s.t.look('delete from busy where appointment_id = $1', [blocking.body.data.appt.id])
    expect(await book(key, start, {}, dependent)).toEqual({ ...refused, replayed: true })
    expect((await book(keyed.newKey(), start)).status).toBe(201)
  })

  it('is no other refusal: what was wrong may be put right under the same key', async () => {
    const key = keyed.newKey()
    const wrong = [
      [400, await send(`/appointments${base}`, key, { appt: {} })],
      [400, await send(`/appointments${base}`, key, '{')],
      [400, await book(key, new Date(Date.now() - 3_600_000).toISOString())],
      [404, await book(key, keyed.free(), {}, { patient_id: 999_999 })],
      [401, await book(key, keyed.free(), { bearer: 'Bearer nonsense' })],
    ] as const
    for (const [status, answer] of wrong) expect(answer.status).toBe(status)
    await s.t.look('alter table event_order rename to event_order_away')
    const failed = await book(key, keyed.free())
    await s.t.look('alter table event_order_away rename to event_order')
    expect(failed.status).toBe(500)
    const good = await book(key, keyed.free())
    expect([good.status, good.replayed]).toEqual([201, false])
  })

  it('is never there without what was done, nor that without it', async () => {
    await s.t.look(`create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$`)
    for (const table of ['idempotency', 'account_idempotency'])
      await s.t.look(`create trigger t before update on ${table} for each row execute function refuse()`)
    const [key, start] = [keyed.newKey(), keyed.free()]
    const target = { target_url: 'https://hooks.example.com/only' }
    const failed = [await book(key, start), await send('/webhook_endpoints', key, target)]
    for (const table of ['idempotency', 'account_idempotency']) await s.t.look(`drop trigger t on ${table}`)
    expect(failed.map(({ status }) => status)).toEqual([500, 500])
    const endpoints = 'select id from webhook_endpoints where target_url = $1'
    expect([await keyed.countAt(start), await s.t.look(endpoints, [target.target_url])]).toEqual([0, []])
    expect((await book(key, start)).status).toBe(201)
    expect((await send('/webhook_endpoints', key, target)).status).toBe(201)
  })

  it('is no secret: a replay leaves it out and says so', async () => {
    const made = await keyed.twice('/webhook_endpoints', { target_url: 'https://hooks.example.com/nex' })
    expect(made.first.data.secret_key).toMatch(/^[0-9a-f]{64}$/)
    const { id } = made.first.data
    const rotated = await keyed.twice(`/webhook_endpoints/${id}/rotate_secret`, {})
    expect(rotated.first.data.secret_key).not.toBe(made.first.data.secret_key)
    for (const { first, again } of [made, rotated]) {
      expect(again.data).toEqual({ ...first.data, secret_key: null, standard_webhooks_secret: null })
      expect(again.description.join(' ')).toContain('secret_key')
    }
    const key = await keyed.twice('/api_keys', { api_key: { name: 'once', scopes: ['patients:read'] } })
    expect([key.first.data.key.slice(0, 3), key.first.description]).toEqual(['sb_', null])
    expect(key.again.data).toEqual({ ...key.first.data, key: null })
    expect(key.again.description).toEqual([
      'This is a replay: key left with the first answer and cannot be shown again.',
    ])
    const rows = await s.t.look("select id from api_keys where name = 'once'")
    expect(rows).toHaveLength(1)
  })

  it('lies sealed, and is swept when it is a day old, by the sequencer and in batches', async () => {
    const [key, start] = ['okafor-imani-1988', keyed.free()]
    const first = await book(key, start)
    await s.t.moveClock(24 * 3_600_000 - 60_000)
    const bearer = s.key
    expect((await book(key, start, { bearer })).text).toBe(first.text)
    const plain = ['Okafor', 'imani.okafor', key, '(503)555-0142', '5035550142']
    for (const row of await s.t.look('select key_hash, answer_sealed from idempotency'))
      for (const text of plain)
        expect([row.key_hash.includes(text), row.answer_sealed.includes(text)]).toEqual([false, false])
    await s.t.moveClock(24 * 3_600_000 + 60_000)
    // Too old to be answered though nobody swept it: carried out anew, and refused by its own appointment.
    expect((await book(key, start, { bearer })).replayed).toBe(false)
    const left = async () => (await s.t.look('select count(*)::int as n from idempotency'))[0].n
    const before = await left()
    expect(await inWork(s.t.database, (tx) => sweepAnswers(tx, 2))).toBeGreaterThanOrEqual(2)
    expect(await left()).toBe(before - 2)
    await sweepByWork()
    // The one that was kept anew is not old.
    expect([await left(), await s.t.look('select * from account_idempotency')]).toEqual([1, []])
    await s.t.moveClock(0)
  })
})

/** Lets the sequencer have its turn. */
async function sweepByWork(): Promise<void> {
  const { database, clock } = s.t
  await using wake = openWake(database.pool, null)
  const handlers = { sequence: sequenceHandler() }
  const work = startWork({ database, clock, wake, log: { error: () => undefined }, handlers, slots: 1 })
  await until('the sweep', async () => {
    const [old] = await s.t.look(
      "select from idempotency where created_at <= app_now() - interval '24 hours' limit 1",
    )
    return old === undefined
  })
  await work.stop(5_000)
}

/** Locks a row of the practice, as another booking would, until it is released. */
async function hold(table: string, id: number): Promise<{ release(): Promise<void> }> {
  const client = new pg.Client({ connectionString: s.t.directUrl })
  await client.connect()
  await client.query('begin')
  await client.query(`select id from ${table} where id = $1 for update`, [id])
  return { release: () => client.end() }
}

describe('requests with one Idempotency-Key at once', () => {
  it('are carried out once, and all get its answer', async () => {
    const [key, start] = [keyed.newKey(), keyed.free()]
    const answers = await Promise.all(Array.from({ length: 8 }, () => book(key, start)))
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(await keyed.countAt(start)).toBe(1)
    const body = { target_url: 'https://hooks.example.com/many' }
    const made = await Promise.all(Array.from({ length: 4 }, () => send('/webhook_endpoints', key, body)))
    expect(new Set(made.map((one) => one.body.data.id)).size).toBe(1)
  })

  it('get 409 where the first takes long, and its answer afterwards', async () => {
    const [key, start] = [keyed.newKey(), keyed.free()]
    const operatory = await hold('operatories', s.operatoryId)
    let first: Promise<Sent>
    try {
      first = book(key, start)
      await until('the first to wait', async () => {
        const [waiting] = await s.t.look(
          "select from pg_locks join pg_stat_activity a using (pid) where not granted and locktype = 'transactionid' and a.datname = current_database()",
        )
        return waiting !== undefined
      })
      const second = await book(key, start)
      expect([second.status, second.body.code]).toEqual([409, false])
      expect(second.body.error.join(' ')).toContain('Idempotency-Key')
    } finally {
      await operatory.release()
    }
    // What waits for anything but a key is not cut short.
    const answered = await first
    expect(answered.status).toBe(201)
    expect(await book(key, start)).toEqual({ ...answered, replayed: true })
  })
})

describe('an Idempotency-Key', () => {
  it('is 1 to 255 visible ASCII characters', async () => {
    for (const key of ['', 'two words', 'x'.repeat(256), 'caf\u00e9', 'tab\there'])
      expect([key, (await book(key, keyed.free())).status]).toEqual([key, 400])
    for (const key of ['!', '~'.repeat(255), '"quoted"'])
      expect([key, (await book(key, keyed.free())).status]).toEqual([key, 201])
  })

  it('is read on every POST and PATCH, and on nothing else', async () => {
    const changing = allRoutes.filter(({ method }) => method === 'POST' || method === 'PATCH')
    expect(changing.length).toBeGreaterThan(20)
    for (const { method, path, face } of changing) {
      const target = path.replaceAll(/\{\w+\}/g, '1') + base
      const { status, text } = await send(
        target,
        'not good',
        {},
        { method, version: face === 'v3' ? 'v3.0.0' : 'v2' },
      )
      expect([method, path, status, text.includes('Idempotency-Key')]).toEqual([method, path, 400, true])
    }
    const held = await send(`/slot_holds${base}`, keyed.newKey(), {
      slot_hold: { provider_id: s.providerId, operatory_id: s.operatoryId, start_time: keyed.free() },
    })
    const gone = { method: 'DELETE', path: `/slot_holds/${held.body.data.id}` }
    expect((await send(gone.path, 'not good', undefined, gone)).status).toBe(204)
    const exchanged = await send('/authenticates', 'not good', undefined, { bearer: s.key })
    expect(exchanged.status).toBe(201)
    expect((await send('/authenticates', 'not good', undefined, { bearer: s.key })).replayed).toBe(false)
  })

  it('holds the parts of a request about the account together', async () => {
    const made = await keyed.twice('/webhook_endpoints', { target_url: 'https://hooks.example.com/parts' })
    const path = `/webhook_endpoints/${made.first.data.id}`
    const resumed = await send(path, keyed.newKey(), { active: false }, { method: 'PATCH' })
    expect([resumed.status, resumed.body.data.active]).toEqual([200, false])
    const key = keyed.newKey()
    const active = await send(path, key, { active: true }, { method: 'PATCH' })
    expect([active.status, active.body.data.active]).toEqual([200, true])
    expect(await send(path, key, { active: true }, { method: 'PATCH' })).toEqual({
      ...active,
      replayed: true,
    })
    const institution = { institution: { name: 'New', subdomain: 'brand-new' } }
    expect((await keyed.twice('/institutions', institution)).first.data.subdomain).toBe('brand-new')
    const taken = await send('/institutions', keyed.newKey(), institution)
    expect([taken.status, taken.body.error]).toEqual([400, ['Parameter subdomain is taken']])
  })
})
