import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../../src/connectors/connector.ts'
import { type Answer, type Asked, capability, nothing, startSmallServer } from './small-server.ts'

const auth = {
  method: 'client_secret',
  client_id: 'slotbridge',
  client_secret: 's3cret/+',
  scope: 'system/*.*',
}

/** A token endpoint and a FHIR server in one; tokens are `t1`, `t2`, … and only those of `valid` are let in. */
async function startGuarded({ life = 3600, token }: { life?: number; token?: Answer } = {}) {
  let given = 0
  const valid = new Set<string>()
  const server = await startSmallServer((asked: Asked): Answer => {
    if (asked.path === 'token') {
      if (token !== undefined) return token
      valid.add(`Bearer t${++given}`)
      return { body: { access_token: `t${given}`, token_type: 'Bearer', expires_in: life } }
    }
    if (!valid.has(asked.headers.authorization ?? '')) return { status: 401 }
    return asked.path === 'metadata' ? capability() : nothing
  })
  const tokens = () => server.asked.filter(({ path }) => path === 'token')
  const open = (part = {}) => server.open({ auth: { ...auth, token_url: `${server.base}/token`, ...part } })
  return { server, valid, tokens, open, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

describe('a client secret', () => {
  it('is exchanged once, for as many requests as come at the same time', async () => {
    await using guarded = await startGuarded()
    const system = await guarded.open()
    guarded.valid.clear()
    const looks = Array.from({ length: 10 }, () => system.find({ natural: key }))
    expect(await Promise.all(looks)).toEqual(looks.map(() => null))
    // The first for opening; the second, after all were refused, for everyone.
    expect(guarded.tokens().length).toBe(2)
    const [first] = guarded.tokens()
    expect(first?.body).toBe('grant_type=client_credentials&scope=system%2F*.*')
    expect(first?.headers.authorization).toBe(
      `Basic ${Buffer.from('slotbridge:s3cret%2F%2B').toString('base64')}`,
    )
  })

  it.each([200, 400])(
    'is given up where a token endpoint that answers %i says more than it need',
    async (status) => {
      let written = 0
      const server = createServer((_request, response) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        const endless = new Readable({
          read() {
            written += 65_536
            this.push(written > 256 * 1024 * 1024 ? null : ' '.repeat(65_536))
          },
        })
        endless.pipe(response)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const token_url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      await using guarded = await startGuarded()
      await expect(guarded.open({ token_url })).rejects.toThrow(Unavailable)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      expect(written).toBeLessThan(32 * 1024 * 1024)
    },
  )

  it('goes in the body where the server wants it there', async () => {
    await using guarded = await startGuarded()
    await guarded.open({ send_in: 'body' })
    const [first] = guarded.tokens()
    expect(first?.headers.authorization).toBeUndefined()
    expect(new URLSearchParams(first?.body).get('client_secret')).toBe('s3cret/+')
  })

  it('leads to a new token before the old one ends', async () => {
    await using guarded = await startGuarded({ life: 0 })
    const system = await guarded.open()
    await system.find({ natural: key })
    expect(guarded.tokens().length).toBe(2)
    expect(
      guarded.server.asked.every(
        ({ headers, path }) => path === 'token' || headers.authorization !== undefined,
      ),
    ).toBe(true)
  })

  it('that is refused makes the server unavailable, and is in no error', async () => {
    for (const token of [{ status: 400 }, { body: { token: 'x' } }, { text: 'x' }, 'cut'] as Answer[]) {
      await using guarded = await startGuarded({ token })
      const failure = await guarded.open().catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(Unavailable)
      expect(String(failure)).not.toContain('s3cret')
    }
  })
})

it.each([
  [{ method: 'basic', username: 'me', password: 'pä' }, `Basic ${Buffer.from('me:pä').toString('base64')}`],
  [{ method: 'bearer', token: 'abc' }, 'Bearer abc'],
  [{ method: 'none' }, undefined],
])('sign in by %j', async (method, header) => {
  await using server = await startSmallServer(() => capability())
  await server.open({ auth: method })
  expect(server.asked[0]?.headers.authorization).toBe(header)
})

const key = { patient: 'p', provider: null, operatory: null, start: '2026-12-07T14:00:00.000Z' }
