import { afterAll, beforeAll, expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { createKey, revokeKey } from '../../src/store/accounts.ts'
import { ahead, makePractice, type Served, serve } from './served.ts'

let s: Served
let base: { subdomain: string; location_id: number }
beforeAll(async () => {
  s = await serve()
  base = { subdomain: s.subdomain, location_id: s.locationId }
})
afterAll(async () => await s[Symbol.asyncDispose]())

const window = { start: ahead(1), end: ahead(400) }

it('decision 1: a validation failure is 400 in the envelope, every sentence at once', async () => {
  const { status, body } = await s.ask('GET', '/appointments', { query: {} })
  expect(status).toBe(400)
  expect(body).toEqual({
    code: false,
    description: null,
    data: null,
    error: [
      'Missing parameter subdomain',
      'Missing parameter start',
      'Missing parameter end',
      'Missing parameter location_id',
    ],
  })
  const flat = await s.ask('POST', '/appointment_types', {
    query: base,
    body: { name: 'Cleaning', minutes: 30 },
  })
  expect([flat.status, flat.body.error]).toEqual([400, ['Missing parameter appointment_type']])
  const wrong = await s.ask('GET', '/appointments', {
    query: { ...base, start_date: ahead(1), end_date: ahead(2) },
  })
  expect([wrong.status, wrong.body.error]).toEqual([
    400,
    ['Missing parameter start', 'Missing parameter end'],
  ])
})

it('decision 3: a page has five rows unless told otherwise, at most 300 on v2 and 1000 on v3', async () => {
  await s.t.look(
    `insert into operatories (institution_id, location_id, data_source_id, foreign_id, name)
     select $1, $2, $3, 'more-' || n, 'More ' || n from generate_series(1, 1100) n`,
    [s.institutionId, s.locationId, s.sourceId],
  )
  const count = async (version: string, query: Record<string, number>) => {
    const { body } = await s.ask('GET', '/operatories', { version, query: { ...base, ...query } })
    return { rows: body.data.length, count: body.count, warned: (body.description ?? []).length }
  }
  expect(await count('v2', {})).toEqual({ rows: 5, count: 1102, warned: 0 })
  expect(await count('v2', { per_page: 5000 })).toEqual({ rows: 300, count: 1102, warned: 1 })
  expect(await count('v3.0.0', {})).toEqual({ rows: 5, count: undefined, warned: 0 })
  expect(await count('v3.0.0', { per_page: 5000 })).toEqual({ rows: 1000, count: undefined, warned: 1 })
})

it('decision 4: warnings are an array in description', async () => {
  const { status, body } = await s.ask('GET', '/providers', {
    query: { ...base, colour: 'blue', mood: 'good' },
  })
  expect(status).toBe(200)
  expect(body.description).toEqual(['Note that following parameters are ignored: colour, mood.'])
})

it('decision 15: datetimes are taken with Z, +00:00, +0000, a space for the plus, without an offset, or as a day', async () => {
  const booked = await s.ask('POST', '/appointments', {
    query: base,
    body: { appt: { ...visit(), start_time: '2037-01-11T14:00:00Z' } },
  })
  const id = booked.body.data.appt.id
  const find = async (start: string, end: string, more: object = {}) => {
    const { status, body } = await s.ask('GET', '/appointments', { query: { ...base, start, end, ...more } })
    return {
      status,
      ids: body.data?.map((row: { id: number }) => row.id),
      description: body.description,
      error: body.error,
    }
  }
  const found = { status: 200, ids: [id], description: null, error: null }
  expect(await find('2037-01-11T14:00:00Z', '2037-01-11T14:01:00Z')).toEqual(found)
  expect(await find('2037-01-11T14:00:00+00:00', '2037-01-11T14:01:00+0000')).toEqual(found)
  expect(await find('2037-01-11T14:00:00 00:00', '2037-01-11T09:01:00-05:00')).toEqual(found)
  expect(await find('2037-01-11', '2037-01-11')).toEqual(found)
  expect((await find('2037-01-12', '2037-01-12')).ids).toEqual([])
  const local = await find('2037-01-11T09:00', '2037-01-11T09:01')
  expect(local.ids).toEqual([id])
  expect(local.description).toEqual([
    'start has no offset and was read as wall time of America/New_York.',
    'end has no offset and was read as wall time of America/New_York.',
  ])
  expect(
    (await find('2037-01-11T06:00', '2037-01-11T06:01', { timezone: 'America/Los_Angeles' })).ids,
  ).toEqual([id])
  expect(await find('2027-03-14T02:30', '2027-11-07T01:30')).toMatchObject({
    status: 400,
    error: [
      'Parameter start: this wall time does not exist in America/New_York; send it with an offset',
      'Parameter end: this wall time comes twice in America/New_York; send it with an offset',
    ],
  })
  expect((await find('tomorrow', '2037-01-11')).status).toBe(400)
  expect((await find('2037-01-11', '2037-01-11', { timezone: 'Mars/Olympus' })).status).toBe(400)
})

it('decision 15: a plus in a query string that became a space is a plus', async () => {
  const path = `/appointments?subdomain=${s.subdomain}&location_id=${s.locationId}&start=2037-01-11T00:00:00+00:00&end=2037-01-11T23:00:00+00:00`
  const { status, body } = await s.ask('GET', path)
  expect([status, body.description]).toEqual([200, null])
})

it('decision 16: a raw key is accepted on a data route with a warning, anything else is 401 naming the way', async () => {
  const raw = await s.ask('GET', '/institutions', { key: s.key })
  expect(raw.status).toBe(200)
  expect(raw.body.description[0]).toContain('POST /authenticates')
  for (const key of ['nonsense', 'Bearer nonsense', `Bearer ${s.token}x`, 'Bearer a.b.c', null]) {
    const { status, body } = await s.ask('GET', '/institutions', { key })
    expect([status, body.code]).toEqual([401, false])
    expect(body.error.join(' ')).toContain('POST /authenticates')
  }
})

it('decision 16: revoking a key ends its tokens at once', async () => {
  const made = await inGlobal(s.t.database, (tx) =>
    createKey(tx, { accountId: s.accountId, name: 'short', scopes: ['patients:read'], institutionIds: null }),
  )
  const { body } = await s.ask('POST', '/authenticates', { headers: { authorization: made.key } })
  const key = `Bearer ${body.data.token}`
  expect((await s.ask('GET', '/institutions', { key })).status).toBe(200)
  await inGlobal(s.t.database, (tx) => revokeKey(tx, made.id))
  expect((await s.ask('GET', '/institutions', { key })).status).toBe(401)
  expect((await s.ask('GET', '/institutions', { key: made.key })).status).toBe(401)
  expect((await s.ask('POST', '/authenticates', { headers: { authorization: made.key } })).status).toBe(401)
})

it('decision 17: an empty body is no body, and /authenticates takes any content type', async () => {
  for (const type of [
    'application/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/vnd.Nexhealth+json;version=2',
  ])
    for (const body of ['', 'what=ever', '{not json']) {
      const answer = await s.ask('POST', '/authenticates', {
        body,
        headers: { authorization: s.key, 'content-type': type },
      })
      expect(answer.status).toBe(201)
    }
  const made = await s.ask('POST', '/appointment_types', {
    query: base,
    body: { appointment_type: { name: 'To delete', minutes: 10 } },
  })
  const gone = await s.ask('DELETE', `/appointment_types/${made.body.data.id}`, {
    query: base,
    headers: { 'content-type': 'application/json' },
    body: '',
  })
  expect([gone.status, gone.body.data.name]).toEqual([200, 'To delete'])
})

it('decision 18: null means absent, texts of numbers are numbers, and nothing is made of null', async () => {
  const appt = {
    ...visit(),
    patient_id: String(s.patientId),
    provider_id: String(s.providerId),
    operatory_id: String(s.operatoryId),
    start_time: ahead(20),
    end_time: null,
    appointment_type_id: String(s.typeId),
    descriptor_ids: null,
    unavailable: 'false',
    note: null,
  }
  const { status, body } = await s.ask('POST', '/appointments', { query: base, body: { appt } })
  expect([status, body.error]).toEqual([201, null])
  expect(body.data.appt).toMatchObject({ operatory_id: s.operatoryId, unavailable: false, note: null })
  const nulls = await s.ask('POST', '/appointments', {
    query: base,
    body: { appt: { ...appt, patient_id: null } },
  })
  expect([nulls.status, nulls.body.error]).toEqual([400, ['Missing parameter patient_id']])
  const words = await s.ask('POST', '/appointments', {
    query: base,
    body: { appt: { ...appt, patient_id: 'me' } },
  })
  expect([words.status, words.body.error]).toEqual([
    400,
    ['Parameter appt.patient_id must be a whole number'],
  ])
})

it('decision 19: error is null or empty on success, also with warnings', async () => {
  const { body } = await s.ask('GET', '/providers', { query: { ...base, colour: 'blue' } })
  expect(body.error).toBeNull()
  const token = await s.ask('POST', '/authenticates', { headers: { authorization: s.key } })
  expect(token.body.error).toEqual([])
})

it('decision 21: page works on v3, an unknown sort is left out, both with 200', async () => {
  const page = async (query: object) =>
    await s.ask('GET', '/operatories', { version: 'v3.0.0', query: { ...base, ...query } })
  const [first, second] = [await page({ page: 1, per_page: 1 }), await page({ page: 2, per_page: 1 })]
  expect(first.body.data[0].id).toBe(s.operatoryId)
  expect(second.body.data[0].id).toBe(s.otherOperatoryId)
  const sorted = await s.ask('GET', '/appointments', {
    version: 'v3.0.0',
    query: { ...base, ...window, sort: 'colour' },
  })
  expect(sorted.status).toBe(200)
  expect(sorted.body.description[0]).toContain('sort=colour')
  const low = await page({ per_page: 0 })
  expect([low.status, low.body.data.length, low.body.description.length]).toEqual([200, 1, 1])
})

it('decision 26: v2 answers the whole older object, v3 its 36 fields, both with insertion', async () => {
  const keys = async (version: string) => {
    const made = await s.ask('POST', '/appointments', {
      version,
      query: base,
      body: { appt: { ...visit(), start_time: ahead(version === 'v2' ? 21 : 22) } },
    })
    const id = made.body.data.appt.id
    const patched = await s.ask('PATCH', `/appointments/${id}`, {
      version,
      query: base,
      body: { appt: { confirmed: true } },
    })
    const listed = await s.ask('GET', '/appointments', {
      version,
      query: { ...base, ...window, per_page: 100 },
    })
    const row = listed.body.data.find((one: { id: number }) => one.id === id)
    return [made.body.data.appt, patched.body.data.appt, row].map((one) => Object.keys(one).sort())
  }
  const v3 = [...thirtySix, 'insertion'].sort()
  const v2 = [...v3, 'deleted', 'patient', 'procedures', 'descriptors', 'booking_details'].sort()
  expect(thirtySix).toHaveLength(36)
  expect(await keys('v2')).toEqual([v2, v2, v2])
  expect(await keys('v20240412')).toEqual([v3, v3, v3])
})

it('decision 30: institutions, locations and paths with an id work without subdomain', async () => {
  const paths = [
    '/institutions',
    `/institutions/${s.institutionId}`,
    '/locations',
    `/locations/${s.locationId}`,
    `/locations/${s.locationId}/appointment_descriptors`,
    `/providers/${s.providerId}`,
    `/operatories/${s.operatoryId}`,
    `/patients/${s.patientId}`,
    `/appointment_types/${s.typeId}`,
  ]
  for (const path of paths) expect([path, (await s.ask('GET', path)).status]).toEqual([path, 200])
})

it('a foreign subdomain is 403, a foreign or unknown id is 404', async () => {
  const other = await s.t.look("insert into accounts (name) values ('other') returning id")
  const foreign = await makePractice(s.t, Number(other[0].id), 'elsewhere')
  const denied = "You don't have access to perform this action."
  for (const subdomain of ['elsewhere', 'nowhere']) {
    const { status, body } = await s.ask('GET', '/providers', { query: { subdomain } })
    expect([status, body.error]).toEqual([403, [denied]])
  }
  for (const [path, id] of [
    ['/locations', foreign.locationId],
    ['/providers', foreign.providerId],
    ['/patients', foreign.patientId],
    ['/institutions', foreign.institutionId],
    ['/operatories', 999_999],
  ]) {
    expect([path, (await s.ask('GET', `${path}/${id}`)).status]).toEqual([path, 404])
    expect([
      path,
      (await s.ask('GET', `${path}/${id}`, { query: { subdomain: s.subdomain } })).status,
    ]).toEqual([path, 404])
  }
  const location = await s.ask('GET', '/operatories', { query: { ...base, location_id: foreign.locationId } })
  expect([location.status, location.body.error]).toEqual([404, ['Location not found']])
})

function visit() {
  return {
    patient_id: s.patientId,
    provider_id: s.providerId,
    operatory_id: s.operatoryId,
    appointment_type_id: s.typeId,
  }
}

const thirtySix = [
  'id',
  'patient_id',
  'provider_id',
  'provider_name',
  'start_time',
  'end_time',
  'confirmed',
  'confirmed_at',
  'patient_confirmed',
  'patient_confirmed_at',
  'patient_missed',
  'cancelled',
  'cancelled_at',
  'checkin_at',
  'checked_out',
  'checked_out_at',
  'created_at',
  'updated_at',
  'note',
  'unavailable',
  'timezone',
  'timezone_offset',
  'institution_id',
  'location_id',
  'operatory_id',
  'appointment_type_id',
  'foreign_id',
  'foreign_id_type',
  'misc',
  'last_sync_time',
  'created_by_user_id',
  'is_guardian',
  'is_new_clients_patient',
  'is_past_patient',
  'sooner_if_possible',
  'referrer',
]
