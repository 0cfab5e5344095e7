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
  return refuse(own.length > 0 ? own : fitting)
}

/** The same where a route was found that takes any word there, and the word is no id: only a path of its own counts. */
export function unroutedWord(request: FastifyRequest): Unrouted {
  return refuse(routesAt(request).filter(({ isPlain }) => isPlain))
}

function routesAt({ url, headers }: FastifyRequest) {
  const path = url.split('?')[0] ?? ''
  const { version } = chooseVersion(headers)
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
