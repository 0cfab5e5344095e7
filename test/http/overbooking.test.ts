/** How many may share a time: the location's policy, for slots, holds and bookings alike. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { at, type BusyMonday, block, monday, serveMonday } from './busy-monday.ts'
import type { Served } from './served.ts'

let m: BusyMonday
let s: Served

beforeAll(async () => {
  m = await serveMonday()
  s = m.s
})
afterAll(async () => await m?.[Symbol.asyncDispose]())
beforeEach(async () => await m.clear())

const slots = async (more: object = {}) => {
  const { body } = await s.ask('GET', '/available_slots', {
    version: 'v3.0.0',
    query: {
      subdomain: s.subdomain,
      lids: [s.locationId],
      pids: [s.providerId],
      operatory_ids: [s.operatoryId],
      start_date: monday,
      days: 1,
      slot_length: 30,
      ...more,
    },
  })
  const times = body.data[0].slots.map((slot: { time: string }) => slot.time.slice(11, 16))
  return { times, description: body.description }
}

describe('the policy of a location', () => {
  it('is strict unless it is set, and shown with what it counts', async () => {
    const shown = async () => (await s.ask('GET', '/capabilities', { query: m.base() })).body.data.overbooking
    expect(await shown()).toEqual({ policy: 'strict', operatory_limit: null, provider_limit: null })
    const settings = await m.policy({ overbooking: 'limit', operatory_limit: 2, provider_limit: 3 })
    expect(settings).toMatchObject({ overbooking: 'limit', operatory_limit: 2, provider_limit: 3 })
    expect(await shown()).toEqual({ policy: 'limit', operatory_limit: 2, provider_limit: 3 })
    for (const wrong of [{ overbooking: 'some' }, { operatory_limit: 0 }, { provider_limit: 101 }]) {
      const { status } = await s.ask('PATCH', `/locations/${s.locationId}`, { body: { location: wrong } })
      expect(status, JSON.stringify(wrong)).toBe(400)
    }
  })

  it('lets a limit in at one instant, and names all of the full instants to the next', async () => {
    await m.policy({ overbooking: 'limit', operatory_limit: 2, provider_limit: 9 })
    const first = await m.book('09:00', { end_time: at('10:00') })
    const second = await m.book('10:00', { end_time: at('11:00') })
    // Overlaps both, and is never with more than one of them.
    const long = await m.book('09:30', { end_time: at('10:30') })
    expect([first.status, second.status, long.status]).toEqual([201, 201, 201])
    const refused = await m.book('09:45', { end_time: at('10:15') })
    expect(refused.status).toBe(400)
    expect(refused.error.map((one) => /appointment (\d+)/.exec(one)?.[1])).toEqual(
      [first, second, long].map(({ id }) => String(id)),
    )
    expect(await m.statuses(['09:00', '10:30'])).toEqual([201, 201])
    expect(await m.statuses(['09:00', '10:30'])).toEqual([400, 400])
  })

  it('counts a provider over operatories under a limit, and not under strict', async () => {
    await m.policy({ overbooking: 'limit', operatory_limit: 9, provider_limit: 1 })
    expect(await m.statuses(['09:00'])).toEqual([201])
    const other = { operatory_id: s.otherOperatoryId }
    expect(await m.statuses(['09:00'], other)).toEqual([400])
    expect((await slots({ operatory_ids: [s.otherOperatoryId] })).times).not.toContain('09:00')
    await m.policy({ overbooking: 'strict' })
    expect((await slots({ operatory_ids: [s.otherOperatoryId] })).times).toContain('09:00')
    expect(await m.statuses(['09:00'], other)).toEqual([201])
  })

  it('open takes any number; a block is shared under none', async () => {
    await m.policy({ overbooking: 'open' })
    expect(await m.statuses(['09:00', '09:00', '09:00', '09:00'])).toEqual([201, 201, 201, 201])
    expect((await m.book('09:00', block)).status).toBe(400)
    expect((await m.book('10:00', block)).status).toBe(201)
    expect(await m.statuses(['10:00'])).toEqual([400])
    expect((await slots()).times).toEqual(['09:00', '09:30', '10:30', '11:00', '11:30'])
    await m.policy({ overbooking: 'limit', operatory_limit: 9, provider_limit: 9 })
    expect(await m.statuses(['10:00'])).toEqual([400])
  })

  it('is the same for slots, holds, bookings and explain', async () => {
    await m.policy({ overbooking: 'limit', operatory_limit: 2, provider_limit: 9 })
    const hold = async (time: string) =>
      (
        await s.ask('POST', '/slot_holds', {
          query: m.base(),
          body: {
            slot_hold: {
              provider_id: s.providerId,
              operatory_id: s.operatoryId,
              start_time: at(time),
              end_time: at('10:00'),
            },
          },
        })
      ).status
    const explained = async () => {
      const { body } = await s.ask('GET', '/available_slots/explain', {
        query: {
          ...m.base(),
          provider_id: s.providerId,
          operatory_id: s.operatoryId,
          start_time: at('09:30'),
          slot_length: 30,
        },
      })
      return body.data.reasons.map(({ rule }: { rule: string }) => rule)
    }
    expect(await m.statuses(['09:30'])).toEqual([201])
    expect([(await slots()).times.includes('09:30'), await explained()]).toEqual([true, []])
    expect(await hold('09:30')).toBe(201)
    expect([(await slots()).times.includes('09:30'), await explained()]).toEqual([false, ['taken', 'taken']])
    expect([await hold('09:30'), ...(await m.statuses(['09:30']))]).toEqual([400, 400])
  })

  it('is narrowed by appointments_per_timeslot, and never widened', async () => {
    await m.policy({ overbooking: 'limit', operatory_limit: 3, provider_limit: 9 })
    const offered = async (appointments_per_timeslot: number) => {
      const { times, description } = await slots({ appointments_per_timeslot })
      return [times.includes('09:00'), description]
    }
    const per = (appointments_per_timeslot: number) => ({ appointments_per_timeslot })
    expect((await m.book('09:00', {}, per(1))).status).toBe(201)
    expect(await offered(1)).toEqual([false, null])
    expect((await m.book('09:00', {}, per(1))).status).toBe(400)
    expect(await offered(2)).toEqual([true, null])
    expect((await m.book('09:00', {}, per(2))).status).toBe(201)
    expect([await offered(2), (await slots()).times.includes('09:00')]).toEqual([[false, null], true])
    const third = await m.book('09:00', {}, per(5))
    const warning = `appointments_per_timeslot was taken as 3: location ${s.locationId} takes no more at a time (overbooking).`
    expect([third.status, third.body.description?.includes(warning)]).toEqual([201, true])
    expect(await offered(5)).toEqual([false, [warning]])
    expect((await m.book('09:00', {}, per(5))).status).toBe(400)
  })

  it('is not passed by bookings in several operatories at once, nor by a policy that changes meanwhile', async () => {
    await m.policy({ overbooking: 'limit', operatory_limit: 9, provider_limit: 2 })
    const rooms = [s.operatoryId, s.otherOperatoryId]
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, n) => m.book('09:00', { operatory_id: rooms[n % 2] })),
    )
    expect(all.filter(({ status }) => status === 201)).toHaveLength(2)
    expect(all.filter(({ status }) => status === 400)).toHaveLength(8)
    // Whoever holds the location's lock decides: the booking reads the policy under it.
    const client = await s.t.database.pool.connect()
    await client.query('begin')
    await client.query(
      `select set_config('role', 'slotbridge_app', true), set_config('app.institution_id', $1, true)`,
      [String(s.institutionId)],
    )
    await client.query(`update locations set overbooking = 'strict' where id = $1`, [s.locationId])
    const waiting = m.book('11:00')
    const other = m.book('11:00')
    await expect
      .poll(
        async () => {
          const [row] = await s.t.look(
            `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
          )
          return row.n
        },
        { timeout: 30_000 },
      )
      .toBe(2)
    await client.query('commit')
    client.release()
    expect([(await waiting).status, (await other).status].sort()).toEqual([201, 400])
  })
})
