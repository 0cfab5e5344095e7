/** What is sent to do harm: forged tokens, texts that would be code, bodies and requests that are not what they seem. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { createSigner } from 'fast-jwt'
import type { TSchema } from 'typebox'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import type { Route } from '../../src/http/route.ts'
import { allRoutes } from '../../src/http/routes/all.ts'
import { buildServer } from '../../src/http/server.ts'
import { tokenSecret } from '../../src/store/token-secret.ts'
import { ahead, type Served, sandboxFace, serve } from './served.ts'

/** Time that a slow client is given here. */
const ARRIVAL_MS = 300

let s: Served
let url: URL
const stack = new AsyncDisposableStack()
beforeAll(async () => {
  s = stack.use(await serve())
  const { database, clock } = s.t
  const settings = { connectors: [sandboxFace], arrivalMs: ARRIVAL_MS, wake: () => undefined }
  const app = buildServer({ database, clock, ...settings })
  stack.defer(() => app.close())
  url = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
})
afterAll(() => stack.disposeAsync())

const statusWith = async (token: string) =>
  (await s.ask('GET', '/institutions', { key: `Bearer ${token}` })).status

/** Sends bytes as they are, to the server of slow clients; answers the status of every answer until it closes. */
async function send(...parts: string[]): Promise<number[]> {
  const socket = connect(Number(url.port), url.hostname)
  let read = ''
  socket.on('error', () => undefined)
  for (const part of parts) socket.write(part)
  for await (const chunk of socket) read += String(chunk)
  return [...read.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
}

const head = (line: string, ...headers: string[]) =>
  `${[`${line} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${s.token}`, ...headers].join('\r\n')}\r\n\r\n`
const ask = async (path: string) => (await send(head(`GET ${path}`, 'Connection: close')))[0]

it('takes a token of its own alone: with its secret, its algorithm, and within its time', async () => {
  const secret = await inGlobal(s.t.database, tokenSecret)
  const iat = Math.floor(s.t.clock.now() / 1000)
  const claims = { sub: String(s.keyId), scp: 'api_user', iat, exp: iat + 600 }
  const hs256 = createSigner({ key: secret, algorithm: 'HS256' })
  expect(await statusWith(hs256({ ...claims }))).toBe(200)

  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const forged = {
    none: `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`,
    None: `${encode({ alg: 'None', typ: 'JWT' })}.${encode(claims)}.x`,
    'RS256 with a key of its own': createSigner({ key: privateKey, algorithm: 'RS256' })({ ...claims }),
    'another secret': createSigner({ key: randomBytes(32), algorithm: 'HS256' })({ ...claims }),
    'an empty secret': createSigner({ key: Buffer.alloc(32), algorithm: 'HS256' })({ ...claims }),
    'HS512 with our secret': createSigner({ key: secret, algorithm: 'HS512' })({ ...claims }),
    expired: hs256({ ...claims, iat: iat - 7200, exp: iat - 1 }),
    'not yet': hs256({ ...claims, nbf: iat + 300 }),
    endless: hs256({ sub: claims.sub, scp: claims.scp, iat }),
    'an end that is no number': hs256({ ...claims, sub: 'x' }),
    'a key that is no number': hs256({ ...claims, sub: `${s.keyId} or 1=1` }),
  }
  for (const [name, token] of Object.entries(forged))
    expect([name, await statusWith(token)]).toEqual([name, 401])
  // A key in the header is no key of ours.
  const jwk = encode({ alg: 'HS256', typ: 'JWT', jwk: { kty: 'oct', k: 'AAAA' }, kid: '../../dev/null' })
  expect(await statusWith(`${jwk}.${encode(claims)}.AAAA`)).toBe(401)
})

it('finds keys by their hash alone, so that no comparison tells how much of a guess is right', async () => {
  const [row] = await s.t.look('select * from api_keys where id = $1', [s.keyId])
  expect(JSON.stringify(row)).not.toContain(s.key.slice(0, 24))
  for (const guess of [s.key.slice(0, -1), `${s.key}x`, s.key.toUpperCase(), `${s.key.slice(0, -1)}%`])
    expect((await s.ask('GET', '/institutions', { key: guess })).status).toBe(401)
})

/** Texts that would be code somewhere, or make a careless pattern go back and forth. */
const HARMFUL = [
  "' or '1'='1' --",
  "'); select pg_sleep(60); --",
  '%\\_%',
  '$1; drop table appointments',
  '{{7*7}}<%= 7*7 %>',
  '../../etc/passwd',
  '\r\nX-Injected: 1',
  `${'a'.repeat(2_000)}!`,
  `${'1'.repeat(2_000)}x`,
  `${' '.repeat(2_000)}x`,
  `${'('.repeat(1_000)}${'+'.repeat(1_000)}`,
  `${'a@'.repeat(1_000)}`,
  `${'2026-01-01T'.repeat(200)}`,
]

const parametersOf = ({ query }: Route) =>
  Object.keys((query as { properties?: Record<string, TSchema> } | undefined)?.properties ?? {})

it('takes whatever stands in a search parameter for a text, on every route that searches', async () => {
  const base = { subdomain: s.subdomain, location_id: s.locationId }
  const searching = allRoutes.filter((route) => route.method === 'GET' && parametersOf(route).length > 0)
  expect(searching.length).toBeGreaterThan(15)
  const asks: (() => Promise<void>)[] = []
  for (const [at, route] of searching.entries()) {
    const path = route.path.replaceAll(/\{\w+\}/g, '1')
    const version = route.face === 'v3' ? 'v20240412' : 'v2'
    for (const [nth, name] of parametersOf(route).entries()) {
      // Each parameter gets a few of them, and among them all routes get all.
      for (const harmful of [0, 7].map((step) => HARMFUL[(at + nth + step) % HARMFUL.length] ?? ''))
        asks.push(async () => {
          const query = { ...base, [name]: harmful }
          const { status, headers } = await s.ask('GET', path, { query, version })
          expect([path, name, harmful.slice(0, 20), status < 500]).toEqual([
            path,
            name,
            harmful.slice(0, 20),
            true,
          ])
          expect(headers.get('x-injected')).toBeNull()
        })
    }
  }
  while (asks.length > 0) await Promise.all(asks.splice(0, 8).map((one) => one()))
})

it('finds nobody by a pattern or a quote in a name, and everything is still there', async () => {
  const base = { subdomain: s.subdomain, location_id: s.locationId }
  for (const name of ['%', '_', '%%', "' or 1=1 --", '.*', '\\'])
    for (const key of ['name', 'last_name', 'email', 'foreign_id']) {
      const { status, body } = await s.ask('GET', '/patients', { query: { ...base, [key]: name } })
      const found = status === 200 ? (body.data.patients ?? body.data).length : 0
      expect([key, name, found]).toEqual([key, name, 0])
    }
  expect((await s.ask('GET', `/patients/${s.patientId}`, { query: base })).status).toBe(200)
})

it('lets no body or query speak for a prototype', async () => {
  const query = { subdomain: s.subdomain, location_id: s.locationId }
  const visit = JSON.stringify({
    patient_id: s.patientId,
    provider_id: s.providerId,
    operatory_id: s.operatoryId,
    start_time: ahead(3),
    polluted: true,
  })
  for (const body of [
    `{"appt":{"__proto__":${visit}}}`,
    `{"__proto__":{"appt":${visit}}}`,
    `{"appt":{"constructor":{"prototype":${visit}}}}`,
    `{"appt":{"note":"x","patient":{"__proto__":${visit}}}}`,
  ]) {
    const { status, body: said } = await s.ask('POST', '/appointments', { query, body })
    expect([body.slice(0, 40), status, said.code]).toEqual([body.slice(0, 40), 400, false])
  }
  for (const name of ['__proto__', 'constructor', '__proto__[polluted]', 'toString', 'hasOwnProperty']) {
    const { status } = await s.ask('GET', '/providers', { query: { ...query, [name]: 'polluted' } })
    expect([name, status]).toEqual([name, 200])
  }
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
})

it('refuses a text with half of a surrogate pair, which no table holds', async () => {
  const { subdomain, locationId: location_id, patientId: patient_id, providerId: provider_id } = s
  const appt = {
    patient_id,
    provider_id,
    operatory_id: s.operatoryId,
    start_time: ahead(40),
    note: 'x\ud83d',
  }
  const { status, body } = await s.ask('POST', '/appointments', {
    query: { subdomain, location_id },
    body: { appt },
  })
  expect([status, body.error]).toEqual([
    400,
    ['Parameter appt.note must not contain half of a surrogate pair'],
  ])
})

it('hands no name that a route does not know on to what it writes', async () => {
  const later = { id: 999_999, institution_id: 999_999, created_at: '2001-01-01T00:00:00Z', '': 1, 'x"--': 1 }
  const made = await s.ask('POST', '/institutions', {
    body: { institution: { subdomain: 'names-of-columns', name: 'Made up', ...later } },
  })
  expect([made.status, made.body.data.name, made.body.description?.[0]]).toEqual([
    201,
    'Made up',
    expect.stringContaining('institution.institution_id'),
  ])
  expect(made.body.data.id).not.toBe(999_999)
  const query = { subdomain: s.subdomain }
  const location = { name: 'Made up Street', ...later }
  const created = await s.ask('POST', '/locations', {
    query,
    body: { location: { tz: 'America/New_York', ...location } },
  })
  const changed = await s.ask('PATCH', `/locations/${created.body.data.id}`, { query, body: { location } })
  for (const { status, body } of [created, changed]) {
    expect([status < 300, body.data.name]).toEqual([true, 'Made up Street'])
    expect(body.data.id).not.toBe(999_999)
    expect(body.data.institution_id).toBe(s.institutionId)
    expect(body.data.created_at).not.toContain('2001')
  }
})

it('refuses a body that is wide with one answer, and goes on', async () => {
  const query = { subdomain: s.subdomain, location_id: s.locationId }
  const names = Array.from({ length: 50_000 }, (_, at) => `"k${at}":1`).join(',')
  const ids = Array.from({ length: 150_000 }, () => '"x"').join(',')
  for (const body of [`{${names}}`, `{"appt":{${names}}}`, `{"appt":{"descriptor_ids":[${ids}]}}`]) {
    const { status, body: said } = await s.ask('POST', '/appointments', { query, body })
    expect([status, said.code]).toEqual([400, false])
    expect(JSON.stringify(said).length).toBeLessThan(2 * 1024 * 1024)
  }
  expect((await s.ask('GET', '/providers', { query })).status).toBe(200)
})

it('refuses a URL or headers beyond 16 KiB, and too many parameters cost nothing', async () => {
  expect(await ask(`/institutions?x=${'x'.repeat(17_000)}`)).toBe(431)
  expect(
    await send(
      head('GET /institutions', ...Array.from({ length: 900 }, (_, at) => `X-${at}: ${'y'.repeat(20)}`)),
    ),
  ).toEqual([431])
  const many = Array.from({ length: 2_000 }, (_, at) => `a${at}`).join('&')
  expect(await ask(`/institutions?${many}`)).toBe(200)
})

it('cuts a client that sends its request too slowly, in its headers and in its body', async () => {
  expect(await send('GET /institutions HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toEqual([408])
  expect(
    await send(
      head('POST /appointments', 'Content-Length: 100', 'Content-Type: application/json'),
      '{"appt"',
    ),
  ).toEqual([408])
  expect(await ask('/institutions')).toBe(200)
})

it('reads one request where two readers might see two', async () => {
  const hidden = `GET /institutions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.token}\r\n\r\n`
  const body = `0\r\n\r\n${hidden}`
  const length = `Content-Length: ${body.length}`
  for (const headers of [
    [length, 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', length],
    ['Content-Length: 0', length],
    ['Transfer-Encoding: chunked, identity'],
    ['Transfer-Encoding : chunked'],
    ['Transfer-Encoding: xchunked'],
    ['Content-Length: +5'],
    ['X-Fold: a\r\n Transfer-Encoding: chunked', length],
  ]) {
    const statuses = await send(`${head('POST /appointments', ...headers)}${body}`)
    // Whatever it is taken for, what hides in it is never answered.
    expect([headers, statuses.length, statuses.includes(200)]).toEqual([headers, 1, false])
  }
})

it('a path is what it says: nothing in it climbs, repeats or ends it', async () => {
  for (const path of [
    ...[
      '//institutions',
      '/./institutions',
      '/x/../institutions',
      '/%2e%2e/institutions',
      '/%2e/institutions',
    ],
    ...['/institutions%00', '/institutions/%00', '/institutions%2f', '/institutions;x=1', '/INSTITUTIONS'],
    ...['/institutions/..%2fapi_keys', '/docs/../../package.json', '/docs/%2e%2e%2fpackage.json', '/.env'],
    ...['/\\institutions', '/institutions%20', '/%69nstitutions%', `/appointments/${'1'.repeat(3_000)}`],
  ])
    expect([path.slice(0, 40), [400, 404, 414].includes((await ask(path)) ?? 0)]).toEqual([
      path.slice(0, 40),
      true,
    ])
  expect(await ask('/institutions')).toBe(200)
})
