/** Plain FHIR REST for the peers' own acts: nothing of the connector is used, so that it can be judged by it. */

export interface Resource {
  resourceType: string
  id?: string | undefined
  meta?: { versionId?: string; lastUpdated?: string }
  [key: string]: unknown
}

export interface Bundle {
  total?: number
  link?: { relation: string; url: string }[]
  entry?: { resource?: Resource; response?: { status: string } }[]
}

/** One request; throws with the status and the answer's beginning where it is not a success. */
export async function call<T = Resource>(
  base: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const answer = await fetch(path === '' ? base : `${base}/${path}`, {
    method,
    headers: { accept: 'application/fhir+json', 'content-type': 'application/fhir+json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`)
  return (text === '' ? {} : JSON.parse(text)) as T
}

/** The resource as it stands, null where it was never there or was deleted. */
export async function read(base: string, path: string): Promise<Resource | null> {
  const answer = await fetch(`${base}/${path}`, { headers: { accept: 'application/fhir+json' } })
  const text = await answer.text()
  if (answer.status === 404 || answer.status === 410) return null
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${text.slice(0, 300)}`)
  return JSON.parse(text) as Resource
}

/** Reads, changes and puts back under `If-Match`. */
export async function edit(
  base: string,
  path: string,
  change: (resource: Resource) => void,
): Promise<Resource> {
  const resource = await read(base, path)
  if (resource === null) throw new Error(`${path} is not there`)
  change(resource)
  return call(base, 'PUT', path, resource, { 'if-match': `W/"${resource.meta?.versionId}"` })
}

/** Puts resources in transactions of at most 250, two at a time; they may not refer to each other across transactions. */
export async function putAll(
  base: string,
  resources: Resource[],
  told?: (done: number) => void,
): Promise<void> {
  let next = 0
  let done = 0
  const lane = async () => {
    while (next < resources.length) {
      const some = resources.slice(next, next + 250)
      next += some.length
      const entry = some.map((resource) => ({
        resource,
        request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
      }))
      await call(base, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
      done += some.length
      told?.(done)
    }
  }
  await Promise.all([lane(), lane()])
}
