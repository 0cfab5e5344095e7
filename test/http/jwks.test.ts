/** The keys that are published of a data source: what a record system's token endpoint verifies us by, over real sockets. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JSONWebKeySet } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inTenant } from '../../src/db/database.ts'
import { addDataSource, updateDataSource } from '../../src/store/data-sources.ts'
import { capability, nothing, startSmallServer } from '../connectors/fhir/small-server.ts'
import { startTokenEndpoint } from '../connectors/fhir/token-endpoint.ts'
import { type Api, serveApi } from '../support/api.ts'
import { type Practice, setUpPractice } from '../support/bridge.ts'
import { type } from '../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

/** The clock of the small server's connectors. */
const now = () => Date.parse('2026-12-01T00:00:00Z')
const CLIENT = 'slotbridge-client'
const stack = new AsyncDisposableStack()
let folder: string
let t: TestDatabase
let practice: Practice
let api: Api

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jwks-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  t = stack.use(await testDatabase())
  practice = await setUpPractice(t, { connector: 'fhir', configuration: { base_url: 'http://127.0.0.1:9' } })
  api = stack.use(await serveApi({ ...practice, t, wake: () => undefined }))
})
afterAll(() => stack.disposeAsync())

/** A key pair by the command: the private key's text, and its id. */
async function aKey(name: string): Promise<{ text: string; kid: string }> {
  const file = join(folder, `${name}.json`)
  const { said } = await type(`source key --file ${file}`, {})
  return { text: readFileSync(file, 'utf8'), kid: (JSON.parse(said) as JSONWebKeySet).keys[0]?.kid ?? '' }
}

async function signInBy(more: Record<string, unknown>): Promise<void> {
  const auth = { method: 'private_key_jwt', client_id: CLIENT, ...more }
  const configuration = { base_url: 'http://127.0.0.1:9', auth }
  await inTenant(t.database, practice.institutionId, (tx) =>
    updateDataSource(tx, practice.sourceId, { configuration }),
  )
}

const published = async (id: number | string = practice.sourceId) => {
  const answer = await fetch(`${api.url}/data_sources/${id}/jwks.json`)
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}
const kidsOf = (text: string) => (JSON.parse(text) as JSONWebKeySet).keys.map(({ kid }) => kid)

it('are enough for a token endpoint, and a change of keys goes over without it asking again', async () => {
  const old = await aKey('old')
  const next = await aKey('next')
  await using endpoint = await startTokenEndpoint(
    CLIENT,
    new URL(`${api.url}/data_sources/${practice.sourceId}/jwks.json`),
    { now },
  )
  await using server = await startSmallServer(({ path, headers }) => {
    if (path === '.well-known/smart-configuration') return { body: { token_endpoint: endpoint.url } }
    if (!endpoint.knows(headers.authorization)) return { status: 401 }
    return path === 'metadata' ? capability() : nothing
  })
  const open = (key: string) => server.open({ auth: { method: 'private_key_jwt', client_id: CLIENT, key } })

  await signInBy({ key: old.text })
  expect(kidsOf((await published()).text)).toEqual([old.kid])
  // The next one is shown before it signs; the endpoint reads the set here, and keeps it.
  await signInBy({ key: old.text, other_key: next.text })
  const both = await published()
  expect(kidsOf(both.text)).toEqual([old.kid, next.kid])
  expect([both.status, both.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
  expect(both.headers.get('cache-control')).toBe('public, max-age=300')
  await open(old.text)
  await signInBy({ key: next.text, other_key: old.text })
  expect(kidsOf((await published()).text)).toEqual([next.kid, old.kid])
  await open(next.text)
  await signInBy({ key: next.text, other_key: '' })
  expect(kidsOf((await published()).text)).toEqual([next.kid])
  expect([endpoint.granted.length, endpoint.refused]).toEqual([2, []])

  for (const { text } of [old, next]) expect(both.text).not.toContain(JSON.parse(text).d)
  expect(Object.keys(JSON.parse(both.text).keys[0]).sort()).toEqual(
    ['alg', 'crv', 'key_ops', 'kid', 'kty', 'use', 'x', 'y'].sort(),
  )
})

it('are none of a source that signs in otherwise, of a secret that has no public part, and of nobody', async () => {
  const { institutionId, sourceId } = practice
  const sandbox = await inTenant(t.database, institutionId, (tx) =>
    addDataSource(tx, {
      name: 'x',
      connector: 'sandbox',
      foreignIdPrefix: 'http-sandbox',
      configuration: {},
    }),
  )
  for (const id of [sandbox, 987_654, 'x', '0', '99999999999999999999', '1%00'])
    expect([id, (await published(id)).status]).toEqual([id, 404])
  for (const key of ['no key', 'null', '"text"', '{"kty":"oct","k":"Xylographica","kid":"Xylographica"}']) {
    await signInBy({ key })
    const { status, text } = await published()
    expect([key, status]).toEqual([key, 404])
    expect(text).toContain('No keys are published here')
    expect(text).not.toContain('Xylographica')
  }
  await inTenant(t.database, institutionId, (tx) =>
    updateDataSource(tx, sourceId, {
      configuration: { base_url: 'http://127.0.0.1:9', auth: { method: 'bearer', token: 'Xylographica' } },
    }),
  )
  expect((await published()).status).toBe(404)
})
