/** An HTTP proxy before the practice that writes down what passes, and can be away: nobody listens then. */
import { once } from 'node:events'
import { createServer, type Server, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RecordingProxy extends AsyncDisposable {
  url: string
  /** Method and path of each request that was answered, in order. */
  passed: string[]
  leave(): Promise<void>
  comeBack(): Promise<void>
}

export async function startRecordingProxy(practiceUrl: string): Promise<RecordingProxy> {
  const passed: string[] = []
  let server: Server | undefined
  const listen = async (port: number) => {
    server = createServer((incoming, outgoing) => {
      const { method = 'GET', url = '/', headers } = incoming
      const onward = send(new URL(url, practiceUrl), { method, headers }, (answer) => {
        passed.push(`${method} ${url.split('?')[0]}`)
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      onward.on('error', () => outgoing.destroy())
      incoming.pipe(onward)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const leave = async () => {
    if (!server) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    server = undefined
    await closed
  }
  const port = await listen(0)
  return {
    url: `http://127.0.0.1:${port}`,
    passed,
    leave,
    comeBack: async () => void (await listen(port)),
    [Symbol.asyncDispose]: leave,
  }
}
