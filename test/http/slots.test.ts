import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makePractice, type Practice, type Served, serve } from './served.ts'

let s: Served
let other: Practice
/** A Monday some weeks ahead, so that nothing of it is past. */
const monday = (() => {
  const day = new Date(Date.now() + 30 * 86_400_000)
  day.setUTCDate(day.getUTCDate() + ((8 - day.getUTCDay()) % 7))
  return day.toISOString().slice(0, 10)
})()
const dayAfter = (days: number) => new Date(Date.parse(monday) + days * 86_400_000).toISOString().slice(0, 10)
const v3 = 'v20240412'

beforeAll(async () => {
  s = await serve()
  other = await makePractice(s.t, s.accountId, 'harbor-view')
})
afterAll(async () => {
  await s?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  for (const table of ['busy', 'slot_holds', 'working_hour_types', 'working_hours'])
    await s.t.look(`delete from ${table}`)
  // What stood before is none that a booking could be the same as.
  await s.t.look('update appointments set cancelled = true')
  await s.t.look('update locations set map_by_operatory = true, min_notice_minutes = 0, buffer_minutes = 0')
})

const addHour = async (fields: Record<string, unknown> = {}, types: number[] = []) => {
  const row = {
    institution_id: s.institutionId,
    location_id: s.locationId,
    provider_id: s.providerId,
    operatory_id: s.operatoryId,
    source: 'manual',
    begin_time: '09:00',
    end_time: '12:00',
    days: '{Monday}',
    ...fields,
  }
  const names = Object.keys(row)
  const [made] = await s.t.look(
    `insert into working_hours (${names.join()}) values (${names.map((_, at) => `$${at + 1}`).join()}) returning id`,
    Object.values(row),
  )
  for (const type of types)
    await s.t.look('insert into working_hour_types values ($1, $2, $3)', [s.institutionId, made.id, type])
  return Number(made.id)
}
const slots = (query: object = {}, version = v3) =>
  s.ask('GET', version === v3 ? '/available_slots' : '/appointment_slots', {
    query: {
      subdomain: s.subdomain,
      start_date: monday,
      days: 1,
      lids: [s.locationId],
      pids: [s.providerId],
      ...query,
    },
    version,
  })
const timesOf = (body: { data: { slots: { time: string }[] }[] }, group = 0) =>
  body.data[group]?.slots.map((slot) => slot.time.slice(11, 16))
const explain = (time: string, query: object = {}) =>
  s.ask('GET', '/available_slots/explain', {
    query: {
      location_id: s.locationId,
      provider_id: s.providerId,
      operatory_id: s.operatoryId,
      start_time: `${monday}T${time}`,
      slot_length: 30,
      ...query,
    },
  })
const bookAt = (time: string, more: object = {}) =>
  s.ask('POST', '/appointments', {
    query: { subdomain: s.subdomain, location_id: s.locationId },
    body: {
      appt: {
        patient_id: s.patientId,
        provider_id: s.providerId,
        operatory_id: s.operatoryId,
        start_time: `${monday}T${time}`,
        ...more,
      },
    },
  })

describe('GET /available_slots', () => {
  it('answers groups of local times with the offset in force', async () => {
    await addHour()
    const { status, body } = await slots({ slot_length: 60 })
    expect(status).toBe(200)
    expect(body).toMatchObject({ code: true, description: null, error: null, count: 1 })
    const at = (time: string) => expect.stringMatching(new RegExp(`^${monday}T${time}:00\\.000-0[45]:00$`))
    expect(body.data).toEqual([
      {
        lid: s.locationId,
        pid: s.providerId,
        slots: ['09:00', '10:00', '11:00'].map((time) => ({
          time: at(time),
          end_time: at(time.replace(/^\d\d/, (hour) => String(Number(hour) + 1).padStart(2, '0'))),
          operatory_id: s.operatoryId,
          working_hour_label_id: null,
        })),
        next_available_date: null,
      },
    ])
  })

  it('is /appointment_slots on v2, without labels, and takes the older category_id', async () => {
    await addHour({}, [s.typeId])
    const { body } = await slots({ category_id: s.typeId, slot_length: 60, pids: [] }, 'v2')
    expect(timesOf(body)).toEqual(['09:00', '09:30', '10:00', '10:30', '11:00', '11:30'])
    expect(Object.keys(body.data[0].slots[0])).toEqual(['time', 'end_time', 'operatory_id'])
    expect(body.description).toEqual([
      `slot_length was not taken: appointment type ${s.typeId} has 30 minutes.`,
    ])
    expect((await s.ask('GET', '/available_slots', { query: { subdomain: s.subdomain } })).status).toBe(404)
  })

  it('has no slots for a type outside every working hour, and says so', async () => {
    await addHour()
    const { body } = await slots({ appointment_type_id: s.typeId })
    expect(body.data).toMatchObject([{ slots: [], next_available_date: null }])
    expect(body.description).toEqual([
      `Appointment type ${s.typeId} is named by no active working hour asked for at location ${s.locationId}: it has no slots until one names it (appointment_type_ids).`,
    ])
  })

  it('says why a provider has none: no hours, another label, an operatory that is missing or closed', async () => {
    expect((await slots()).body.description).toEqual([
      `Provider ${s.providerId} has no active working hours at location ${s.locationId} that were asked for.`,
    ])
    const lone = await addHour({ operatory_id: null })
    expect((await slots()).body.description).toEqual([
      `Provider ${s.providerId} has no slots at location ${s.locationId}: working hour ${lone} names no operatory, and its location is booked by operatory (map_by_operatory).`,
    ])
    await s.t.look('update locations set map_by_operatory = false where id = $1', [s.locationId])
    expect((await slots({ slot_length: 60 })).body.data[0].slots).toHaveLength(3)
    expect((await slots({ working_hour_source: 'synced' })).body.description).toEqual([
      `Provider ${s.providerId} has no slots at location ${s.locationId}: working hour ${lone} is of another source.`,
    ])
    expect((await slots({ working_hour_label_id: 5 })).body.description?.[0]).toContain(
      'does not bear the label',
    )
  })

  it('finds the next day within 180 days, also behind a closure of a fortnight, and none beyond', async () => {
    await addHour({ days: '{}', specific_date: dayAfter(30) })
    expect((await slots()).body.data[0].next_available_date).toBe(dayAfter(30))
    await addHour({ days: '{Tuesday}' })
    expect((await slots()).body.data[0].next_available_date).toBe(dayAfter(1))
    const closed = await bookAt('00:00', {
      unavailable: true,
      patient_id: null,
      end_time: `${dayAfter(14)}T00:00`,
    })
    expect(closed.status).toBe(201)
    expect((await slots()).body.data[0].next_available_date).toBe(dayAfter(15))
    await s.t.look('delete from working_hours')
    await addHour({ days: '{}', specific_date: dayAfter(180) })
    expect((await slots()).body.data[0].next_available_date).toBe(dayAfter(180))
    await s.t.look('update working_hours set specific_date = $1', [dayAfter(181)])
    expect((await slots()).body.data[0].next_available_date).toBeNull()
  })

  it('answers several locations and providers at once, empty groups too', async () => {
    await addHour()
    const [row] = await s.t.look(
      `insert into providers (institution_id, data_source_id, foreign_id, first_name, last_name, display_name)
       values ($1, $2, 'second', 'Kofi', 'Mensah', 'Dr. Mensah') returning id`,
      [s.institutionId, s.sourceId],
    )
    const [place] = await s.t.look(
      `insert into locations (institution_id, data_source_id, foreign_id, name, tz) values ($1, $2, 'second', 'West', 'America/Los_Angeles') returning id`,
      [s.institutionId, s.sourceId],
    )
    const ids = [Number(row.id), Number(place.id)] as const
    await addHour({ provider_id: ids[0], location_id: ids[1], operatory_id: s.otherOperatoryId })
    const { body } = await slots({
      lids: [s.locationId, ids[1]],
      pids: [s.providerId, ids[0]],
      slot_length: 60,
    })
    expect(
      body.data.map((group: { lid: number; pid: number; slots: unknown[] }) => [
        group.lid,
        group.pid,
        group.slots.length,
      ]),
    ).toEqual([
      [s.locationId, s.providerId, 3],
      [s.locationId, ids[0], 0],
      [ids[1], s.providerId, 0],
      [ids[1], ids[0], 3],
    ])
    expect(body.data[3].slots[0].time).toMatch(/T09:00:00\.000-0[78]:00$/)
  })

  it('keeps notice and buffer, of the location or of the question', async () => {
    await addHour()
    expect((await bookAt('10:00', { end_time: `${monday}T10:30` })).status).toBe(201)
    expect(timesOf((await slots({ slot_length: 30 })).body)).toEqual([
      '09:00',
      '09:30',
      '10:30',
      '11:00',
      '11:30',
    ])
    const set = await s.ask('PATCH', `/locations/${s.locationId}`, {
      body: { location: { buffer_minutes: 15 } },
    })
    expect(set.body.data.settings).toMatchObject({ buffer_minutes: 15, min_notice_minutes: 0 })
    const wrong = await s.ask('PATCH', `/locations/${s.locationId}`, {
      body: { location: { min_notice_minutes: -1 } },
    })
    expect([wrong.status, wrong.body.error]).toEqual([
      400,
      ['Parameter min_notice_minutes must be a whole number from 0 to 525600'],
    ])
    expect(timesOf((await slots({ slot_length: 30 })).body)).toEqual(['09:00', '11:00', '11:30'])
    expect(timesOf((await slots({ slot_length: 30, buffer_minutes: 0 })).body)).toHaveLength(5)
    const { body } = await slots({ slot_length: 30, min_notice_minutes: 60 * 24 * 60 })
    expect([body.data[0].slots, body.data[0].next_available_date !== null]).toEqual([[], true])
  })

  it('offers nothing that is past, and what lies ahead of now today', async () => {
    await addHour({
      days: '{Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday}',
      begin_time: '00:00',
      end_time: '24:00',
    })
    const yesterday = new Date(Date.now() - 86_400_000 * 2).toISOString().slice(0, 10)
    const { body } = await slots({ start_date: yesterday, days: 5 })
    const times = body.data[0].slots.map((slot: { time: string }) => Date.parse(slot.time))
    expect(times.length).toBeGreaterThan(100)
    expect(Math.min(...times)).toBeGreaterThan(s.t.clock.now() - 1000)
  })

  it('rounds lengths to the grain of the record system, with a warning', async () => {
    await addHour()
    const { body } = await slots({ slot_length: 28 })
    expect(timesOf(body)?.slice(0, 2)).toEqual(['09:00', '09:30'])
    expect(body.description).toEqual([
      `slot_length was rounded up to 30 minutes: the health record system of location ${s.locationId} keeps multiples of 5.`,
    ])
  })
})

describe('what is asked wrongly', () => {
  it.each([
    ['nobody and no type', { pids: [] }, ['Missing parameter pids (or appointment_type_id)']],
    ['no days and no start', { days: '', start_date: '' }, null],
    [
      'a day that does not exist',
      { start_date: '2027-02-30' },
      ['Parameter start_date must be a day such as 2026-12-07'],
    ],
    ['a day in the Middle Ages', { start_date: '1066-10-14' }, ['Parameter start_date lies too far away']],
    ['a length of nothing', { slot_length: 0 }, null],
    ['a step backwards', { slot_interval: -5 }, null],
    ['six in a timeslot', { appointments_per_timeslot: 6 }, null],
    [
      'a source that is none',
      { working_hour_source: 'guessed' },
      ['Parameter working_hour_source must be one of manual, synced'],
    ],
  ])('is refused: %s', async (_what, query, sentences) => {
    const { status, body } = await slots(query)
    expect(status).toBe(400)
    expect(body.error.length).toBeGreaterThan(0)
    if (sentences) expect(body.error).toEqual(sentences)
  })

  it('is 404 for a location, provider, operatory or type of nobody, or of another institution', async () => {
    await addHour()
    for (const query of [
      { lids: [99999] },
      { lids: [other.locationId] },
      { pids: [99999] },
      { operatory_ids: [99999] },
      { appointment_type_id: 99999 },
    ])
      expect((await slots(query)).status).toBe(404)
  })

  it('takes unbracketed lists as lists, with a warning', async () => {
    await addHour()
    const path = `/available_slots?subdomain=${s.subdomain}&start_date=${monday}&days=1&lids=${s.locationId}&pids=${s.providerId},${s.providerId}&slot_length=60`
    const { status, body } = await s.ask('GET', path, { version: v3 })
    expect([status, timesOf(body)]).toEqual([200, ['09:00', '10:00', '11:00']])
    expect(body.description).toEqual([
      'lids came without brackets and was taken as a list; send lids[] for each.',
      'pids came without brackets and was taken as a list; send pids[] for each.',
    ])
  })

  it('clamps days, honours limit, and takes one appointment in a timeslot, each with a warning', async () => {
    await addHour()
    const { body } = await slots({ days: 100, limit: 2, appointments_per_timeslot: 3 })
    expect(body.data[0].slots).toHaveLength(2)
    expect(body.description).toEqual([
      'days must be from 1 to 62; 62 was taken.',
      `appointments_per_timeslot was taken as 1: location ${s.locationId} takes no more at a time (overbooking).`,
      'limit was taken: at most 2 slots of each group are shown.',
    ])
  })
})

describe('GET /available_slots/explain', () => {
  it('names the hour whose grid it is off, the row in the way, and the rule', async () => {
    const hour = await addHour()
    const booked = await bookAt('10:00', { end_time: `${monday}T10:30` })
    const id = booked.body.data.appt.id
    const of = async (time: string, query: object = {}) => {
      const { status, body } = await explain(time, query)
      expect(status).toBe(200)
      return [body.data.offered, body.data.reasons.map((reason: { rule: string }) => reason.rule)]
    }
    expect(await of('09:00')).toEqual([true, []])
    expect(await of('09:10')).toEqual([false, ['grid']])
    expect(await of('10:00')).toEqual([false, ['taken']])
    expect(await of('08:00')).toEqual([false, ['closed']])
    expect(await of('09:02')).toEqual([false, ['grain', 'grid']])
    expect(await of('09:00', { operatory_id: s.otherOperatoryId })).toEqual([false, ['no_hours']])
    expect(await of('09:00', { min_notice_minutes: 525_600 })).toEqual([false, ['notice']])
    const { body } = await explain('09:40')
    expect(body.data.reasons).toMatchObject([
      { working_hour_id: hour },
      { appointment_id: id, rule: 'taken' },
    ])
    expect(body.data.reasons[1].message).toMatch(
      new RegExp(`^Taken: appointment ${id} is there from ${monday}T10:00:00`),
    )
    const typed = await explain('09:00', { appointment_type_id: s.typeId })
    expect(typed.body.data.reasons.map((reason: { rule: string }) => reason.rule)).toEqual([
      'no_hours',
      'left_out',
    ])
    expect(typed.body.data.reasons[1]).toMatchObject({
      working_hour_id: hour,
      message: `Working hour ${hour} is open then, but does not name the appointment type.`,
    })
  })

  it('names a block, a past time, a hold, and the other operatory', async () => {
    await addHour()
    await addHour({ operatory_id: s.otherOperatoryId })
    const block = await bookAt('09:00', { unavailable: true, patient_id: null, end_time: `${monday}T09:30` })
    const blockId = block.body.data.appt.id
    const first = (await explain('09:00')).body.data
    expect(first.reasons).toMatchObject([{ rule: 'taken', appointment_id: blockId, hold_id: null }])
    expect(first.reasons[0].message).toContain(`block ${blockId}`)
    const second = (await explain('11:00', { operatory_id: s.otherOperatoryId })).body.data
    expect(second.reasons).toMatchObject([{ rule: 'other_operatory', operatory_id: s.operatoryId }])
    const past = (await explain('', { start_time: '2020-01-06T14:00:00Z' })).body.data
    expect(past.reasons.map((reason: { rule: string }) => reason.rule)).toContain('past')
  })

  it('refuses an unknown zone and an impossible time', async () => {
    const zone = await explain('09:00', { timezone: 'Mars/Olympus' })
    expect([zone.status, zone.body.error]).toEqual([400, ['Parameter timezone is not an IANA zone']])
    expect((await explain('25:00')).status).toBe(400)
  })
})
