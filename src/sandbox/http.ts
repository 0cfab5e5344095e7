/** The smallest HTTP that the practice needs: JSON in and out, a key, paths with ids. On the loopback address only. */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { asBody, type Body } from './body.ts'
import { Refusal } from './refusal.ts'
import type { Json } from './rows.ts'

const BODY_MAX = 64 * 1024

export interface Call {
  /** What stood in the path's places, in order. */
  parts: string[]
  query: URLSearchParams
  body: Body
}

export interface Answer {
  status: number
  json: Json
  headers?: Record<string, string>
  /** Milliseconds to wait before it leaves. */
  waitMs?: number
  /** How it leaves: whole unless said otherwise; the other ways are faults. */
  wire?: 'cut' | 'silent' | 'torn' | 'twice'
}

/** Stands between a call and its handler; `name` is the call's method and path. */
export type Between = (name: string, call: Call, handle: (call: Call) => Answer) => Answer

/** `GET /visits/:` and the like; `:` stands for one part of the path. */
export type Routes = Record<string, (call: Call) => Answer>

interface Route {
  method: string
  path: string[]
  handle: (call: Call) => Answer
}

function compile(routes: Routes): Route[] {
  return Object.entries(routes).map(([name, handle]) => {
    const [method = '', path = ''] = name.split(' ')
    return { method, path: path.split('/'), handle }
  })
}

function fits(route: Route, path: string[]): boolean {
  return (
    route.path.length === path.length && route.path.every((part, at) => part === ':' || part === path[at])
  )
}

async function readBody(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = []
  let size = 0
  // Leaving the loop must not destroy the connection that carries the refusal.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > BODY_MAX) throw new Refusal(413, 'too_large', 'The body is larger than 64 KiB.')
    chunks.push(chunk)
  }
  if (size === 0) return {}
  try {
    return asBody(JSON.parse(Buffer.concat(chunks).toString('utf8')))
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(400, 'broken_json', 'The body is not JSON.')
  }
}

function sameKey(given: string | string[] | undefined, key: string): boolean {
  const one = Buffer.from(typeof given === 'string' ? given : '')
  const other = Buffer.from(key)
  return one.length === other.length && timingSafeEqual(one, other)
}

async function answer(request: IncomingMessage, { routes, key, between }: Listening): Promise<Answer> {
  if (!sameKey(request.headers['x-practice-key'], key)) {
    throw new Refusal(401, 'bad_key', 'The header x-practice-key is missing or wrong.')
  }
  const url = URL.parse(request.url ?? '/', 'http://practice')
  if (url === null) throw new Refusal(400, 'bad_path', 'The path is not readable.')
  const path = url.pathname.split('/')
  const here = routes.filter((route) => fits(route, path))
  const route = here.find((one) => one.method === request.method)
  if (route === undefined) {
    if (here.length > 0) throw new Refusal(405, 'bad_method', 'This path does not take this method.')
    throw new Refusal(404, 'no_such_path', 'There is no such path.')
  }
  const parts = path.filter((_, at) => route.path[at] === ':').map((part) => decodeURIComponent(part))
  const call = { parts, query: url.searchParams, body: await readBody(request) }
  return between(`${request.method} ${url.pathname}`, call, route.handle)
}

function refuse(error: unknown): Answer {
  if (error instanceof Refusal) {
    return { status: error.status, json: { reason: error.reason, sentence: error.message, ...error.more } }
  }
  if (error instanceof URIError) {
    return { status: 400, json: { reason: 'bad_path', sentence: 'The path is not readable.' } }
  }
  return { status: 500, json: { reason: 'fault', sentence: 'The practice stumbled over its own feet.' } }
}

async function send(
  response: ServerResponse,
  { status, json, headers, waitMs, wire }: Answer,
): Promise<void> {
  if (waitMs !== undefined) await sleep(waitMs)
  if (wire === 'silent') return
  if (wire === 'cut') {
    response.destroy()
    return
  }
  const bytes = Buffer.from(JSON.stringify(json))
  const length = { 'content-type': 'application/json', 'content-length': bytes.length }
  response.writeHead(status, { ...length, ...headers })
  if (wire === 'torn') {
    response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy())
    return
  }
  const { socket } = response
  response.end(bytes, () => {
    if (wire === 'twice')
      socket?.write(`HTTP/1.1 ${status} OK\r\ncontent-length: ${bytes.length}\r\n\r\n${bytes}`)
  })
}

interface Listening {
  routes: Route[]
  key: string
  between: Between
}

/** Listens on 127.0.0.1; the promise ends when connections are accepted. */
export async function listen(
  port: number,
  key: string,
  routes: Routes,
  between: Between = (_, call, handle) => handle(call),
): Promise<Server> {
  const listening = { routes: compile(routes), key, between }
  const server = createServer({ requestTimeout: 30_000 }, (request, response) => {
    answer(request, listening)
      .catch(refuse)
      .then((result) => send(response, result))
      .catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return server
}
