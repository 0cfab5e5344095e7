import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Api, type Reply, refusalOf } from '../../../src/connectors/open-dental/api.ts'

let server: Server
let url = ''
const seen: string[] = []
let reply: { status: number; text: string; headers?: Record<string, string> } = { status: 200, text: '{}' }

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    response.writeHead(reply.status, reply.headers)
    response.end(reply.text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

const open = (more = {}) =>
  new Api({ url, mode: 'local', authorization: 'ODFHIR d/c', intervalMs: 0, timeoutMs: 2000, ...more })

describe('a request', () => {
  it('bears both keys', async () => {
    seen.length = 0
    await open().call('PUT', 'appointments/7/Confirm', { defNum: 21 })
    expect(seen).toEqual(['PUT /api/v1/appointments/7/Confirm ODFHIR d/c'])
  })

  it('that writes goes before those that merely ask, and each in its turn', async () => {
    seen.length = 0
    const api = open({ intervalMs: 20 })
    await Promise.all([
      api.ask('GET', 'a'),
      api.ask('GET', 'b'),
      api.ask('GET', 'c'),
      api.call('POST', 'd'),
      api.call('POST', 'e'),
    ])
    expect(seen.map((line) => line.split(' ')[1]?.slice(-1))).toEqual(['a', 'd', 'e', 'b', 'c'])
  })

  it('that reached nobody is certainly not done', async () => {
    const closed = createServer()
    closed.listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    closed.close()
    const gone = await open({ url: `http://127.0.0.1:${port}/api/v1` }).call('POST', 'patients')
    expect(refusalOf(gone).kind).toBe('unavailable')
  })
})

describe('an answer', () => {
  const answered = (status: number, text = '', retryAfterMs?: number): Reply => ({
    kind: 'answer',
    status,
    json: null,
    text,
    retryAfterMs,
  })

  it.each<[number, string, object]>([
    [400, '', { kind: 'rejected', code: 'invalid' }],
    [400, 'The appointment would overlap another.', { kind: 'rejected', code: 'slot_taken' }],
    [401, '', { kind: 'rejected', code: 'unauthorized' }],
    [403, '', { kind: 'rejected', code: 'unauthorized' }],
    [404, '', { kind: 'rejected', code: 'not_found' }],
    [408, '', { kind: 'unknown' }],
    [429, '', { kind: 'unavailable' }],
    [500, '', { kind: 'unknown' }],
    [503, '', { kind: 'unavailable' }],
    [504, '', { kind: 'unknown' }],
  ])('of %i %j is what is certain after it', (status, text, expected) => {
    expect(refusalOf(answered(status, text))).toMatchObject(expected)
  })

  it('is told by the fields that it names, and by nothing else of its text', () => {
    const { message } = refusalOf(
      answered(400, 'PatNum 23 (Ottoline Farthingale) is invalid for AptDateTime.'),
    )
    expect(message).toBe('The Open Dental API answered 400 (PatNum, AptDateTime).')
  })

  it('that asks to wait says how long', async () => {
    reply = { status: 429, text: '', headers: { 'retry-after': '2' } }
    const turnedAway = await open().call('POST', 'patients')
    expect(refusalOf(turnedAway)).toMatchObject({ kind: 'unavailable', retryAfterMs: 2000 })
  })
})
