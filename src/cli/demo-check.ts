/** Whether every route of a demo answers: only then may others rely on it. */
import type { DemoFile } from './demo-file.ts'

const TIMEOUT_MS = 10_000

/** @throws Error naming the route that does not answer */
export async function checkRoutes(demo: DemoFile): Promise<void> {
  const token = await authenticate(demo)
  const { subdomain, location_id, provider_id, operatory_id, patient_id, appointment_type_id } = demo
  const at = `subdomain=${subdomain}&location_id=${location_id}`
  const [first = ''] = demo.free_starts
  const day = first.slice(0, 10)
  const paths = [
    '/readyz',
    '/openapi.json',
    '/docs',
    `/institutions?${at}`,
    `/locations?${at}`,
    `/providers?${at}`,
    `/operatories?${at}`,
    `/patients?${at}`,
    `/appointment_types?${at}`,
    `/appointment_categories?${at}`,
    `/data_sources?${at}`,
    '/api_keys',
    `/institutions/${demo.institution_id}`,
    `/locations/${location_id}`,
    `/providers/${provider_id}?${at}`,
    `/operatories/${operatory_id}?${at}`,
    `/patients/${patient_id}?${at}`,
    `/appointment_types/${appointment_type_id}?${at}`,
    `/appointments?${at}&start=${day}&end=${day}`,
    `/locations/${location_id}/appointment_descriptors?${at}`,
    `/procedures?${at}&patient_id=${patient_id}`,
    `/sync_status?${at}`,
    `/capabilities?${at}`,
    `/events?${at}`,
  ]
  await Promise.all(
    paths.map(async (path) => {
      const { ok, status, text } = await get(demo.url, path, token)
      if (!ok) throw new Error(`The server answers ${status} to GET ${path}: ${text}`)
    }),
  )
}

async function authenticate({ url, api_key }: DemoFile): Promise<string> {
  const answer = await fetch(new URL('/authenticates', url), {
    method: 'POST',
    headers: { authorization: api_key },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const { data } = (await answer.json()) as { data?: { token?: string } }
  if (!data?.token) throw new Error(`The server answers ${answer.status} to POST /authenticates.`)
  return data.token
}

async function get(url: string, path: string, token: string) {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(new URL(path, url), { headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
  return { ok: answer.ok, status: answer.status, text: await answer.text() }
}
