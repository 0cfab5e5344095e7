import { expect, it } from 'vitest'
import { openApiDocument } from '../../src/http/openapi.ts'
import { allRoutes } from '../../src/http/routes/all.ts'

type Json = { [key: string]: unknown }
const document = openApiDocument() as {
  openapi: string
  paths: Record<
    string,
    Record<string, { operationId: string; parameters: { name: string; in: string }[]; responses: Json }>
  >
  components: { schemas: Json }
}

it('describes every route that is served, and is the same each time', () => {
  for (const route of allRoutes)
    expect(document.paths[route.path]?.[route.method.toLowerCase()]).toBeDefined()
  expect(document.openapi).toBe('3.1.0')
  expect(JSON.stringify(openApiDocument())).toBe(JSON.stringify(document))
})

it('points only to schemas that are there, and uses each', () => {
  const text = JSON.stringify(document)
  const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1])
  expect(new Set(references)).toEqual(new Set(Object.keys(document.components.schemas)))
})

it('gives one title to one shape only', () => {
  const seen = new Map<string, string>()
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const { title, type, ...rest } = value as Json
    if (typeof title === 'string') {
      const shape = JSON.stringify(rest)
      expect([title, seen.get(title) ?? shape]).toEqual([title, shape])
      seen.set(title, shape)
    }
    for (const inner of Object.values(value)) walk(inner)
  }
  for (const route of allRoutes) for (const schema of [route.data, route.query, route.body]) walk(schema)
})

it('answers both versions of a path under their own content types, with operation ids of their own', () => {
  const { get } = document.paths['/appointments'] ?? {}
  const { content } = (get?.responses['200'] ?? {}) as { content: object }
  expect(Object.keys(content).sort()).toEqual([
    'application/json',
    'application/vnd.Nexhealth+json;version=2',
  ])
  const names = get?.parameters.map((parameter) => parameter.name)
  expect(names).toEqual(
    expect.arrayContaining(['subdomain', 'start', 'provider_ids[]', 'patient_ids[]', 'include[]']),
  )
  const ids = Object.values(document.paths).flatMap((path) =>
    Object.values(path).map((one) => one.operationId),
  )
  expect(new Set(ids).size).toBe(ids.length)
})

it('shows refusals under every type they come in, and the version as a header, required where v3 alone has the path', () => {
  const both = ['application/json', 'application/vnd.Nexhealth+json;version=2']
  for (const [path, method, types, isRequired] of [
    ['/appointments', 'get', both, false],
    ['/availabilities', 'post', both, false],
    ['/working_hours', 'post', ['application/json'], true],
    ['/slot_holds', 'post', ['application/json'], false],
  ] as const) {
    const operation = document.paths[path]?.[method]
    const { content } = (operation?.responses.default ?? {}) as { content: object }
    expect([path, Object.keys(content).sort()]).toEqual([path, types])
    const header = operation?.parameters.find((one) => one.name === 'Nex-Api-Version')
    expect([path, header]).toMatchObject([path, { in: 'header', required: isRequired }])
  }
})

it('shows the status of what has no body, and both of what may be there already', () => {
  const statuses = (path: string, method: string) =>
    Object.keys(document.paths[path]?.[method]?.responses ?? {})
  expect(statuses('/patients', 'post')).toEqual(['200', '201', 'default'])
  expect(statuses('/slot_holds', 'post')).toEqual(['201', 'default'])
  // What these answer is 204: see the tests of each.
  for (const path of [
    '/slot_holds/{id}',
    '/working_hours/{id}',
    '/availabilities/{id}',
    '/webhook_endpoints/{id}',
  ])
    expect([path, document.paths[path]?.delete?.responses['204']]).toEqual([path, { description: 'Done' }])
})

it('names every placeholder of a path as a parameter', () => {
  for (const [path, methods] of Object.entries(document.paths))
    for (const operation of Object.values(methods)) {
      const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
      const named = operation.parameters.filter((one) => one.in === 'path').map((one) => one.name)
      expect([path, named]).toEqual([path, placeholders])
    }
})

it('holds nothing that could be a key, and shows a secret only where it is made', () => {
  const text = JSON.stringify(document)
  // A key of ours, 32 bytes in base64 or hexadecimal, a token.
  expect(text.match(/sb_[\w-]{20,}|[A-Za-z0-9+/]{43}=|[0-9a-f]{64}|eyJ[\w-]{10,}/g)).toBeNull()
  const names = (value: unknown): string[] =>
    typeof value !== 'object' || value === null
      ? []
      : Object.entries(value).flatMap(([name, inner]) => [
          ...(name === 'properties' && inner ? Object.keys(inner) : []),
          ...names(inner),
        ])
  const isSecret = (name: string) =>
    /secret|password|private|^(api_)?key$|token|sealed|configuration/.test(name)
  // Of these every answer but the one that makes it holds null (test/http/set-up.test.ts, webhooks.test.ts).
  const shown = new Set(
    allRoutes.flatMap(({ path, data }) =>
      names(data)
        .filter(isSecret)
        .map((name) => `${path.split('/')[1]} ${name}`),
    ),
  )
  expect([...shown].sort()).toEqual([
    'api_keys key',
    'webhook_endpoints secret_key',
    'webhook_endpoints standard_webhooks_secret',
  ])
})
