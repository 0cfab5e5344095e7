import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSender, type Sent } from '../../src/webhooks/send.ts'
import {
  type Allowed,
  findTarget,
  openResolve,
  readAllowed,
  targetFaults,
} from '../../src/webhooks/target.ts'
import { authority, certificate, key } from './certificate.ts'
import { type NameServer, startNameServer } from './name-server.ts'
import { allow, listen, type Receiver, startReceiver } from './telling.ts'

let names: NameServer
/** On loopback, where nothing may ever arrive. */
let trap: Receiver

beforeAll(async () => {
  names = await startNameServer()
  trap = await startReceiver()
})
afterAll(async () => {
  await trap?.[Symbol.asyncDispose]()
  await names?.[Symbol.asyncDispose]()
})

const nobody = allow()
const resolve = (host: string) => openResolve([names.address])(host)
const send = async (url: string, allowed: Allowed = nobody, ca?: string): Promise<Sent> => {
  using sender = openSender({
    allowed,
    resolve,
    timeoutMs: 2_000,
    ...(ca === undefined ? {} : { ca }),
  })
  return await sender.send(
    url,
    { 'content-type': 'application/json' },
    Buffer.from('{}'),
    new AbortController().signal,
  )
}

describe('a hostile target', () => {
  const literals = [
    'http://127.0.0.1:PORT/',
    'https://127.0.0.1:PORT/',
    'http://localhost:PORT/',
    'http://app.localhost:PORT/',
    'http://2130706433:PORT/',
    'http://0x7f000001:PORT/',
    'http://0177.0.0.1:PORT/',
    'http://017700000001:PORT/',
    'http://127.1:PORT/',
    'http://127.0.0.1.:PORT/',
    'http://0:PORT/',
    'http://0.0.0.0:PORT/',
    'http://[::1]:PORT/',
    'http://[::]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[::ffff:7f00:1]:PORT/',
    'http://[::127.0.0.1]:PORT/',
    'http://[64:ff9b::7f00:1]:PORT/',
    'http://[64:ff9b:1::7f00:1]:PORT/',
    'http://[2002:7f00:1::1]:PORT/',
    'http://[2001:0:7f00:1::1]:PORT/',
    'http://[fe80::1]:PORT/',
    'http://[fc00::1]:PORT/',
    'http://[fd00:ec2::254]/latest/meta-data/',
    'http://[ff02::1]:PORT/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/latest/meta-data/',
    'http://10.0.0.1/',
    'http://100.100.100.200/',
    'http://172.16.0.1/',
    'http://192.168.0.1/',
    'http://198.18.0.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://１２７.０.０.１:PORT/',
    'http://127。0。0。1:PORT/',
    'http://user:password@127.0.0.1:PORT/',
    'https://hooks.example.com@127.0.0.1:PORT/',
    'https://hooks.example.com:443@127.0.0.1:PORT/',
    'https://127.0.0.1:PORT/#@hooks.example.com',
    'https://hooks.example.com\\@127.0.0.1:PORT/',
    'ftp://127.0.0.1:PORT/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:PORT/',
    '//127.0.0.1:PORT/',
    '127.0.0.1:PORT',
    'http://',
    '',
  ]
  for (const literal of literals)
    it(`is not reached as ${literal || 'nothing'}`, async () => {
      const sent = await send(literal.replace('PORT', String(trap.port)))
      expect(sent).toMatchObject({ status: null, answer: '' })
      expect(['bad_url', 'plain_http', 'forbidden_address', 'unknown_host']).toContain(sent.error)
      expect(trap.received).toEqual([])
    })

  const named: [string, string[]][] = [
    ['loopback', ['127.0.0.1']],
    ['metadata', ['169.254.169.254']],
    ['private', ['10.1.2.3']],
    ['mapped', ['::ffff:7f00:1']],
    ['own', ['::1']],
    ['translated', ['64:ff9b::7f00:1']],
    ['mixed', ['93.184.215.14', '127.0.0.1']],
    ['mixed-six', ['2606:2800:21f:cb07:6820:80da:af6b:8b2c', 'fd00::1']],
  ]
  for (const [name, addresses] of named)
    it(`is not reached by a name for ${addresses.join(' and ')}`, async () => {
      names.name(`${name}.example.com`, addresses)
      const sent = await send(`https://${name}.example.com:${trap.port}/`)
      expect(sent).toMatchObject({ status: null, error: 'forbidden_address' })
      expect(trap.received).toEqual([])
    })

  it('is not reached by a name that answers otherwise after the check', async () => {
    await using open = await startReceiver('127.0.0.2', trap.port)
    names.name('rebinds.example.com', ['127.0.0.2'], ['127.0.0.1'])
    const allowed = allow('127.0.0.2/32')
    const url = `http://rebinds.example.com:${trap.port}/`
    expect(await send(url, allowed)).toMatchObject({ status: 200 })
    expect(open.received.length).toBe(1)
    expect(open.received[0]?.headers.host).toBe(`rebinds.example.com:${trap.port}`)
    // The next attempt looks again, and sees what it has become.
    expect(await send(url, allowed)).toMatchObject({ status: null, error: 'forbidden_address' })
    expect(trap.received).toEqual([])
  })

  it('is not reached by a redirect', async () => {
    await using open = await startReceiver('127.0.0.2')
    open.answer(() => ({ status: 302, headers: { location: trap.url } }))
    expect(await send(open.url, allow('127.0.0.2/32'))).toMatchObject({ status: 302, error: null })
    expect(trap.received).toEqual([])
  })
})

describe('a target', () => {
  it('is checked before it is kept, with a sentence', () => {
    expect(targetFaults('https://hooks.example.com/nex?x=1', nobody)).toEqual([])
    expect(targetFaults('https://93.184.215.14/', nobody)).toEqual([])
    expect(targetFaults('http://hooks.example.com/', nobody)).toEqual(['Parameter target_url must be https'])
    expect(targetFaults('https://10.0.0.1/', nobody)[0]).toMatch(/private, loopback/)
    expect(targetFaults('https://a:b@hooks.example.com/', nobody)[0]).toMatch(/without user name/)
    expect(targetFaults(`https://hooks.example.com/${'x'.repeat(2048)}`, nobody)).toHaveLength(1)
    expect(targetFaults('http://127.0.0.1:9/', allow('loopback'))).toEqual([])
    expect(targetFaults('https://10.0.0.1/', allow('loopback'))).toHaveLength(1)
  })

  it('may be plain HTTP where the operator allows the address, and nowhere else', async () => {
    names.name('public.example.com', ['93.184.215.14'])
    const found = await findTarget('http://public.example.com/', allow('loopback'), resolve)
    expect(found).toBe('plain_http')
    expect(await findTarget('https://public.example.com/', nobody, resolve)).toMatchObject({
      address: '93.184.215.14',
    })
  })

  it('allows what the setting names, and says what it cannot read', () => {
    for (const wrong of ['10.0.0.0', '10.0.0.0/33', 'everything', '::1/129', '10.0.0.0/8/8', '0x7f.1/8'])
      expect(readAllowed(['loopback', wrong])).toBe(wrong)
  })

  it('must bear a certificate of a trusted authority for its name', async () => {
    const reached: string[] = []
    const server = createServer({ key, cert: certificate }, (request, response) => {
      reached.push(String(request.headers.host))
      response.end('ok')
    })
    await listen(server as never, '127.0.0.2', 0)
    const { port } = server.address() as AddressInfo
    names.name('hooks.example.com', ['127.0.0.2'])
    names.name('other.example.com', ['127.0.0.2'])
    const allowed = allow('127.0.0.2/32')
    const trusted = await send(`https://hooks.example.com:${port}/`, allowed, authority)
    const untrusted = await send(`https://hooks.example.com:${port}/`, allowed)
    const misnamed = await send(`https://other.example.com:${port}/`, allowed, authority)
    const byAddress = await send(`https://127.0.0.2:${port}/`, allowed, authority)
    await new Promise((resolve) => server.close(resolve))
    expect(trusted).toMatchObject({ status: 200, answer: 'ok' })
    for (const refused of [untrusted, misnamed, byAddress])
      expect(refused).toMatchObject({ status: null, error: 'tls' })
    expect(reached).toEqual([`hooks.example.com:${port}`])
  })
})
