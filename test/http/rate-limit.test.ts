/** Rate limits of keys: several servers on one database, each a process. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { allRoutes } from '../../src/http/routes/all.ts'
import { type Limits, limitsOf, NEXHEALTH_LIMITS } from '../../src/model/rate-limits.ts'
import { createKey, limitKey } from '../../src/store/accounts.ts'
import { environmentOf } from '../support/command-line.ts'
import { type ServeProcess, serveProcess } from '../support/serve-process.ts'
import { type Served, serve } from './served.ts'

let s: Served
let servers: ServeProcess[]
beforeAll(async () => {
  s = await serve()
  const env = environmentOf(s.t)
  servers = await Promise.all(
    [1, 2].map(() => serveProcess({ ...env, SLOTBRIDGE_LOG_LEVEL: 'info' }, '--role', 'api')),
  )
})
afterAll(async () => {
  for (const server of servers ?? []) await server[Symbol.asyncDispose]()
  await s?.[Symbol.asyncDispose]()
})

const keyWith = async (limits: Limits | null) =>
  await inGlobal(s.t.database, (tx) =>
    createKey(tx, {
      accountId: s.accountId,
      name: 'limited',
      scopes: ['patients:read'],
      institutionIds: null,
      limits,
    }),
  )
const get = async (url: string, key: string, path = '/institutions') => {
  const answer = await fetch(url + path, { headers: { authorization: key } })
  return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) }
}
const windowsOf = (keyId: number) =>
  s.t.look('select limit_name, taken from rate_windows where api_key_id = $1 order by 1', [keyId])

/** Puts the clock at the begin of a minute, so that no window ends within the test. */
async function beginWindow(): Promise<void> {
  const minute = 60_000
  await s.t.moveClock(0)
  const now = s.t.clock.now()
  await s.t.moveClock(minute - (now % minute) + 1_000)
}

describe('a key with limits', () => {
  it('is served its limit in all by two processes, and 429 from then on', async () => {
    await beginWindow()
    const { id, key } = await keyWith({ others: 60 })
    const urls = servers.map(({ url }) => url)
    const answers = await Promise.all(Array.from({ length: 150 }, (_, n) => get(urls[n % 2] ?? '', key)))
    const served = answers.filter(({ status }) => status === 200)
    const refused = answers.filter(({ status }) => status === 429)
    expect([served.length, refused.length]).toEqual([60, 90])
    for (const { headers, body } of refused) {
      expect(body).toMatchObject({
        code: false,
        data: null,
        error: expect.arrayContaining(['Too many requests']),
      })
      expect(headers.get('retry-after')).toMatch(/^[1-9]\d?$/)
      expect(headers.get('ratelimit-remaining')).toBe('0')
    }
    expect(await windowsOf(id)).toEqual([{ limit_name: 'others', taken: 60 }])
    // The next window begins with all of it.
    await s.t.look('update test_clock set offset_ms = offset_ms + 60000')
    const fresh = await get(s.url, key)
    expect([fresh.status, fresh.headers.get('ratelimit-remaining')]).toEqual([200, '59'])
    await s.t.moveClock(0)
  })

  it('is told how it stands in whole numbers, by the limit that is nearest', async () => {
    await beginWindow()
    const { key } = await keyWith({ records: 1_000, lists: 30 })
    const query = `subdomain=${s.subdomain}&location_id=${s.locationId}`
    const patients = await get(s.url, key, `/patients?${query}`)
    const names = ['ratelimit-limit', 'ratelimit-remaining'] as const
    expect(names.map((name) => patients.headers.get(name))).toEqual(['1000', '999'])
    expect(Number(patients.headers.get('ratelimit-reset'))).toBeLessThanOrEqual(60)
    const slots = await get(s.url, key, `/appointment_slots?${query}`)
    expect(names.map((name) => slots.headers.get(name))).toEqual(['30', '29'])
    expect(slots.headers.get('ratelimit-reset')).toBe('1')
    const other = await get(s.url, key)
    expect(other.headers.get('ratelimit-limit')).toBeNull()
    await s.t.moveClock(0)
  })

  it('writes to the database for a tenth of its requests at most', async () => {
    await beginWindow()
    const { id, key } = await keyWith({ others: 100 })
    const takens: number[] = []
    for (let n = 0; n < 30; n++) {
      expect((await get(s.url, key)).status).toBe(200)
      takens.push((await windowsOf(id))[0].taken)
    }
    expect(takens).toEqual(Array.from({ length: 30 }, (_, n) => 10 * (Math.floor(n / 10) + 1)))
    await s.t.moveClock(0)
  })

  it('loses nothing of its other limits by a request that is refused', async () => {
    await beginWindow()
    const { key } = await keyWith({ lists: 1, records: 10 })
    const path = `/appointment_slots?subdomain=${s.subdomain}&location_id=${s.locationId}`
    const statuses = await Promise.all(Array.from({ length: 6 }, () => get(s.url, key, path)))
    // Without its parameters it is answered 400; one that met an overload counts against nothing either.
    const served = statuses.filter(({ status }) => status === 400).length
    const left = await get(s.url, key, `/patients?subdomain=${s.subdomain}&location_id=${s.locationId}`)
    expect(left.headers.get('ratelimit-remaining')).toBe(String(10 - served - 1))
    await s.t.moveClock(0)
  })

  it('has other limits from the next request on, or none', async () => {
    await beginWindow()
    const { id, key } = await keyWith({ others: 2 })
    const statuses = []
    for (let n = 0; n < 3; n++) statuses.push((await get(s.url, key)).status)
    expect(statuses).toEqual([200, 200, 429])
    await inGlobal(s.t.database, (tx) => limitKey(tx, id, null))
    const free = await get(s.url, key)
    expect([free.status, free.headers.get('ratelimit-limit')]).toEqual([200, null])
    await s.t.moveClock(0)
  })

  it('makes keys with limits of its own, and shows them', async () => {
    const admin = await inGlobal(s.t.database, (tx) =>
      createKey(tx, {
        accountId: s.accountId,
        name: 'admin',
        scopes: ['admin'],
        institutionIds: null,
        limits: NEXHEALTH_LIMITS,
      }),
    )
    const made = await s.ask('POST', '/api_keys', {
      key: admin.key,
      body: { api_key: { name: 'child', scopes: ['patients:read'] } },
    })
    expect([made.status, made.body.data.limits]).toEqual([201, NEXHEALTH_LIMITS])
    const free = await s.ask('POST', '/api_keys', { body: { api_key: { name: 'free', scopes: ['admin'] } } })
    expect(free.body.data.limits).toBeNull()
  })
})

it('every request counts as one of all, and as a record or another', () => {
  const counted = new Map(allRoutes.map(({ method, path }) => [`${method} ${path}`, limitsOf(method, path)]))
  for (const names of counted.values()) expect(names).toContain('all')
  expect(counted.get('GET /appointments')).toEqual(['lists', 'all', 'records'])
  expect(counted.get('GET /appointment_slots')).toEqual(['lists', 'all', 'records'])
  expect(counted.get('POST /appointments')).toEqual(['all', 'records'])
  expect(counted.get('GET /patients/{id}')).toEqual(['all', 'records'])
  expect(counted.get('GET /appointment_types')).toEqual(['all', 'others'])
  expect(counted.get('GET /providers')).toEqual(['all', 'others'])
})
