import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RecordSystem, Unavailable } from '../../../src/connectors/connector.ts'
import { openPractice, type TestPractice } from '../../sandbox/practice-under-test.ts'
import { type CuttingProxy, startCuttingProxy } from '../../support/cutting-proxy.ts'
import { startAnswering } from './answering-server.ts'
import { change, inserted, insertion, openConnector, written } from './open-connector.ts'

let practice: TestPractice
let proxy: CuttingProxy
let direct: RecordSystem
let system: RecordSystem
beforeAll(async () => {
  practice = await openPractice()
  proxy = await startCuttingProxy(practice.url)
  direct = await openConnector(practice.url)
  system = await openConnector(proxy.url, { timeout_ms: 400 })
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await practice[Symbol.asyncDispose]()
})

/** Lets requests that begin so meet this cut while `work` runs. */
async function cutting<T>(cut: CuttingProxy['cut'], only: string, work: () => Promise<T>): Promise<T> {
  Object.assign(proxy, { cut, only })
  try {
    return await work()
  } finally {
    Object.assign(proxy, { cut: 'never', only: '' })
  }
}

it.each([
  ['before the practice hears of it', 'before', false, 1],
  ['after the practice committed it', 'after', true, 2],
  ['by silence', 'silent', true, 3],
] as const)(
  'calls an insertion unknown that was cut %s, and a resend makes exactly one',
  async (_, cut, made, hour) => {
    const request = insertion(direct, hour)
    const outcome = await cutting(cut, 'POST', () => system.insert(request))
    expect(outcome.kind).toBe('unknown')
    const found = await direct.find({ marker: request.marker })
    expect(found !== null).toBe(made)
    const record = written(await system.insert(request))
    if (found !== null) expect(record).toEqual(found)
  },
)

it('calls an insertion unknown whose read-back was cut', async () => {
  const request = insertion(direct, 4)
  const outcome = await cutting('before', 'GET', () => system.insert(request))
  expect(outcome.kind).toBe('unknown')
  expect(await direct.find({ marker: request.marker })).not.toBeNull()
})

it('calls a change unknown that was cut, and finds it done when it is sent again', async () => {
  const record = await inserted(direct, 5)
  const request = change(record, { kind: 'note', note: 'Once' })
  expect((await cutting('after', 'PATCH', () => system.change(request))).kind).toBe('unknown')
  expect(written(await system.change(request))).toMatchObject({ note: 'Once', version: '2' })
})

it('calls a change unknown that lost its comparison and could not look why', async () => {
  const record = await inserted(direct, 6)
  await direct.change(change(record, { kind: 'confirm' }))
  const again = change(record, { kind: 'confirm' })
  expect((await cutting('before', 'GET', () => system.change(again))).kind).toBe('unknown')
})

it('calls a change unavailable that never got past looking', async () => {
  const record = await inserted(direct, 7)
  const request = change(record, { kind: 'confirm' }, null)
  expect((await cutting('before', 'GET', () => system.change(request))).kind).toBe('unavailable')
})

it('calls writes unavailable, certainly not written, when nobody listens', async () => {
  const away = await openPractice()
  const orphan = await openConnector(away.url)
  const record = await inserted(orphan, 1)
  await away[Symbol.asyncDispose]()
  expect((await orphan.insert(insertion(orphan, 2))).kind).toBe('unavailable')
  expect((await orphan.change(change(record, { kind: 'cancel' }))).kind).toBe('unavailable')
})

it('throws from reads that are cut, and never answers half a window', async () => {
  await expect(cutting('after', 'GET', () => system.probe())).rejects.toThrow(Unavailable)
  await expect(cutting('before', 'GET', () => system.find({ foreignId: '1' }))).rejects.toThrow(Unavailable)
})

it.each([
  [429, '7', { kind: 'unavailable', retryAfterMs: 7000 }],
  [503, undefined, { kind: 'unavailable' }],
  [500, undefined, { kind: 'unknown' }],
  [302, undefined, { kind: 'unknown' }],
  [200, undefined, { kind: 'unknown' }],
  [422, undefined, { kind: 'rejected', code: 'invalid' }],
] as const)('takes an answer %i to a write for what is certain about it', async (status, wait, expected) => {
  await using server = await startAnswering((request, response) => {
    request.resume()
    response.writeHead(status, {
      connection: 'close',
      ...(wait === undefined ? {} : { 'retry-after': wait }),
      ...(status === 302 ? { location: practice.url } : {}),
    })
    response.end('{}')
  })
  const other = await openConnector(server.url)
  expect(await other.insert(insertion(other, 8))).toMatchObject(expected)
})
