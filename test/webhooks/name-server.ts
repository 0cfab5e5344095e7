/** A name server on loopback that answers what a test says, once or ever after. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

export interface NameServer extends AsyncDisposable {
  /** As `Resolver.setServers` takes it. */
  address: string
  /** The answers for a name, in order; the last one stays. Each is a list of addresses. */
  name(host: string, ...answers: string[][]): void
}

const A = 1
const AAAA = 28

export async function startNameServer(): Promise<NameServer> {
  const names = new Map<string, string[][]>()
  const asked = new Map<string, number>()
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const { host, type, end } = readQuestion(query)
    const answers = names.get(host) ?? [[]]
    const turn = asked.get(`${host} ${type}`) ?? 0
    asked.set(`${host} ${type}`, turn + 1)
    const addresses = answers[Math.min(turn, answers.length - 1)] ?? []
    const fitting = addresses.filter((one) => one.includes(':') === (type === AAAA))
    socket.send(answer(query.subarray(0, end), type, fitting), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    name: (host, ...answers) => void names.set(host, answers),
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => socket.close(() => resolve()))
    },
  }
}

function readQuestion(query: Buffer): { host: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('ascii', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { host: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

function answer(question: Buffer, type: number, addresses: string[]): Buffer {
  const head = Buffer.from(question)
  head.writeUInt16BE(0x8180, 2)
  head.writeUInt16BE(addresses.length, 6)
  head.writeUInt16BE(0, 8)
  head.writeUInt16BE(0, 10)
  const records = addresses.map((address) => {
    const data = type === A ? Buffer.from(address.split('.').map(Number)) : expand(address)
    const record = Buffer.alloc(12)
    record.writeUInt16BE(0xc00c, 0)
    record.writeUInt16BE(type, 2)
    record.writeUInt16BE(1, 4)
    record.writeUInt32BE(0, 6)
    record.writeUInt16BE(data.length, 10)
    return Buffer.concat([record, data])
  })
  return Buffer.concat([head, ...records])
}

/** The sixteen bytes of an IPv6 address. */
function expand(address: string): Buffer {
  const [left = '', right = ''] = address.split('::')
  const groups = (half: string) => half.split(':').filter(Boolean)
  const missing = 8 - groups(left).length - groups(right).length
  const all = [
    ...groups(left),
    ...Array<string>(address.includes('::') ? missing : 0).fill('0'),
    ...groups(right),
  ]
  const bytes = Buffer.alloc(16)
  for (const [at, group] of all.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), at * 2)
  return bytes
}
