import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { SCOPES } from '../../src/model/wire-scopes.ts'
import { createKey } from '../../src/store/accounts.ts'
import { makePractice, type Served, serve } from './served.ts'

let s: Served
/** Another key of the same account. */
let otherKey: string
const start = (() => {
  const day = new Date(Date.now() + 20 * 86_400_000)
  day.setUTCHours(15, 0, 0, 0)
  return day.getTime()
})()
const at = (minutes: number) => new Date(start + minutes * 60_000).toISOString()

beforeAll(async () => {
  s = await serve()
  otherKey = (
    await inGlobal(s.t.database, (tx) =>
      createKey(tx, { accountId: s.accountId, name: 'other', scopes: SCOPES, institutionIds: null }),
    )
  ).key
})
afterAll(async () => {
  await s?.[Symbol.asyncDispose]()
})
afterEach(async () => {
  await s.t.moveClock(0)
  for (const table of ['busy', 'slot_holds']) await s.t.look(`delete from ${table}`)
  // All book the same: what a test has booked must not answer the next.
  await s.t.look('update appointments set cancelled = true')
})

const query = () => ({ subdomain: s.subdomain, location_id: s.locationId })
const place = () => ({ provider_id: s.providerId, operatory_id: s.operatoryId })
const hold = (fields: object = {}, key?: string) =>
  s.ask('POST', '/slot_holds', {
    query: query(),
    body: { slot_hold: { ...place(), start_time: at(0), end_time: at(30), ...fields } },
    ...(key ? { key } : {}),
  })
const book = (fields: object = {}, key?: string, headers: Record<string, string> = {}) =>
  s.ask('POST', '/appointments', {
    query: query(),
    headers,
    body: { appt: { ...place(), patient_id: s.patientId, start_time: at(0), ...fields } },
    ...(key ? { key } : {}),
  })
const release = (id: number, key?: string) => s.ask('DELETE', `/slot_holds/${id}`, key ? { key } : {})

describe('a hold', () => {
  it('takes the time for five minutes unless told otherwise, and then no longer', async () => {
    const { status, body } = await hold()
    expect(status).toBe(201)
    expect(body.data).toEqual({
      id: expect.any(Number),
      location_id: s.locationId,
      ...place(),
      appointment_type_id: null,
      start_time: at(0),
      end_time: at(30),
      expires_at: expect.any(String),
      created_at: expect.any(String),
    })
    expect(Date.parse(body.data.expires_at) - Date.parse(body.data.created_at)).toBe(5 * 60_000)
    const taken = await book({ start_time: at(15) })
    expect([taken.status, taken.body.error]).toEqual([
      400,
      [`The requested time is not available: hold ${body.data.id} is there from ${at(0)} to ${at(30)}.`],
    ])
    expect((await hold({ start_time: at(-15), end_time: at(15) }, otherKey)).status).toBe(400)
    await s.t.moveClock(5 * 60_000 + 1000)
    expect((await book()).status).toBe(201)
  })

  it('is let go by its key alone', async () => {
    const { id } = (await hold()).body.data
    expect((await release(id, otherKey)).status).toBe(404)
    const gone = await release(id)
    expect([gone.status, gone.body]).toEqual([204, ''])
    expect((await release(id)).status).toBe(404)
    expect((await book()).status).toBe(201)
  })

  it('is booked by its key within the booking, with its own length', async () => {
    const { id } = (await hold({ end_time: at(45) })).body.data
    const foreign = await book({ hold_id: id }, otherKey)
    expect([foreign.status, foreign.body.error]).toEqual([404, ['Slot hold not found']])
    const booked = await book({ hold_id: id })
    expect([booked.status, booked.body.data.appt.end_time]).toEqual([201, at(45)])
    expect(booked.body.description).toBeNull()
    const again = await book({ hold_id: id })
    expect([again.status, again.body.data.appt.id]).toEqual([201, booked.body.data.appt.id])
    expect((await book({ hold_id: id, start_time: at(60) })).status).toBe(404)
    expect(await s.t.look('select id from slot_holds')).toEqual([])
  })

  it('stays where the booking is refused', async () => {
    const { id } = (await hold()).body.data
    const wrong = await book({ hold_id: id, start_time: at(60), operatory_id: s.otherOperatoryId })
    expect([wrong.status, wrong.body.error]).toEqual([
      400,
      [
        `Parameter operatory_id is not that of slot hold ${id}, which has ${s.operatoryId}`,
        `Parameter start_time is not that of slot hold ${id}, which has ${at(0)}`,
      ],
    ])
    expect((await book({ hold_id: id, patient_id: 99999 })).status).toBe(404)
    expect((await book({ hold_id: id })).status).toBe(201)
  })

  it('cannot be booked once it has run out', async () => {
    const { id } = (await hold({ minutes: 1 })).body.data
    await s.t.moveClock(61_000)
    const { status, body } = await book({ hold_id: id })
    expect([status, body.error[0]]).toEqual([400, expect.stringContaining(`Slot hold ${id} expired at`)])
  })

  it('has the length of its type, and obeys the rules of a booking', async () => {
    const typed = await hold({ end_time: null, appointment_type_id: s.typeId })
    expect(typed.body.data).toMatchObject({ end_time: at(30), appointment_type_id: s.typeId })
    for (const [fields, sentence] of [
      [{ operatory_id: null }, 'Missing parameter operatory_id'],
      [{ start_time: '2020-01-06T14:00:00Z', end_time: null }, 'Parameter start_time must be in the future'],
      [{ minutes: 31 }, 'Parameter minutes must be from 1 to 30'],
      [{ minutes: 0 }, 'Parameter minutes must be from 1 to 30'],
      [{ end_time: at(-30) }, 'Parameter end_time must be after start_time'],
      [{ provider_id: null }, 'Missing parameter provider_id'],
    ] as const) {
      const { status, body } = await hold(fields)
      expect([status, body.error]).toEqual([400, [sentence]])
    }
  })

  it('is one of at most twenty of a key, in all of its institutions, and one that ran out makes room', async () => {
    const other = await makePractice(s.t, s.accountId, `second-${Date.now() % 1e6}`)
    for (let n = 0; n < 19; n++)
      expect((await hold({ start_time: at(n * 30), end_time: at(n * 30 + 30) })).status).toBe(201)
    const elsewhere = await s.ask('POST', '/slot_holds', {
      query: { subdomain: other.subdomain, location_id: other.locationId },
      body: {
        slot_hold: {
          provider_id: other.providerId,
          operatory_id: other.operatoryId,
          start_time: at(0),
          end_time: at(30),
        },
      },
    })
    expect(elsewhere.status).toBe(201)
    const more = { start_time: at(900), end_time: at(930) }
    const refused = await hold(more)
    expect([refused.status, refused.body.error[0]]).toEqual([400, expect.stringContaining('has 20 holds')])
    expect((await hold(more, otherKey)).status).toBe(201)
    await s.t.moveClock(6 * 60_000)
    expect((await hold({ start_time: at(930), end_time: at(960) })).status).toBe(201)
    const left = await s.t.look('select id from slot_holds where institution_id = $1', [s.institutionId])
    expect(left.length).toBe(2)
  })
})

it('of twelve holders and twelve bookers of one slot at once, one wins', async () => {
  const answers = await Promise.all(
    Array.from({ length: 24 }, (_, n) => {
      const key = n % 4 < 2 ? otherKey : undefined
      return n % 2 === 0 ? hold({}, key) : book({}, key, { 'idempotency-key': `booker-${n}` })
    }),
  )
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 400)).toHaveLength(23)
})

it('of thirty holds of one key at once, twenty stand', async () => {
  const times = Array.from({ length: 30 }, (_, n) => ({ start_time: at(n * 30), end_time: at(n * 30 + 30) }))
  const answers = await Promise.all(times.map((time) => hold(time)))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(20)
})

it('a hold is not offered, and explain names it', async () => {
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: 'America/New_York' }).format(start)
  await s.t.look(
    `insert into working_hours (institution_id, location_id, provider_id, operatory_id, source, begin_time, end_time, specific_date)
     values ($1, $2, $3, $4, 'manual', '00:00', '24:00', $5)`,
    [s.institutionId, s.locationId, s.providerId, s.operatoryId, day],
  )
  const offered = async () => {
    const { body } = await s.ask('GET', '/available_slots', {
      query: {
        ...query(),
        start_date: day,
        days: 1,
        lids: [s.locationId],
        pids: [s.providerId],
        slot_length: 30,
      },
      version: 'v3.0.0',
    })
    return body.data[0].slots.some((slot: { time: string }) => Date.parse(slot.time) === start)
  }
  expect(await offered()).toBe(true)
  const { id } = (await hold()).body.data
  expect(await offered()).toBe(false)
  const { body } = await s.ask('GET', '/available_slots/explain', {
    query: { ...query(), ...place(), start_time: at(0), slot_length: 30 },
  })
  expect(body.data.reasons).toMatchObject([{ rule: 'taken', hold_id: id, appointment_id: null }])
  await s.t.moveClock(5 * 60_000 + 1000)
  expect(await offered()).toBe(true)
})
