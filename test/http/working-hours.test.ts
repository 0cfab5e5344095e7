import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makePractice, type Served, serve } from './served.ts'

let s: Served
beforeAll(async () => {
  s = await serve()
})
afterAll(async () => {
  await s?.[Symbol.asyncDispose]()
})

const v3 = 'v20240412'
const base = () => ({ subdomain: s.subdomain, location_id: s.locationId })
const morning = (more: object = {}) => ({
  provider_id: s.providerId,
  operatory_id: s.operatoryId,
  begin_time: '09:00',
  end_time: '12:00',
  days: ['Monday', 'Wednesday'],
  ...more,
})
const post = (fields: object) =>
  s.ask('POST', '/working_hours', { query: base(), body: { working_hour: fields }, version: v3 })
const patch = (id: number, fields: object) =>
  s.ask('PATCH', `/working_hours/${id}`, {
    query: { subdomain: s.subdomain },
    body: { working_hour: fields },
    version: v3,
  })
const made = async (fields: object = morning()) => (await post(fields)).body.data.id as number
const syncedHour = async () => {
  const [row] = await s.t.look(
    `insert into working_hours (institution_id, location_id, provider_id, operatory_id, source, data_source_id, foreign_id,
       begin_time, end_time, days) values ($1, $2, $3, $4, 'synced', $5, gen_random_uuid(), '08:00', '17:00', '{Friday}') returning id`,
    [s.institutionId, s.locationId, s.providerId, s.operatoryId, s.sourceId],
  )
  return Number(row.id)
}

describe('POST /working_hours', () => {
  it('makes a weekly one and answers v3 without its types', async () => {
    const { status, body } = await post(
      morning({ days: ['wednesday', 'Monday', 'Monday'], appointment_type_ids: [s.typeId] }),
    )
    expect(status).toBe(201)
    expect(body.data).toEqual({
      id: expect.any(Number),
      provider_id: s.providerId,
      location_id: s.locationId,
      operatory_id: s.operatoryId,
      begin_time: '09:00',
      end_time: '12:00',
      days: ['Monday', 'Wednesday'],
      specific_date: null,
      custom_recurrence: null,
      tz_offset: expect.stringMatching(/^-0[45]00$/),
      active: true,
      source: 'manual',
      label: null,
    })
  })

  it('makes one for a day, one for a recurrence, and one up to midnight', async () => {
    const single = await post(morning({ days: [], specific_date: '2027-03-08', end_time: '24:00' }))
    expect(single.body.data).toMatchObject({ days: [], specific_date: '2027-03-08', end_time: '24:00' })
    const custom_recurrence = { num: 2, unit: 'week', ref: '2026-11-02' }
    const every = await post(morning({ days: null, custom_recurrence, begin_time: '9:00' }))
    expect(every.body.data).toMatchObject({ custom_recurrence, begin_time: '09:00' })
  })

  it.each([
    [
      'no recurrence',
      { days: [] },
      'Give exactly one of the parameters days, specific_date and custom_recurrence',
    ],
    [
      'two recurrences',
      { specific_date: '2027-03-08' },
      'Give exactly one of the parameters days, specific_date and custom_recurrence',
    ],
    [
      'an end before the begin',
      { end_time: '08:00' },
      'Parameter end_time must be after begin_time, on the same day',
    ],
    [
      'a time that no clock shows',
      { begin_time: '25:00' },
      'Parameter begin_time must be a wall time such as 09:00',
    ],
    [
      'an unknown weekday',
      { days: ['Caturday'] },
      'Parameter days must be names of weekdays in English, such as Monday',
    ],
    [
      'a day that does not exist',
      { days: [], specific_date: '2027-02-30' },
      'Parameter working_hour.specific_date must be a day such as 2026-12-07',
    ],
    [
      'no operatory where the location is booked by operatory',
      { operatory_id: null },
      'Missing parameter operatory_id',
    ],
    [
      'an operatory of nobody',
      { operatory_id: 99999 },
      'Parameter operatory_id names no operatory of this location',
    ],
    [
      'a provider of nobody',
      { provider_id: 99999 },
      'Parameter provider_id names no provider of this institution',
    ],
    ['no provider', { provider_id: null }, 'Missing parameter provider_id'],
    [
      'an unknown type',
      { appointment_type_ids: [99999] },
      'Parameter appointment_type_ids names no appointment type of this location: 99999',
    ],
    [
      'a recurrence every 0 fortnights',
      { days: [], custom_recurrence: { num: 0, unit: 'fortnight', ref: '2027-01-01' } },
      'Parameter custom_recurrence.unit must be one of day, week, month',
    ],
  ])('refuses %s', async (_what, fields, sentence) => {
    const { status, body } = await post(morning(fields))
    expect([status, body.error]).toEqual([400, expect.arrayContaining([sentence])])
  })

  it('shows the offset of the zone, also where it has half an hour', async () => {
    const id = await made()
    await s.t.look("update locations set tz = 'America/St_Johns' where id = $1", [s.locationId])
    const { body } = await s.ask('GET', `/working_hours/${id}`, {
      query: { subdomain: s.subdomain },
      version: v3,
    })
    await s.t.look("update locations set tz = 'America/New_York' where id = $1", [s.locationId])
    expect(body.data.tz_offset).toMatch(/^-0[23]30$/)
  })

  it('takes one without an operatory where the location is not booked by operatory', async () => {
    await s.t.look('update locations set map_by_operatory = false where id = $1', [s.locationId])
    const { status, body } = await post(morning({ operatory_id: null }))
    await s.t.look('update locations set map_by_operatory = true where id = $1', [s.locationId])
    expect([status, body.data.operatory_id]).toEqual([201, null])
  })
})

describe('GET /working_hours', () => {
  it('filters by provider, operatory, activity and past days, and pages by cursor', async () => {
    const past = await made(
      morning({ days: [], specific_date: '2020-01-06', operatory_id: s.otherOperatoryId }),
    )
    const idle = await made(morning({ active: false, operatory_id: s.otherOperatoryId }))
    const list = async (query: object) => {
      const { body } = await s.ask('GET', '/working_hours', {
        query: { ...base(), operatory_id: s.otherOperatoryId, per_page: 100, ...query },
        version: v3,
      })
      return body.data.map((row: { id: number }) => row.id)
    }
    expect(await list({})).toEqual([past])
    expect(await list({ ignore_past_dates: true })).toEqual([])
    expect(await list({ active: false })).toEqual([idle])
    expect(await list({ provider_id: 99999 })).toEqual([])
    const { body } = await s.ask('GET', '/working_hours', { query: { ...base(), per_page: 1 }, version: v3 })
    expect(body.page_info).toMatchObject({ has_next_page: true, has_previous_page: false })
  })

  it('shows types where they are included', async () => {
    const id = await made(morning({ appointment_type_ids: [s.typeId] }))
    const one = async (include: string[]) =>
      (
        await s.ask('GET', `/working_hours/${id}`, {
          query: { subdomain: s.subdomain, include },
          version: v3,
        })
      ).body.data
    expect((await one(['appointment_types'])).appointment_types).toMatchObject([
      { id: s.typeId, minutes: 30 },
    ])
    expect(await one([])).not.toHaveProperty('appointment_types')
  })

  it('is 404 without the version header, and for an hour of another institution', async () => {
    expect((await s.ask('GET', '/working_hours', { query: base() })).status).toBe(404)
    const other = await makePractice(s.t, s.accountId, 'harbor-view')
    const id = await made()
    const foreign = await s.ask('GET', `/working_hours/${id}`, {
      query: { subdomain: other.subdomain },
      version: v3,
    })
    expect([foreign.status, foreign.body.error]).toEqual([404, ['Working hour not found']])
  })
})

describe('PATCH and DELETE /working_hours/{id}', () => {
  it('replaces the recurrence and keeps the rest', async () => {
    const id = await made()
    const { body } = await patch(id, { specific_date: '2027-03-08' })
    expect(body.data).toMatchObject({
      days: [],
      specific_date: '2027-03-08',
      begin_time: '09:00',
      end_time: '12:00',
    })
    expect((await patch(id, { specific_date: '2027-03-08', days: ['Monday'] })).status).toBe(400)
    expect((await patch(id, { end_time: '07:00' })).status).toBe(400)
  })

  it('refuses to take the days of one that has nothing else, rather than do nothing', async () => {
    const id = await made()
    const { status, body } = await patch(id, { days: [], end_time: '11:00' })
    expect([status, body.error]).toEqual([
      400,
      ['Parameter days must not be empty here; active=false takes a working hour out'],
    ])
    expect((await patch(id, {})).body.data).toMatchObject({ end_time: '12:00' })
    // The whole object sent back, as a client reads it, is still taken.
    expect((await patch(id, { days: [], specific_date: '2027-03-08' })).status).toBe(200)
    expect((await patch(id, { days: [], active: false })).status).toBe(200)
  })

  it('answers types only when they were part of it, and an empty list clears them', async () => {
    const id = await made(morning({ appointment_type_ids: [s.typeId] }))
    expect((await patch(id, { active: false })).body.data).not.toHaveProperty('appointment_types')
    expect((await patch(id, { appointment_type_ids: [] })).body.data.appointment_types).toEqual([])
  })

  it('deletes with 204 and no body', async () => {
    const id = await made()
    const gone = await s.ask('DELETE', `/working_hours/${id}`, {
      query: { subdomain: s.subdomain },
      version: v3,
    })
    expect([gone.status, gone.body]).toEqual([204, ''])
    expect(
      (await s.ask('GET', `/working_hours/${id}`, { query: { subdomain: s.subdomain }, version: v3 })).status,
    ).toBe(404)
  })

  it('refuses to change or delete a synced one, with the reason, and lets its types be named', async () => {
    const id = await syncedHour()
    const sentence = `Working hour ${id} is synced: it comes from the health record system and is changed there. Only appointment_type_ids can be changed here.`
    const changed = await patch(id, { end_time: '18:00' })
    expect([changed.status, changed.body.error]).toEqual([400, [sentence]])
    const gone = await s.ask('DELETE', `/working_hours/${id}`, {
      query: { subdomain: s.subdomain },
      version: v3,
    })
    expect([gone.status, gone.body.error]).toEqual([400, [sentence]])
    const typed = await patch(id, { appointment_type_ids: [s.typeId] })
    expect(typed.body.data).toMatchObject({
      source: 'synced',
      end_time: '17:00',
      appointment_types: [{ id: s.typeId }],
    })
  })
})

describe('the v2 face', () => {
  it('has the same rows as availabilities, with synced and without a label', async () => {
    const query = base()
    const created = await s.ask('POST', '/availabilities', { query, body: { availability: morning() } })
    expect(created.status).toBe(201)
    expect(created.body.data).toMatchObject({ synced: false, days: ['Monday', 'Wednesday'] })
    expect(created.body.data).not.toHaveProperty('label')
    const { id } = created.body.data
    const list = await s.ask('GET', '/availabilities', {
      query: { ...query, per_page: 300, include: ['appointment_types'] },
    })
    expect(list.body.count).toBe(list.body.data.length)
    expect(list.body.data.find((row: { id: number }) => row.id === id)).toMatchObject({
      appointment_types: [],
    })
    const body = { availability: { begin_time: '10:00', appointment_category_ids: [s.typeId] } }
    const changed = await s.ask('PATCH', `/availabilities/${id}`, { query: { subdomain: s.subdomain }, body })
    expect(changed.body.data).toMatchObject({ begin_time: '10:00', appointment_types: [{ id: s.typeId }] })
    const flat = await s.ask('POST', '/availabilities', { query, body: morning() })
    expect([flat.status, flat.body.error]).toEqual([400, ['Missing parameter availability']])
    expect(
      (await s.ask('DELETE', `/availabilities/${id}`, { query: { subdomain: s.subdomain } })).status,
    ).toBe(204)
  })
})

describe('GET /working_hour_labels', () => {
  it("lists the location's labels and the institution's, by name and activity", async () => {
    for (const [name, location, active] of [
      ['New patients', s.locationId, true],
      ['Emergencies', null, true],
      ['Old template', s.locationId, false],
    ])
      await s.t.look(
        'insert into working_hour_labels (institution_id, location_id, data_source_id, name, active) values ($1, $2, $3, $4, $5)',
        [s.institutionId, location, s.sourceId, name, active],
      )
    const names = async (query: object) => {
      const { body } = await s.ask('GET', '/working_hour_labels', {
        query: { ...base(), ...query },
        version: v3,
      })
      return body.data.map((row: { name: string }) => row.name)
    }
    expect(await names({})).toEqual(['New patients', 'Emergencies', 'Old template'])
    expect(await names({ active: true, search_name: 'emerg' })).toEqual(['Emergencies'])
  })
})
