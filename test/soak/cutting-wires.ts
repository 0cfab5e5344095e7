/**
 * A proxy that loses connections before or after single messages, at points that a seed chooses. Kinds of messages that
 * were not cut yet are cut sooner than others, so that few runs come to all of them.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { join as joinPath } from 'node:path'
import type { Dice } from '../../src/sandbox/random.ts'
import { type Frame, type Framer, framersOf, type Protocol } from './frames.ts'

/** `silent`: the message and all that follow are swallowed, and the connection stays. */
type Cut = 'before' | 'after' | 'silent'

export interface CutSettings {
  throws: Dice
  /** The chance of a cut at a message whose kind was never cut, 0 to 1. */
  chance: number
  /** Whether answers may be kept back without a word. */
  maySilence: boolean
}

export interface CuttingWires extends AsyncDisposable {
  port: number
  /** Null: everything passes. */
  settings: CutSettings | null
  /** While true, whoever connects is turned away, and what was connected is cut. */
  isDown: boolean
  /** How often each kind of message was cut, by `before`, `after` or `silent`. */
  cuts: Map<string, number>
  /** Every kind of message that passed by. */
  kinds: Set<string>
  /** Ends all connections now. */
  cutAll(): void
}

/** Where the PostgreSQL of a URL listens: a socket in a folder, or a port. */
export function targetOf(serverUrl: string): { path: string } | { host: string; port: number } {
  const url = new URL(serverUrl)
  const folder = url.searchParams.get('host')
  const port = Number(url.searchParams.get('port') ?? url.port) || 5432
  return folder?.startsWith('/')
    ? { path: joinPath(folder, `.s.PGSQL.${port}`) }
    : { host: url.hostname, port }
}

export async function startCuttingWires(protocol: Protocol, target: NetConnectOpts): Promise<CuttingWires> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    // Each message goes at once: held back for the answer to the one before, every one of them would take 40 ms.
    socket.setNoDelay(true)
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    keep(client)
    if (wires.isDown) client.destroy()
    else join(wires, protocol, client, keep(connect(target)))
  })
  const wires: CuttingWires = {
    port: 0,
    settings: null,
    isDown: false,
    cuts: new Map(),
    kinds: new Set(),
    cutAll() {
      for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      wires.cutAll()
      server.close()
      await once(server, 'close')
    },
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  wires.port = (server.address() as AddressInfo).port
  return wires
}

function join(wires: CuttingWires, protocol: Protocol, client: Socket, target: Socket): void {
  const { said, told } = framersOf(protocol)
  client.on('close', () => target.destroy())
  target.on('close', () => client.destroy())
  carry(wires, said, client, target)
  carry(wires, told, target, client)
}

/** Carries messages one way, until one of them is where the connection ends. */
function carry(wires: CuttingWires, framer: Framer, from: Socket, to: Socket): void {
  let isSilent = false
  from.on('data', (chunk: Buffer) => {
    for (const frame of framer(chunk)) {
      const cut = isSilent ? 'silent' : decide(wires, frame)
      if (cut === 'silent') isSilent = true
      else if (cut === 'before') return end(from, to)
      else if (cut === null) to.write(frame.bytes)
      else {
        // The far side gets the message, and then nobody.
        to.write(frame.bytes, () => end(from, to))
        from.removeAllListeners('data').resume()
        return
      }
    }
  })
  from.on('end', () => to.end())
}

function end(from: Socket, to: Socket): void {
  from.destroy()
  to.destroy()
}

function decide(wires: CuttingWires, { kind }: Frame): Cut | null {
  wires.kinds.add(kind)
  const { settings } = wires
  if (settings === null) return null
  const already = wires.cuts.get(`before ${kind}`) ?? 0
  const alreadyAfter = wires.cuts.get(`after ${kind}`) ?? 0
  const { throws, chance, maySilence } = settings
  if (!throws.chance(chance / (1 + 4 * (already + alreadyAfter)))) return null
  const isSilent = maySilence && kind.includes('<') && throws.chance(0.15)
  const cut: Cut = isSilent ? 'silent' : throws.chance(0.5) ? 'before' : 'after'
  wires.cuts.set(`${cut} ${kind}`, (wires.cuts.get(`${cut} ${kind}`) ?? 0) + 1)
  return cut
}
