/** `webhooks listen`: a receiver on this machine that subscribes to everything, checks each signature and prints a line. */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Failure } from '../model/failures.ts'
import { nexSignature, standardSignature } from '../webhooks/sign.ts'
import type { Command, Input, Terminal } from './command.ts'
import { readDemoFile } from './demo-file.ts'
import { listenForStop, whenAborted } from './signals.ts'

const TIMEOUT_MS = 10_000
/** What a newcomer wants to see: NexHealth's events that we tell, and ours. */
const everything: [string, string][] = [
  ['Appointment', 'appointment_accepted'],
  ['Appointment', 'appointment_insertion'],
  ['Appointment', 'appointment_insertion.delayed'],
  ['Appointment', 'appointment_created'],
  ['Appointment', 'appointment_updated'],
  ['Appointment', 'conflict_detected'],
  ['Patient', 'patient_created'],
  ['Patient', 'patient_updated'],
  ['Patient', 'patient_merged'],
  ['SyncStatus', 'sync_status_read_change'],
  ['SyncStatus', 'sync_status_write_change'],
  ['DataSource', 'data_source_loaded'],
]

export const listenCommand: Command = {
  name: 'webhooks listen',
  about: 'Receive webhooks here, verify their signatures and print them, until Ctrl-C',
  options: {
    port: {
      type: 'string',
      value: '<port>',
      about: 'Port to receive on, on 127.0.0.1 (default: any free one)',
    },
    url: { type: 'string', value: '<url>', about: 'Server (default: SLOTBRIDGE_URL, else the demo)' },
    subdomain: { type: 'string', value: '<subdomain>', about: "Institution (default: the demo's)" },
    event: { type: 'string', value: '<event>', multiple: true, about: 'Only these events (default: all)' },
    body: { type: 'boolean', about: 'Print bodies too: they hold what patients are told by' },
  },
  details: [
    'Makes an endpoint for as long as it runs and takes it away at the end. The server must allow loopback: the demo does,',
    'serve does with SLOTBRIDGE_WEBHOOK_ALLOW=loopback. The key comes from SLOTBRIDGE_API_KEY, else from the demo.',
  ].join('\n'),
  run,
}

async function run(input: Input): Promise<number> {
  const { terminal, values } = input
  using signals = listenForStop()
  const api = await openApi(input)
  let secret = ''
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const checked = check(secret, request.headers, body)
    response.writeHead(checked === null ? 200 : 401).end()
    tell(terminal, { headers: request.headers, body, wrong: checked, whole: values.flag('body') })
  })
  const port = await listen(server, values.whole('port', 0, 65_535) ?? 0)
  try {
    const endpoint = await api.call('POST', '/webhook_endpoints', { target_url: `http://127.0.0.1:${port}/` })
    secret = String(endpoint.secret_key)
    try {
      const wanted = values.list('event')
      for (const [resource_type, event] of everything)
        if (wanted.length === 0 || wanted.includes(event))
          await api.call(
            'POST',
            `/webhook_endpoints/${endpoint.id}/webhook_subscriptions?subdomain=${api.subdomain}`,
            {
              resource_type,
              event,
            },
          )
      terminal.say(
        `Listening on http://127.0.0.1:${port}/ for ${api.subdomain} (endpoint ${endpoint.id}). Ctrl-C ends.`,
      )
      await whenAborted(signals.asked)
    } finally {
      await api.call('DELETE', `/webhook_endpoints/${endpoint.id}`)
    }
  } finally {
    server.closeAllConnections()
    server.close()
  }
  return 0
}

/** What is wrong with the signatures; null where both verify. */
function check(secret: string, headers: IncomingHttpHeaders, body: Buffer): string | null {
  const header = (name: string) => String(headers[name] ?? '')
  const standard = standardSignature(secret, header('webhook-id'), Number(header('webhook-timestamp')), body)
  const isStandard = header('webhook-signature')
    .split(' ')
    .some((one) => same(one, standard))
  if (!same(header('signature'), nexSignature(secret, header('timestamp'), body))) return 'signature'
  return isStandard ? null : 'webhook-signature'
}

function same(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}

interface Arrived {
  headers: IncomingHttpHeaders
  body: Buffer
  wrong: string | null
  whole: boolean
}

function tell({ say }: Terminal, { headers, body, wrong, whole }: Arrived): void {
  const verdict = wrong === null ? 'signatures verified' : `header ${wrong} DOES NOT VERIFY`
  const told = JSON.parse(body.toString('utf8')) as { event_name: string; event_time: string; data: object }
  const time = told.event_time.slice(11, 19)
  say(`${time}  ${told.event_name.padEnd(30)}  ${subjectOf(told.data)}  ${headers['webhook-id']}  ${verdict}`)
  if (whole) say(JSON.stringify(told, null, 2))
}

/** Such as `appointment 17`; nothing that tells of a person. */
function subjectOf(data: object): string {
  for (const [noun, value] of Object.entries(data)) {
    const one = Array.isArray(value) ? value[0] : value
    if (typeof one === 'object' && one !== null && 'id' in one) return `${noun.replace(/s$/, '')} ${one.id}`
  }
  return 'sync status'
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}

interface Api {
  subdomain: string
  call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
}

async function openApi({ config, values }: Input): Promise<Api> {
  const demo = readDemoFile(config.dataDir)
  const url = values.text('url') ?? config.url ?? demo?.url
  const key = config.apiKey ?? (demo?.url === url ? demo?.api_key : undefined)
  const subdomain = values.text('subdomain') ?? demo?.subdomain
  if (!url || !key || !subdomain)
    throw new Failure(
      'invalid_request',
      `No demo runs on ${config.dataDir}: give --url, --subdomain and SLOTBRIDGE_API_KEY, or start ./slotbridge demo.`,
    )
  const send = async (method: string, path: string, authorization: string, body?: unknown) => {
    const answer = await fetch(new URL(path, url), {
      method,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (answer.status === 204) return {}
    const { data, error } = (await answer.json()) as { data: Record<string, unknown>; error: string[] | null }
    if (!answer.ok) throw new Failure('invalid_request', error ?? [`The server answers ${answer.status}.`])
    return data
  }
  // An hour's token would run out under a receiver that listens longer.
  const token = async () => `Bearer ${(await send('POST', '/authenticates', key)).token}`
  return { subdomain, call: async (method, path, body) => await send(method, path, await token(), body) }
}
