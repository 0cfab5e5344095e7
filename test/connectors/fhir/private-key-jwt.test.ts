/** SMART Backend Services: keys as the command makes them, against a token endpoint that verifies as the specification says. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JSONWebKeySet } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Unavailable } from '../../../src/connectors/connector.ts'
import { type } from '../../support/command-line.ts'
import { capability, notFound, nothing, startSmallServer } from './small-server.ts'
import { startTokenEndpoint } from './token-endpoint.ts'

/** The clock of the small server's connectors. */
const now = () => Date.parse('2026-12-01T00:00:00Z')
const CLIENT = 'slotbridge-client'
let folder: string
const key = { patient: 'p', provider: null, operatory: null, start: '2026-12-07T14:00:00.000Z' }

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'source-key-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A key pair by the command: the private key's text, and the key set to publish. */
async function aKey(algorithm: string): Promise<{ file: string; key: string; keys: JSONWebKeySet }> {
  const file = join(mkdtempSync(join(folder, 'key-')), 'key.json')
  const { code, said } = await type(`source key --algorithm ${algorithm} --file ${file}`, {})
  expect(code).toBe(0)
  return { file, key: readFileSync(file, 'utf8'), keys: JSON.parse(said) }
}

/** A FHIR server that lets in only who bears a token of a verifying endpoint, and tells where that is. */
async function startGuarded(keys: JSONWebKeySet, more: { life?: number; isSilent?: boolean } = {}) {
  const stack = new AsyncDisposableStack()
  const endpoint = stack.use(
    await startTokenEndpoint(CLIENT, keys, { now, ...(more.life === undefined ? {} : { life: more.life }) }),
  )
  const server = stack.use(
    await startSmallServer(({ path, headers }) => {
      if (path === '.well-known/smart-configuration')
        return more.isSilent ? notFound : { body: { token_endpoint: endpoint.url } }
      if (!endpoint.knows(headers.authorization)) return { status: 401 }
      return path === 'metadata' ? capability() : nothing
    }),
  )
  return { endpoint, server, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const signed = (key: string, more = {}) => ({
  auth: { method: 'private_key_jwt', client_id: CLIENT, key, ...more },
})

describe('a private key', () => {
  it.each(['ES384', 'RS384'])('of %s signs in where the server says, once for many requests', async (alg) => {
    const { key: text, keys } = await aKey(alg)
    await using guarded = await startGuarded(keys)
    const system = await guarded.server.open(signed(text))
    await Promise.all(Array.from({ length: 10 }, () => system.find({ natural: key })))
    expect(guarded.endpoint.refused).toEqual([])
    expect(guarded.endpoint.granted.length).toBe(1)
    // The least: nothing is deleted, and what is only read is only read.
    const scopes = guarded.endpoint.granted[0]?.split(' ') ?? []
    expect(scopes).toContain('system/Appointment.crus')
    expect(scopes).toContain('system/Practitioner.rs')
    expect(scopes.every((scope) => /^system\/[A-Za-z]+\.c?rs?u?s?$/.test(scope))).toBe(true)
  })

  it('signs another assertion for each token, and asks before the old token ends', async () => {
    const { key: text, keys } = await aKey('ES384')
    await using guarded = await startGuarded(keys, { life: 0 })
    const system = await guarded.server.open(signed(text))
    await system.find({ natural: key })
    await system.find({ natural: key })
    expect(guarded.endpoint.granted.length).toBe(3)
    expect(guarded.endpoint.refused).toEqual([])
  })

  it('that is not the registered one is refused, and no part of it is in the error', async () => {
    const ours = await aKey('ES384')
    const other = await aKey('ES384')
    await using guarded = await startGuarded(other.keys)
    const failure = await guarded.server.open(signed(ours.key)).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Unavailable)
    expect(String(failure)).toContain('invalid_client')
    for (const part of Object.values(JSON.parse(ours.key))) expect(String(failure)).not.toContain(part)
  })

  it.each(['x', '{}', '{"kty":"EC","crv":"P-384","d":"short"}'])(
    'such as %s is named as none',
    async (text) => {
      const { keys } = await aKey('ES384')
      await using guarded = await startGuarded(keys)
      await expect(guarded.server.open(signed(text))).rejects.toThrow('auth.key')
    },
  )

  it('asks for other scopes, in the words of SMART 1, or at another endpoint, where told', async () => {
    const { key: text, keys } = await aKey('ES384')
    await using guarded = await startGuarded(keys, { isSilent: true })
    await expect(guarded.server.open(signed(text))).rejects.toThrow('smart-configuration answered 404')
    const token_url = guarded.endpoint.url
    await guarded.server.open(signed(text, { token_url, scope_version: 'v1' }))
    await guarded.server.open(signed(text, { token_url, scope: 'system/*.rs' }))
    expect(guarded.endpoint.granted[0]).toContain('system/Appointment.read system/Appointment.write')
    expect(guarded.endpoint.granted[0]).not.toContain('system/Location.write')
    expect(guarded.endpoint.granted[1]).toBe('system/*.rs')
  })
})

describe('the command', () => {
  it('keeps the private key to its owner, and prints nothing of it', async () => {
    const { file, key: text, keys } = await aKey('RS384')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const secret = JSON.parse(text)
    expect(Object.keys(secret)).toContain('d')
    const shown = JSON.stringify(keys)
    for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi']) expect(shown).not.toContain(secret[name])
    expect(keys.keys[0]).toMatchObject({ kty: 'RSA', alg: 'RS384', kid: secret.kid })
    const again = await type(`source key --show --file ${file}`, {})
    expect(JSON.parse(again.said)).toEqual(keys)
  })

  it('overwrites no key, and makes none of another kind', async () => {
    const { file, key: text } = await aKey('ES384')
    const second = await type(`source key --file ${file}`, {})
    expect(second).toMatchObject({ code: 1 })
    expect(readFileSync(file, 'utf8')).toBe(text)
    expect((await type(`source key --file ${file}.new --algorithm RS256`, {})).noted).toContain('ES384')
  })
})
