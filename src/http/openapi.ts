/**
 * The OpenAPI 3.1 document, made from the routes' own schemas. A path that both versions have is one operation: the
 * answers stand under their content types, and parameters of one version alone say so. `docs/openapi.json` is this.
 */
import type { TSchema } from 'typebox'
import { ErrorEnvelope, envelopeOf } from '../model/wire-basics.ts'
import { JWKS_PATH } from './jwks.ts'
import { type Face, isTenantRoute, type Route } from './route.ts'
import { allRoutes } from './routes/all.ts'
import { V2_TYPE } from './versions/content-type.ts'

type Json = { [key: string]: unknown }

const typeOf = (face: Face) => (face === 'v2' ? V2_TYPE : 'application/json')

/** Builds the document. The same routes always give the same text. */
export function openApiDocument(): Json {
  const schemas: Json = {}
  const paths: Record<string, Json> = {}
  const byOperation = Map.groupBy(allRoutes, (route) => `${route.method} ${route.path}`)
  for (const routes of byOperation.values()) {
    const [first] = routes
    if (!first) continue
    const path = paths[first.path] ?? {}
    path[first.method.toLowerCase()] = operationOf(first, routes, schemas)
    paths[first.path] = path
  }
  paths['/authenticates'] = { post: authenticates }
  paths[JWKS_PATH] = { get: jwks(refused(['application/json'], schemas)) }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Slotbridge',
      version: '0.1.0',
      description:
        'Appointments kept in step, both ways, with the health record system of each practice. Nex-Api-Version (v2, v20240412, v3.0.0) chooses the version; without it, v2.',
    },
    security: [{ bearer: [] }],
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        key: { type: 'apiKey', in: 'header', name: 'Authorization' },
      },
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  }
}

function operationOf(first: Route, routes: Route[], schemas: Json): Json {
  const content: Json = {}
  for (const route of routes) {
    const schema = hoist(envelopeOf(route.data, route.paging ?? 'none'), schemas)
    content[typeOf(route.face)] = { schema }
  }
  const scope = first.scope ? `Needs the scope ${first.scope}.` : 'Any key.'
  return {
    summary: first.summary,
    description: scope,
    operationId: `${first.method.toLowerCase()}${first.path.replaceAll(/[^a-z]+/gi, '_')}`.replace(/_$/, ''),
    parameters: parametersOf(first, routes),
    ...(first.body && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: hoist(first.body, schemas) } },
      },
    }),
    responses: {
      [String(first.status ?? 200)]:
        first.status === 204 ? { description: 'Done' } : { description: 'Done', content },
      ...(first.also && { [String(first.also)]: { description: 'As it was already', content } }),
      // A refusal bears its route's type; what cannot be read, or is too much, is refused before there is a route.
      default: refused([...Object.keys(content), typeOf('ours')], schemas),
    },
  }
}

function refused(types: string[], schemas: Json): Json {
  const content = { schema: hoist(ErrorEnvelope, schemas) }
  return {
    description: 'Refused: one sentence for each thing wrong',
    content: Object.fromEntries(types.map((type) => [type, content])),
  }
}

function parametersOf(first: Route, routes: Route[]): Json[] {
  const parameters: Json[] = Object.entries(first.params?.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'path',
    required: true,
    schema: plain(schema),
  }))
  const names = [...new Set(routes.flatMap((route) => Object.keys(route.query?.properties ?? {})))]
  for (const name of names) {
    const having = routes.filter((route) => route.query?.properties[name] !== undefined)
    const schema = plain(having[0]?.query?.properties[name])
    const required =
      (name === 'subdomain' && isTenantRoute(first) && first.by === 'subdomain') ||
      having.every((route) => ((route.query as { required?: string[] }).required ?? []).includes(name))
    const only = having.length < routes.length ? { description: `${having[0]?.face} only` } : {}
    parameters.push({
      name: schema.type === 'array' ? `${name}[]` : name,
      in: 'query',
      required: required && having.length === routes.length,
      ...only,
      schema,
    })
  }
  if (first.method === 'POST' || first.method === 'PATCH') parameters.push(idempotencyKey)
  parameters.push(versionHeader(routes.every((route) => route.face === 'v3')))
  return parameters
}

/** A path that v3 alone has is not found without it. */
function versionHeader(isV3Only: boolean): Json {
  return {
    name: 'Nex-Api-Version',
    in: 'header',
    required: isV3Only,
    description: isV3Only
      ? 'Of v3 only'
      : 'Unless given, v2; what a version does not redefine is as in the one before',
    schema: { type: 'string', enum: isV3Only ? ['v20240412', 'v3.0.0'] : ['v2', 'v20240412', 'v3.0.0'] },
  }
}

const idempotencyKey: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Sent again with the same key within 24 hours, the request is answered as before and not carried out',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
}

/** A schema with every titled part moved to the components, so that one thing is described once. */
function hoist(schema: TSchema, schemas: Json): Json {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    const { title, ...rest } = value as Json
    const walked = Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, walk(inner)]))
    if (typeof title !== 'string') return walked
    // A nullable object keeps its own null: the component is the object.
    const nullable = Array.isArray(rest.type) && rest.type.includes('null')
    schemas[title] = nullable ? { ...walked, type: 'object' } : walked
    const reference = { $ref: `#/components/schemas/${title}` }
    return nullable ? { anyOf: [reference, { type: 'null' }] } : reference
  }
  return walk(plain(schema)) as Json
}

/** Without what TypeBox keeps for itself. */
function plain(schema: unknown): Json {
  return JSON.parse(JSON.stringify(schema ?? {})) as Json
}

/** What a record system's token endpoint asks for. */
function jwks(refusal: Json): Json {
  return {
    summary: 'The public keys that a data source signs in to its record system with, as a JWK Set',
    description: 'Needs no key. 404 where it signs in otherwise.',
    operationId: 'get_data_sources_id_jwks',
    security: [],
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer', minimum: 1 } }],
    responses: {
      '200': {
        description: 'The key that signs, and the one beside it',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: {
                keys: {
                  type: 'array',
                  minItems: 1,
                  items: {
                    type: 'object',
                    properties: Object.fromEntries(
                      ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use'].map((name) => [
                        name,
                        { type: 'string' },
                      ]),
                    ),
                    required: ['kty'],
                  },
                },
              },
              required: ['keys'],
            },
          },
        },
      },
      default: refusal,
    },
  }
}

const authenticates: Json = {
  summary: 'Exchanges an API key, sent raw in Authorization, for a bearer token of one hour',
  operationId: 'post_authenticates',
  security: [{ key: [] }],
  parameters: [],
  responses: {
    '201': {
      description: 'Authenticated',
      content: {
        [V2_TYPE]: {
          schema: {
            type: 'object',
            properties: {
              code: { type: 'boolean' },
              description: { type: 'string' },
              error: { type: 'array', items: { type: 'string' } },
              data: { type: 'object', properties: { token: { type: 'string' } }, required: ['token'] },
            },
          },
        },
      },
    },
    '401': { description: 'The key is unknown or revoked' },
  },
}
