/** The API of a running server, as a client of its own process sees it. */

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the wire holds
  body: any
}

export interface Client {
  get(path: string): Promise<Answer>
  post(path: string, body: unknown): Promise<Answer>
  patch(path: string, body: unknown): Promise<Answer>
}

export interface ClientOptions {
  url: string
  api_key: string
  subdomain: string
  version?: string
}

/** A client that exchanged its key; `subdomain` is added to each path. */
export async function openClient({
  url,
  api_key,
  subdomain,
  version = 'v2',
}: ClientOptions): Promise<Client> {
  const exchanged = await fetch(new URL('/authenticates', url), {
    method: 'POST',
    headers: { authorization: api_key },
  })
  const { data } = (await exchanged.json()) as { data: { token: string } }
  const send = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const target = new URL(path, url)
    target.searchParams.set('subdomain', subdomain)
    const answer = await fetch(target, {
      method,
      headers: {
        authorization: `Bearer ${data.token}`,
        'nex-api-version': version,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: await answer.json() }
  }
  return {
    get: (path) => send('GET', path),
    post: (path, body) => send('POST', path, body),
    patch: (path, body) => send('PATCH', path, body),
  }
}
