/**
 * A receiver of webhooks: verifies the signature, answers at once, and keeps each message once.
 * Run it: `SECRET_KEY=… PORT=8080 node receiver.ts` (Node 24, no packages).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const secret = process.env.SECRET_KEY ?? ''
const seen = new Set<string>() // yours: a table with `webhook-id` as its unique key

/** Standard Webhooks: any of the signatures in the header may be ours; for a day after a rotation there are two. */
function isGenuine(headers: NodeJS.Dict<string | string[]>, body: Buffer): boolean {
  const [id, seconds] = [headers['webhook-id'], headers['webhook-timestamp']]
  const fresh = Math.abs(Date.now() / 1000 - Number(seconds)) < 300
  const mac = createHmac('sha256', secret).update(`${id}.${seconds}.`).update(body).digest('base64')
  const wanted = Buffer.from(`v1,${mac}`)
  return String(headers['webhook-signature'])
    .split(' ')
    .some((one) => one.length === wanted.length && timingSafeEqual(Buffer.from(one), wanted) && fresh)
}

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks) // the bytes as they came: parse them only after the check
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end()
  const id = String(request.headers['webhook-id'])
  if (!seen.has(id)) {
    seen.add(id)
    const { event_name, data } = JSON.parse(body.toString('utf8'))
    console.log(event_name, Object.keys(data).join())
  }
  response.writeHead(204).end() // any 2xx; answer first, work afterwards
})
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => console.log('listening', server.address()))
