/** Limits on what a client may send, and what the server takes on at once. */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildServer } from '../../src/http/server.ts'
import { until } from '../support/until.ts'
import { type Served, sandboxFace, serve } from './served.ts'

let s: Served
let url: string
const stack = new AsyncDisposableStack()
beforeAll(async () => {
  s = stack.use(await serve())
  const { database, clock } = s.t
  const load = { requestsMax: 4, waitingMax: 100 }
  const app = buildServer({ database, clock, connectors: [sandboxFace], load, wake: () => undefined })
  stack.defer(() => app.close())
  url = await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => stack.disposeAsync())

const get = (path: string) => fetch(url + path, { headers: { authorization: `Bearer ${s.token}` } })

/** Takes every connection of the pool: whoever needs one waits until they are released. */
async function holdConnections(): Promise<{ release(): void }> {
  const { pool } = s.t.database
  const held = await Promise.all(Array.from({ length: 10 }, () => pool.connect()))
  return {
    release() {
      for (const client of held) client.release()
    },
  }
}

it('refuses with 503 what is more than it can answer, before it is read, and takes it up again afterwards', async () => {
  expect((await get('/institutions')).status).toBe(200)
  const held = await holdConnections()
  let waiting: Promise<Response>[]
  try {
    waiting = Array.from({ length: 4 }, () => get('/institutions'))
    await until('the requests to wait', async () => s.t.database.pool.waitingCount === 4)
    const refused = await get('/institutions')
    const { error } = (await refused.json()) as { error: string[] }
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(error).toEqual(['The server has more to do than it can; try again'])
    expect((await get('/livez')).status).toBe(200)
  } finally {
    held.release()
  }
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  await until('the requests to end', async () => (await get('/institutions')).status === 200)
})

it('refuses with 503 where too many wait for the database', async () => {
  const { database, clock } = s.t
  const load = { requestsMax: 100, waitingMax: 2 }
  const app = buildServer({ database, clock, connectors: [sandboxFace], load, wake: () => undefined })
  const at = await app.listen({ host: '127.0.0.1', port: 0 })
  const ask = () => fetch(`${at}/institutions`, { headers: { authorization: `Bearer ${s.token}` } })
  expect((await ask()).status).toBe(200)
  const held = await holdConnections()
  let waiting: Promise<Response>[]
  try {
    waiting = [ask(), ask()]
    await until('the requests to wait', async () => database.pool.waitingCount === 2)
    expect((await ask()).status).toBe(503)
  } finally {
    held.release()
  }
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200])
  await app.close()
})

it('cuts a client that does not take its answer, so that its place is free for others', async () => {
  const { database, clock } = s.t
  const load = { requestsMax: 4, waitingMax: 100 }
  const settings = { connectors: [sandboxFace], load, arrivalMs: 1000, wake: () => undefined }
  const app = buildServer({ database, clock, ...settings })
  const at = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  const ask = async () => (await fetch(at, { headers: { authorization: `Bearer ${s.token}` } })).status
  expect(await ask()).toBe(404)
  // More than the two ends of a connection hold for somebody who does not read.
  const asked = 'GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100)
  const clients = Array.from({ length: 8 }, () => connect(Number(at.port), at.hostname).pause())
  try {
    for (const client of clients) client.on('error', () => undefined).write(asked)
    await until('their answers to wait for them', async () => (await ask()) === 503)
    await until('them to be cut', async () => (await ask()) === 404)
  } finally {
    for (const client of clients) client.destroy()
    await app.close()
  }
})

it('answers headers that are too large, and what is no HTTP, in the envelope', async () => {
  const { hostname, port } = new URL(url)
  const send = async (text: string) => {
    const socket = connect(Number(port), hostname)
    socket.write(text)
    let read = ''
    for await (const chunk of socket) read += String(chunk)
    const [head = '', body = ''] = read.split('\r\n\r\n')
    return [Number(head.split(' ')[1]), JSON.parse(body)]
  }
  const envelope = (sentence: string) => ({ code: false, description: null, data: null, error: [sentence] })
  const large = `GET /institutions HTTP/1.1\r\nHost: x\r\nX-Much: ${'x'.repeat(17_000)}\r\n\r\n`
  expect(await send(large)).toEqual([431, envelope('The headers are larger than 16 KiB')])
  expect(await send('NONSENSE\r\n\r\n')).toEqual([400, envelope('The request cannot be read')])
})

it('refuses a body that is nested too deeply, and one that is too large', async () => {
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
  for (const body of [
    deep,
    `{"appt":${deep}}`,
    `{"appt":{"note":${'{"a":'.repeat(90_000)}1${'}'.repeat(90_000)}}}`,
  ]) {
    const { status, body: said } = await s.ask('POST', '/appointments', {
      query: { subdomain: s.subdomain, location_id: s.locationId },
      body,
    })
    expect([status, said.error]).toEqual([400, ['The body is nested more than 64 levels deep']])
  }
  const nested = await s.ask('POST', '/data_sources', {
    query: { subdomain: s.subdomain },
    body: {
      data_source: { name: 'x', connector: 'sandbox', configuration: { url: { a: [{ b: ['[[['] }] } } },
    },
  })
  expect(nested.body.error).toEqual(['Parameter configuration.url must be a text'])
  expect((await s.ask('POST', '/appointments', { body: `"${'x'.repeat(1024 * 1024)}"` })).status).toBe(413)
})
