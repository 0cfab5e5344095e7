import { createVerifier } from 'fast-jwt'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { allRoutes } from '../../src/http/routes/all.ts'
import { SCOPES } from '../../src/model/wire-scopes.ts'
import { createKey } from '../../src/store/accounts.ts'
import { tokenSecret } from '../../src/store/token-secret.ts'
import { ahead, makePractice, type Served, serve } from './served.ts'

let s: Served
beforeAll(async () => {
  s = await serve()
})
afterAll(async () => await s[Symbol.asyncDispose]())

const exchange = (authorization: string) => s.ask('POST', '/authenticates', { headers: { authorization } })
const keyWith = async (scopes: string[], institutionIds: number[] | null = null) => {
  const made = await inGlobal(s.t.database, (tx) =>
    createKey(tx, { accountId: s.accountId, name: 'some', scopes, institutionIds }),
  )
  const { body } = await exchange(made.key)
  return { ...made, bearer: `Bearer ${body.data.token}` }
}

it('exchanges a raw key for a token of one hour with the documented claims', async () => {
  const { status, body, headers } = await exchange(s.key)
  expect([status, body.code, body.description, body.error]).toEqual([201, true, 'Authenticated', []])
  expect(headers.get('content-type')).toBe('application/vnd.Nexhealth+json;version=2')
  const secret = await inGlobal(s.t.database, tokenSecret)
  const claims = createVerifier({ key: secret, algorithms: ['HS256'] })(body.data.token)
  expect(Object.keys(claims).sort()).toEqual(['exp', 'iat', 'jti', 'scp', 'sub'])
  expect([claims.sub, claims.scp, claims.exp - claims.iat]).toEqual([String(s.keyId), 'api_user', 3600])
})

it('refuses an unknown key, a missing one, and Bearer, saying what to send', async () => {
  for (const authorization of ['nonsense', `Bearer ${s.key}`, 'Bearer', 'sb_'])
    expect((await exchange(authorization)).body.error).toContain('Invalid Credentials')
  const none = await s.ask('POST', '/authenticates', { key: null })
  expect([none.status, none.body.code]).toEqual([401, false])
})

it('ends a token after its hour by the database clock', async () => {
  const made = await keyWith(['patients:read'])
  expect((await s.ask('GET', '/institutions', { key: made.bearer })).status).toBe(200)
  await s.t.moveClock(3_601_000)
  expect((await s.ask('GET', '/institutions', { key: made.bearer })).status).toBe(401)
  await s.t.moveClock(0)
})

it('refuses a token with another signature, another algorithm, or none', async () => {
  const [header, payload, signature] = s.token.split('.')
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  const root = Buffer.from(JSON.stringify({ sub: '1', exp: 9_999_999_999 })).toString('base64url')
  for (const token of [`${header}.${root}.${signature}`, `${none}.${payload}.`, `${none}.${root}.x`])
    expect((await s.ask('GET', '/institutions', { key: `Bearer ${token}` })).status).toBe(401)
})

it('signs with one secret for every process of an installation, sealed in the database', async () => {
  const [row] = await s.t.look('select secret_sealed from token_secrets')
  const secret = await inGlobal(s.t.database, tokenSecret)
  expect(row.secret_sealed.includes(secret)).toBe(false)
  expect(await inGlobal(s.t.database, tokenSecret)).toEqual(secret)
})

it('a key does only what its scopes say', async () => {
  const base = { subdomain: s.subdomain, location_id: s.locationId }
  const window = { ...base, start: ahead(1), end: ahead(2) }
  const asks = {
    'appointments:read': ['GET', '/appointments', { query: window }],
    'appointments:write': ['POST', '/appointments', { query: base, body: { appt: {} } }],
    'patients:read': ['GET', '/patients', { query: base }],
    'patients:write': ['POST', '/patients', { query: base, body: {} }],
    admin: ['POST', '/locations', { query: base, body: {} }],
  } as const
  for (const scope of Object.keys(asks)) {
    const { bearer } = await keyWith([scope])
    for (const [needed, [method, path, ask]] of Object.entries(asks)) {
      const { status, body } = await s.ask(method, path, { ...ask, key: bearer })
      expect([scope, needed, status === 403]).toEqual([scope, needed, scope !== needed])
      if (scope !== needed) expect(body.error).toContain(`The API key lacks the scope ${needed}`)
    }
    expect((await s.ask('GET', '/providers', { query: base, key: bearer })).status).toBe(200)
  }
})

const OPEN = [
  ...['institutions', 'locations', 'providers', 'operatories', 'capabilities', 'sync_status'],
  ...[
    'appointment_types',
    'appointment_categories',
    'working_hours',
    'availabilities',
    'working_hour_labels',
  ],
  ...['appointment_slots', 'available_slots'],
]

it('every route but those that show the practice itself is refused to a key that lacks its scope alone', async () => {
  const open = allRoutes.filter(({ scope }) => scope === null)
  // What any key may do: read how the practice is set up, who works there and when, and whether it is in step.
  expect([...new Set(open.map(({ method }) => method))]).toEqual(['GET'])
  expect(new Set(open.map(({ path }) => path.split('/')[1]))).toEqual(new Set(OPEN))
  const guarded = allRoutes.filter(({ scope }) => scope !== null)
  expect(guarded.length).toBeGreaterThan(40)
  const keys = new Map<string, { all: string; only: string }>()
  for (const scope of SCOPES) {
    const others = SCOPES.filter((other) => other !== scope)
    keys.set(scope, { all: (await keyWith(others)).bearer, only: (await keyWith([scope])).bearer })
  }
  for (const { method, path, face, scope } of guarded) {
    const key = keys.get(scope ?? '')
    if (!key) throw new Error(`${path} names no scope`)
    const version = face === 'v3' ? 'v3.0.0' : 'v2'
    const ask = (bearer: string) =>
      s.ask(method, path.replaceAll(/\{\w+\}/g, '999999999'), {
        query: { subdomain: s.subdomain, location_id: s.locationId },
        key: bearer,
        version,
        ...(method === 'POST' || method === 'PATCH' ? { body: {} } : {}),
      })
    const refused = await ask(key.all)
    expect([method, path, refused.status, refused.body.error?.[1]]).toEqual([
      method,
      path,
      403,
      `The API key lacks the scope ${scope}`,
    ])
    expect([method, path, (await ask(key.only)).status === 403]).toEqual([method, path, false])
  }
})

it('a key narrowed to one institution sees no other of its account', async () => {
  const second = await makePractice(s.t, s.accountId, 'second')
  const { bearer } = await keyWith(['patients:read', 'admin'], [second.institutionId])
  const list = await s.ask('GET', '/institutions', { key: bearer })
  expect(list.body.data.map((one: { id: number }) => one.id)).toEqual([second.institutionId])
  expect((await s.ask('GET', '/institutions')).body.count).toBe(2)
  expect((await s.ask('GET', '/providers', { key: bearer, query: { subdomain: s.subdomain } })).status).toBe(
    403,
  )
  expect((await s.ask('GET', `/patients/${s.patientId}`, { key: bearer })).status).toBe(404)
  expect((await s.ask('GET', `/patients/${second.patientId}`, { key: bearer })).status).toBe(200)
})
