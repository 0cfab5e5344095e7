import { request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { openPool } from '../../src/db/pool.ts'
import { newKey } from '../../src/db/seal.ts'
import { buildServer } from '../../src/http/server.ts'
import { dice } from '../../src/sandbox/random.ts'
import { tellChanges } from '../../src/store/tell-changes.ts'
import { startCuttingWires, targetOf } from '../soak/cutting-wires.ts'
import { atDatabase } from '../support/database-url.ts'
import { ahead, type Served, serve } from './served.ts'

let s: Served
let base: { subdomain: string; location_id: number }
beforeAll(async () => {
  s = await serve()
  base = { subdomain: s.subdomain, location_id: s.locationId }
})
afterAll(async () => await s[Symbol.asyncDispose]())

it('answers what comes over an open connection while it drains, and then closes the connection', async () => {
  const app = buildServer({ database: s.t.database, clock: s.t.clock, connectors: [], wake: () => undefined })
  const started = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  app.get('/slow', async () => {
    started.resolve()
    await goOn.promise
    return 'slow'
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  const said = text(socket)
  socket.write('GET /slow HTTP/1.1\r\nhost: here\r\n\r\n')
  await started.promise
  const closed = app.close()
  const arrived = new Promise((resolve) => app.server.once('request', resolve))
  socket.write('GET /livez HTTP/1.1\r\nhost: here\r\n\r\n')
  await arrived
  goOn.resolve()
  await closed
  const answers = await said
  expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
  expect(answers).toMatch(/connection: close/i)
})

it('answers an unknown path 404 in the envelope, also for what NexHealth has and we have not', async () => {
  for (const path of [
    '/nope',
    '/nex_staff',
    '/patient_recalls',
    '/claims/1',
    '/onboardings',
    '/',
    '/appointments/1/nope',
  ])
    for (const version of ['v2', 'v20240412']) {
      const { status, body } = await s.ask('GET', path, { version })
      expect([path, status, body]).toEqual([
        path,
        404,
        { code: false, description: null, data: null, error: ['Resource not found'] },
      ])
    }
})

it('answers a method that a path does not take 405, and says which it takes in the version asked for', async () => {
  for (const [method, path, version, allow] of [
    ['DELETE', '/appointments/1', 'v2', 'GET, HEAD, PATCH'],
    ['PUT', '/appointments?subdomain=x', 'v2', 'GET, HEAD, POST'],
    // Fastify asks this one for a content type before it looks for a route.
    ['QUERY', '/appointments', 'v2', 'GET, HEAD, POST'],
    ['OPTIONS', '/webhook_deliveries/replay', 'v2', 'POST'],
    // A route that takes any word there is found, and this word is another path's.
    ['GET', '/webhook_deliveries/replay', 'v2', 'POST'],
    ['GET', '/authenticates', 'v2', 'POST'],
    ['PUT', '/working_hours', 'v20240412', 'GET, HEAD, POST'],
    ['PUT', '/working_hours', 'v2', null],
    ['QUERY', '/nope', 'v2', null],
  ] as const) {
    const { status, headers, body } = await s.ask(method, path, { version })
    const refused = allow === null ? [404, 'Resource not found'] : [405, `This path takes ${allow}`]
    expect([method, path, version, status, body.error[0]]).toEqual([method, path, version, ...refused])
    expect([method, path, headers.get('allow')]).toEqual([method, path, allow])
  }
})

it('says of a path that only version 3 has which header was missing, or was not understood', async () => {
  const send = 'This path is of version 3: send Nex-Api-Version: v3.0.0'
  for (const [path, version, ...why] of [
    ['/available_slots', 'v2', send],
    ['/working_hours/1', 'v2', send],
    ['/working_hours', 'v3', 'Nex-Api-Version v3 is unknown; v2 was taken.', send],
    ['/nope', 'v3'],
  ] as const) {
    const { status, body } = await s.ask('GET', path, { version })
    expect([path, status, body.error]).toEqual([path, 404, ['Resource not found', ...why]])
  }
})

it('answers a path whose id is no id 404', async () => {
  for (const id of ['abc', '0', '-1', '1.5', '99999999999999999999', '%00', "1'--"])
    expect([id, (await s.ask('GET', `/appointments/${id}`)).status]).toEqual([id, 404])
})

it('answers a path that cannot be read in the envelope, and does not repeat it', async () => {
  const unreadable = [400, 'The path cannot be read: write a % in it as %25']
  for (const [path, status, error] of [
    ['/appointments/5%', ...unreadable],
    ['/patients/1%C0?name=Okafor', ...unreadable],
    ['/%zz', ...unreadable],
    [`/appointments/${'9'.repeat(300)}`, 404, 'Resource not found'],
  ] as const)
    for (const method of ['GET', 'PATCH']) {
      const answer = await s.ask(method, path)
      expect([method, path, answer.status]).toEqual([method, path, status])
      expect(answer.body).toEqual({ code: false, description: null, data: null, error: [error] })
    }
})

it('refuses a body over 1 MiB with 413, and takes one just below', async () => {
  const body = (bytes: number) => JSON.stringify({ appt: { note: 'x'.repeat(bytes) } })
  const big = await s.ask('POST', '/appointments', { query: base, body: body(1024 * 1024) })
  expect([big.status, big.body.error]).toEqual([413, ['The body is larger than 1 MiB']])
  expect((await s.ask('POST', '/appointments', { query: base, body: body(1024 * 1024 - 100) })).status).toBe(
    400,
  )
})

it('refuses broken JSON, and a body that is no object, with 400', async () => {
  const broken = await s.ask('POST', '/appointments', { query: base, body: '{"appt": {' })
  expect([broken.status, broken.body.error]).toEqual([400, ['The body is not valid JSON']])
  for (const body of ['[]', '"appt"', '7', 'null', 'true'])
    expect([body, (await s.ask('POST', '/appointments', { query: base, body })).status]).toEqual([body, 400])
  const shaped = await s.ask('POST', '/appointments', { query: base, body: { appt: [] } })
  expect(shaped.body.error).toEqual(['Parameter appt must be an object'])
  const nul = await s.ask('POST', '/appointments', { query: base, body: { appt: { note: 'a\u0000b' } } })
  expect(nul.body.error).toContain('Parameter appt.note must not contain the NUL character')
})

it('takes JSON under any content type', async () => {
  for (const type of [
    'application/vnd.Nexhealth+json;version=2',
    'text/plain',
    'application/x-www-form-urlencoded',
  ])
    expect(
      (
        await s.ask('POST', '/appointments', {
          query: base,
          body: '{"appt":{}}',
          headers: { 'content-type': type },
        })
      ).body.error,
    ).toContain('Missing parameter start_time')
})

it('answers every malformed request in the envelope and none with 500', async () => {
  const odd = [
    '%',
    '%ff',
    'a[]=1&a[]=',
    'start[]=1',
    'per_page=1e9',
    'location_id=',
    'subdomain=%00',
    'subdomain[]=x',
    '__proto__=1',
  ]
  for (const query of odd) {
    const answer = await fetch(`${s.url}/appointments?${query}`, {
      headers: { authorization: `Bearer ${s.token}` },
    })
    expect([query, [400, 403].includes(answer.status)]).toEqual([query, true])
    expect(((await answer.json()) as { code: boolean }).code).toBe(false)
  }
})

it('sends each version under its content type', async () => {
  const type = async (path: string, version: string) =>
    (await s.ask('GET', path, { version, query: base })).headers.get('content-type')
  const v2 = 'application/vnd.Nexhealth+json;version=2'
  expect(await type('/providers', 'v2')).toBe(v2)
  expect(await type('/providers', 'v20240412')).toBe('application/json; charset=utf-8')
  expect(await type('/institutions', 'v20240412')).toBe(v2)
  expect(await type('/appointments', 'v2')).toBe(v2)
})

it('lives, is ready, and describes itself without a key', async () => {
  expect((await s.ask('GET', '/livez', { key: null })).body).toEqual({ status: 'ok' })
  expect((await s.ask('GET', '/readyz', { key: null })).body).toMatchObject({ status: 'ok' })
  const page = await s.ask('GET', '/docs', { key: null })
  expect(page.headers.get('content-type')).toContain('text/html')
  expect(page.body).not.toMatch(/https?:\/\//)
})

it('decision 20: with the database away it answers 503 with whole seconds to wait, and no word of SQL', async () => {
  const pool = openPool({
    url: 'postgres://slotbridge@127.0.0.1:1/none',
    max: 1,
    prepare: true,
    applicationName: 'test',
  })
  const database = openDatabase(pool, newKey(), tellChanges)
  const app = buildServer({ database, clock: s.t.clock, connectors: [], wake: () => undefined })
  const answer = await app.inject({ url: '/institutions', headers: { authorization: 'sb_some-key' } })
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1'])
  expect(answer.json().error).toEqual(['The database cannot be reached for now; try again'])
  expect((await app.inject('/readyz')).statusCode).toBe(503)
  expect((await app.inject('/livez')).statusCode).toBe(200)
  await app.close()
  await pool.end()
})

it('answers 503, which may be tried again, wherever in a request the connection to the database ends', async () => {
  await using wires = await startCuttingWires('postgres', targetOf(s.t.directUrl))
  const url = atDatabase(`postgresql://slotbridge@127.0.0.1:${wires.port}/`, {
    database: new URL(s.t.url).pathname.slice(1),
  })
  const pool = openPool({ url, max: 2, prepare: true, applicationName: 'cut' })
  const database = openDatabase(pool, s.t.database.masterKey, tellChanges)
  const app = buildServer({ database, clock: s.t.clock, connectors: [], wake: () => undefined })
  const query = new URLSearchParams({ ...base, location_id: String(s.locationId) })
  const ask = async () =>
    (await app.inject({ url: `/patients?${query}`, headers: { authorization: `Bearer ${s.token}` } }))
      .statusCode
  const statuses = new Set<number>()
  // Once before and once after each of the first messages that a request sends and is sent.
  for (let at = 1; at <= 30; at += 1)
    for (const isBefore of [true, false]) {
      let left = at
      const chance = (share: number) => (share === 0.5 ? isBefore : --left === 0)
      wires.settings = { throws: { ...dice(1), chance }, chance: 1, maySilence: false }
      statuses.add(await ask())
    }
  wires.settings = null
  await ask()
  expect(await ask()).toBe(200)
  statuses.delete(200)
  expect([...statuses]).toEqual([503])
  await app.close()
  await pool.end()
})

it('answers a fault of ours 500 with the request id, and tells neither caller nor log what was sent', async () => {
  await s.t.look('alter table descriptors rename to hidden')
  const { status, body } = await s.ask('GET', `/locations/${s.locationId}/appointment_descriptors`, {
    query: { descriptor_type: 'Secret Person' },
  })
  await s.t.look('alter table hidden rename to descriptors')
  expect(status).toBe(500)
  const [id] = /[0-9a-f-]{36}/.exec(body.error[0]) ?? []
  const fault = s.logged.findLast(
    (line) => (line as { message: string }).message === 'request failed',
  ) as object
  expect(fault).toMatchObject({ request_id: id, route: '/locations/:id/appointment_descriptors' })
  expect(JSON.stringify([body, fault])).not.toMatch(/Secret|descriptors"? does not exist|select /)
})

it('logs the pattern of a route and never what a query string says', async () => {
  await s.ask('GET', '/patients', { query: { ...base, name: 'Imani Okafor', phone_number: '5035550142' } })
  await s.ask('GET', '/patients-by-name/Imani')
  const text = JSON.stringify(s.logged)
  expect(text).toContain('"route":"/patients"')
  expect(text).not.toMatch(/Imani|Okafor|5035550142/)
  expect(text).not.toContain(s.token)
})

it('undeclared fields never leave', async () => {
  const { body } = await s.ask('GET', '/patients', {
    version: 'v20240412',
    query: { ...base, last_name: 'Okafor' },
  })
  expect(Object.keys(body.data[0])).not.toContain('sort_key')
  expect(Object.keys(body.data[0])).not.toContain('location_ids')
})

it('ends a request that was cut off, and goes on', async () => {
  await new Promise<void>((resolve) => {
    const cut = request(`${s.url}/appointments?subdomain=x`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${s.token}`,
        'content-length': '1000',
        'content-type': 'application/json',
      },
    })
    cut.on('error', () => resolve())
    cut.write('{"appt": {')
    setImmediate(() => cut.destroy())
    cut.on('close', () => resolve())
  })
  expect(
    (await s.ask('GET', '/appointments', { query: { ...base, start: ahead(1), end: ahead(2) } })).status,
  ).toBe(200)
})
