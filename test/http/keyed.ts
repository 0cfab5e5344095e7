/** A served practice, and a client that sends bodies as they are and compares answers by their bytes. */
import { expect } from 'vitest'
import { ahead, type Served, serve } from './served.ts'

export interface Sent {
  status: number
  text: string
  type: string | null
  replayed: boolean
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back
  body: any
}

export interface More {
  version?: string
  bearer?: string
  method?: string
}

export interface Keyed extends AsyncDisposable {
  s: Served
  /** `?subdomain=…&location_id=…` */
  base: string
  /** @param key the Idempotency-Key; null sends none */
  send(path: string, key: string | null, body: unknown, more?: More): Promise<Sent>
  /** Sends a body twice under a new key, once more to see that a replay replays. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back
  twice(path: string, body: object): Promise<{ first: any; again: any }>
  book(key: string | null, start: string, more?: More, appt?: object): Promise<Sent>
  visit(start: string, more?: object): { appt: Record<string, unknown> }
  /** A start that no other test takes. */
  free(): string
  newKey(): string
  countAt(start: string): Promise<number>
}

export async function openKeyed(): Promise<Keyed> {
  const s = await serve()
  const base = `?subdomain=${s.subdomain}&location_id=${s.locationId}`
  let day = 2
  let keys = 0
  const keyed: Keyed = {
    s,
    base,
    async send(path, key, body, more = {}) {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const answer = await fetch(s.url + path, {
        method: more.method ?? 'POST',
        headers: {
          authorization: more.bearer ?? `Bearer ${s.token}`,
          'content-type': 'application/json',
          ...(key !== null && { 'idempotency-key': key }),
          ...(more.version && { 'nex-api-version': more.version }),
        },
        ...(body === undefined ? {} : { body: text }),
      })
      const read = await answer.text()
      return {
        status: answer.status,
        text: read,
        type: answer.headers.get('content-type'),
        replayed: answer.headers.get('idempotency-replayed') === 'true',
        body: read === '' ? null : JSON.parse(read),
      }
    },
    async twice(path, body) {
      const key = keyed.newKey()
      const [first, again] = [await keyed.send(path, key, body), await keyed.send(path, key, body)]
      expect([first.replayed, again.replayed, again.status]).toEqual([false, true, first.status])
      expect(await keyed.send(path, key, body)).toEqual(again)
      return { first: first.body, again: again.body }
    },
    book: (key, start, more = {}, appt = {}) =>
      keyed.send(`/appointments${base}`, key, keyed.visit(start, appt), more),
    visit: (start, more = {}) => ({
      appt: {
        patient_id: s.patientId,
        provider_id: s.providerId,
        operatory_id: s.operatoryId,
        start_time: start,
        appointment_type_id: s.typeId,
        ...more,
      },
    }),
    free: () => ahead(day++),
    newKey: () => `key-${++keys}`,
    countAt: async (start) =>
      (await s.t.look('select id from appointments where starts_at = $1', [start])).length,
    [Symbol.asyncDispose]: () => s[Symbol.asyncDispose](),
  }
  return keyed
}
