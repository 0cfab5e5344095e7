/** `call`: one authenticated request, for people who try the API from a terminal. */
import { readFileSync } from 'node:fs'
import { Failure } from '../model/failures.ts'
import type { Command, Input } from './command.ts'
import { readDemoFile } from './demo-file.ts'

/** A request may wait for the database's lock, but not for ever. */
const TIMEOUT_MS = 30_000
const VERSIONS = ['v2', 'v20240412', 'v3.0.0']
const METHODS = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']

export const call: Command = {
  name: 'call',
  about: 'Send one authenticated request and print the answer as JSON',
  positionals: ['<method>', '<path>', '[body]'],
  options: {
    url: {
      type: 'string',
      value: '<url>',
      about: 'Server (default: SLOTBRIDGE_URL, else the demo of the data directory)',
    },
    'key-file': {
      type: 'string',
      value: '<file>',
      about: 'File that holds the API key, - for standard input (default: SLOTBRIDGE_API_KEY, else the demo)',
    },
    version: {
      type: 'string',
      value: '<version>',
      about: 'Nex-Api-Version: v2 (default), v20240412 or v3.0.0',
    },
    pick: {
      type: 'string',
      value: '<path>',
      about: 'Print only this part of the answer, such as data.appt.id',
    },
    include: { type: 'boolean', about: 'Print the status line too, on standard error' },
  },
  details: [
    "The demo's subdomain is added to the path where it names none. The body is JSON, or - for standard input.",
    'Exit code 0 for an answer below 400, 1 for any other.',
    '',
    '  ./slotbridge call GET /locations',
    '  ./slotbridge call PATCH /appointments/17 \'{"appt":{"confirmed":true}}\'',
  ].join('\n'),
  run,
}

async function run({ config, terminal, values, positionals }: Input): Promise<number> {
  const [method = '', path = '', given] = positionals
  const verb = method.toUpperCase()
  if (!METHODS.includes(verb))
    throw new Failure('invalid_request', `${method} is no method: ${METHODS.join(', ')}.`)
  const version = values.text('version') ?? 'v2'
  if (!VERSIONS.includes(version))
    throw new Failure('invalid_request', `--version must be one of ${VERSIONS.join(', ')}.`)
  const demo = readDemoFile(config.dataDir)
  const url = values.text('url') ?? config.url ?? demo?.url
  if (!url)
    throw new Failure(
      'invalid_request',
      `No demo runs on ${config.dataDir}: give --url and --key-file, or start ./slotbridge demo.`,
    )
  const target = new URL(path.replace(/^\/*/, '/'), url)
  if (demo?.url === url && !target.searchParams.has('subdomain'))
    target.searchParams.set('subdomain', demo.subdomain)
  const key = await findKey(
    values.text('key-file'),
    config.apiKey ?? (demo?.url === url ? demo.api_key : null),
    terminal,
  )
  const body = given === '-' ? await terminal.readInput() : given
  const token = await authenticate(url, key)
  const answer = await send(target, {
    method: verb,
    headers: {
      authorization: `Bearer ${token}`,
      'nex-api-version': version,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  })
  if (values.flag('include')) terminal.note(`${answer.status} ${answer.statusText}`)
  terminal.say(show(await answer.text(), values.text('pick')))
  return answer.ok ? 0 : 1
}

async function findKey(
  file: string | undefined,
  known: string | null | undefined,
  terminal: Input['terminal'],
): Promise<string> {
  const key =
    file === undefined ? known : file === '-' ? await terminal.readInput() : readFileSync(file, 'utf8')
  if (!key?.trim())
    throw new Failure('invalid_request', 'No API key: give --key-file or set SLOTBRIDGE_API_KEY.')
  return key.trim()
}

async function authenticate(url: string, key: string): Promise<string> {
  const answer = await send(new URL('/authenticates', url), {
    method: 'POST',
    headers: { authorization: key },
  })
  const body: unknown = await answer.json().catch(() => null)
  const token = pick(body, 'data.token')
  if (typeof token !== 'string')
    throw new Failure('unauthenticated', `The server does not know this key (${answer.status}).`)
  return token
}

async function send(url: URL, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...request, signal: AbortSignal.timeout(TIMEOUT_MS) })
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    throw new Failure('unavailable', `${url.origin} does not answer: ${cause}.`)
  }
}

/** The answer indented, or the part that was asked for as it is. */
function show(text: string, path: string | undefined): string {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return text
  }
  if (path === undefined) return JSON.stringify(body, null, 2)
  const part = pick(body, path)
  if (part === undefined) return JSON.stringify(body, null, 2)
  return typeof part === 'string' ? part : JSON.stringify(part)
}

/** `data.appt.id` in a JSON value; undefined where there is no such thing. */
function pick(value: unknown, path: string): unknown {
  let part = value
  for (const name of path.split('.')) {
    if (typeof part !== 'object' || part === null) return undefined
    part = (part as Record<string, unknown>)[name]
  }
  return part
}
