/** A TCP proxy before the practice that loses connections at a chosen moment. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

type Cut =
  | 'never'
  /** Takes the request, and passes nothing on. */
  | 'before'
  /** Passes the request on, and closes when the answer comes. */
  | 'after'
  /** Passes the request on, and keeps the answer to itself without closing. */
  | 'silent'

export interface CuttingProxy extends AsyncDisposable {
  url: string
  cut: Cut
  /** Where set, only a request that begins so is cut, and others pass. */
  only: string
}

function join(proxy: CuttingProxy, client: Socket, port: number): void {
  client.on('error', () => {})
  client.on('data', (request) => {
    const cut = request.toString('latin1').startsWith(proxy.only) ? proxy.cut : 'never'
    if (cut === 'before') {
      client.destroy()
      return
    }
    const practice = connect(port, '127.0.0.1')
    practice.on('error', () => client.destroy())
    practice.write(request)
    practice.on('data', (answer) => {
      if (cut === 'never') client.end(answer)
      else if (cut === 'after') client.destroy()
      practice.destroy()
    })
  })
}

/** Every request must fit one segment and every answer too, as those of one row on the loopback do. */
export async function startCuttingProxy(practiceUrl: string): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client)
    client.on('close', () => sockets.delete(client))
    join(proxy, client, Number(new URL(practiceUrl).port))
  })
  const proxy: CuttingProxy = {
    url: '',
    cut: 'never',
    only: '',
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return proxy
}
