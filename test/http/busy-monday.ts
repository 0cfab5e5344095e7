/** A served practice with a provider in two operatories on Monday mornings, nine to twelve, and what a client asks of it. */
import { expect } from 'vitest'
import { type Served, serve } from './served.ts'

const zoneOn = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', timeZoneName: 'longOffset' })
const offsetOn = (ms: number) => zoneOn.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value

/** A Monday some weeks ahead, so that nothing of it is past; no clock changes within a week of it. */
export const monday = (() => {
  const week = 7 * 86_400_000
  const day = new Date(Date.now() + 30 * 86_400_000)
  day.setUTCDate(day.getUTCDate() + ((8 - day.getUTCDay()) % 7))
  while (offsetOn(day.getTime() - week) !== offsetOn(day.getTime() + week))
    day.setUTCDate(day.getUTCDate() + 7)
  return day.toISOString().slice(0, 10)
})()

/** Wall time of the location on that day. */
export const at = (time: string): string => `${monday}T${time}`

/** A block in place of a visit. */
export const block = { unavailable: true, patient_id: undefined }

export interface Booked {
  status: number
  id: number
  error: string[]
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back
  body: any
}

export interface BusyMonday extends AsyncDisposable {
  s: Served
  /** Query of the location's routes. */
  base(): { subdomain: string; location_id: number }
  /** Frees all time, and sets the policy back to strict. */
  clear(): Promise<void>
  /** Sets the location's policy, and answers its settings. */
  policy(location: object): Promise<Record<string, unknown>>
  /** A visit of the next of twenty patients, half an hour long. */
  visit(start: string, more?: object): object
  book(time: string, more?: object, top?: object): Promise<Booked>
  statuses(times: string[], more?: object): Promise<number[]>
  change(id: number, appt: object, key?: string): Promise<Booked>
}

export async function serveMonday(): Promise<BusyMonday> {
  const s = await serve()
  const base = () => ({ subdomain: s.subdomain, location_id: s.locationId })
  const made = await s.t.look(
    `insert into patients (institution_id, data_source_id, location_id, foreign_id, first_name, last_name, name_key, phone_keys,
       match_key)
     select institution_id, data_source_id, location_id, 'more' || n, 'Test' || n, 'Newcomer', 'test' || n, '{}', 'test' || n
     from patients, generate_series(1, 20) n returning id`,
  )
  for (const operatory_id of [s.operatoryId, s.otherOperatoryId]) {
    const times = { begin_time: '09:00', end_time: '12:00', days: ['Monday'] }
    const working_hour = { provider_id: s.providerId, operatory_id, ...times }
    const { status } = await s.ask('POST', '/working_hours', {
      query: base(),
      version: 'v3.0.0',
      body: { working_hour },
    })
    expect(status).toBe(201)
  }
  let next = 0
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back
  const booked = ({ status, body }: { status: number; body: any }): Booked => ({
    status,
    body,
    id: Number(body.data?.appt?.id ?? 0),
    error: body.error ?? [],
  })
  const monday: BusyMonday = {
    s,
    base,
    async clear() {
      for (const table of ['overrides', 'busy', 'slot_holds']) await s.t.look(`delete from ${table}`)
      // What stood before is none that a booking could be the same as.
      await s.t.look('update appointments set cancelled = true')
      await monday.policy({ overbooking: 'strict', operatory_limit: 1, provider_limit: 1 })
    },
    async policy(location) {
      const { status, body } = await s.ask('PATCH', `/locations/${s.locationId}`, { body: { location } })
      expect(status, JSON.stringify(body.error)).toBe(200)
      return body.data.settings
    },
    visit: (start_time, more = {}) => ({
      patient_id: Number(made[next++ % made.length].id),
      provider_id: s.providerId,
      operatory_id: s.operatoryId,
      start_time,
      ...more,
    }),
    book: async (time, more = {}, top = {}) =>
      booked(
        await s.ask('POST', '/appointments', {
          query: base(),
          body: { ...top, appt: monday.visit(at(time), more) },
        }),
      ),
    async statuses(times, more = {}) {
      const found = []
      for (const time of times) found.push((await monday.book(time, more)).status)
      return found
    },
    change: async (id, appt, key) =>
      booked(
        await s.ask('PATCH', `/appointments/${id}`, {
          query: { subdomain: s.subdomain },
          version: 'v3.0.0',
          body: { appt },
          ...(key ? { key } : {}),
        }),
      ),
    [Symbol.asyncDispose]: () => s[Symbol.asyncDispose](),
  }
  return monday
}
