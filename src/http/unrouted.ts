/** What no route answers: a path that is not there, or one that is, asked by a method it does not take (RFC 9110, 15.5.6). */
import type { FastifyRequest } from 'fastify'
import { Failure } from '../model/failures.ts'
import { JWKS_PATH } from './jwks.ts'
import { allRoutes } from './routes/all.ts'
import { chooseVersion } from './versions/choose.ts'

/** Paths beside the routes' frame, which every version has. */
const PLAIN = [
  { path: '/authenticates', method: 'POST' },
  { path: JWKS_PATH, method: 'GET' },
  ...['/livez', '/readyz', '/metrics', '/openapi.json', '/docs'].map((path) => ({ path, method: 'GET' })),
]

const known = [...allRoutes, ...PLAIN].map((route) => ({
  method: route.method,
  isPlain: !route.path.includes('{'),
  isV3Only: 'face' in route && route.face === 'v3',
  pattern: new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
}))

export interface Unrouted {
  failure: Failure
  /** Null where there is no such path. */
  allow: string | null
}

/** Says why, and for `Allow` which methods the path takes in the version asked for. */
export function unrouted(request: FastifyRequest): Unrouted {
  const fitting = routesAt(request)
  // A path of its own comes before one that takes any word there.
  const own = fitting.filter(({ isPlain }) => isPlain)
  if (fitting.length > 0) return refuse(own.length > 0 ? own : fitting)
  const { version, warnings } = chooseVersion(request.headers)
  if (version === 'v3' || !known.some(({ pattern }) => pattern.test(pathOf(request)))) return refuse([])
  // The commonest 404 of a client that forgot the header, or misspelt it (reference, 1.2).
  const why = 'This path is of version 3: send Nex-Api-Version: v3.0.0'
  return { failure: new Failure('not_found', ['Resource not found', ...warnings, why]), allow: null }
}

/** The same where a route was found that takes any word there, and the word is no id: only a path of its own counts. */
export function unroutedWord(request: FastifyRequest): Unrouted {
  return refuse(routesAt(request).filter(({ isPlain }) => isPlain))
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?')[0] ?? ''
}

function routesAt(request: FastifyRequest) {
  const path = pathOf(request)
  const { version } = chooseVersion(request.headers)
  return known.filter(({ isV3Only, pattern }) => (version === 'v3' || !isV3Only) && pattern.test(path))
}

function refuse(routes: { method: string }[]): Unrouted {
  const methods = routes.map(({ method }) => method)
  if (methods.length === 0) return { failure: new Failure('not_found', 'Resource not found'), allow: null }
  const allow = [
    ...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))),
  ].join(', ')
  return { failure: new Failure('method_not_allowed', `This path takes ${allow}`), allow }
}
