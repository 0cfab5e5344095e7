import { afterAll, beforeAll, expect, it } from 'vitest'
import { ahead, type Served, serve } from './served.ts'

let s: Served
let base: { subdomain: string; location_id: number }
const window = { start: ahead(1), end: ahead(60) }

beforeAll(async () => {
  s = await serve()
  base = { subdomain: s.subdomain, location_id: s.locationId }
  for (let n = 0; n < 9; n++) {
    const appt = {
      patient_id: s.patientId,
      provider_id: s.providerId,
      operatory_id: n % 2 ? s.operatoryId : s.otherOperatoryId,
      start_time: ahead(2 + Math.floor(n / 2)),
      appointment_type_id: s.typeId,
    }
    const { status } = await s.ask('POST', '/appointments', { query: base, body: { appt } })
    if (status !== 201) throw new Error('a booking of the test was refused')
  }
  const start_time = ahead(40)
  const block = { start_time, end_time: ahead(40, 16), operatory_id: s.operatoryId, unavailable: true }
  await s.ask('POST', '/appointments', { query: base, body: { appt: block } })
})
afterAll(async () => await s[Symbol.asyncDispose]())

const list = async (query: object, version = 'v20240412') =>
  (await s.ask('GET', '/appointments', { version, query: { ...base, ...window, ...query } })).body
const idsOf = (body: { data: { id: number }[] }) => body.data.map((row) => row.id)

it('filters by every documented parameter', async () => {
  const all = idsOf(await list({ per_page: 100 }))
  expect(all).toHaveLength(10)
  const [first = 0] = all
  await s.ask('PATCH', `/appointments/${first}`, { body: { appt: { cancelled: true } } })
  const count = async (query: object) => (await list({ per_page: 100, ...query })).data.length
  expect(await count({ cancelled: true })).toBe(1)
  expect(await count({ cancelled: false })).toBe(9)
  expect(await count({ unavailable: true })).toBe(1)
  expect(await count({ unavailable: false })).toBe(9)
  expect(await count({ nex_only: true })).toBe(10)
  expect(await count({ operatory_ids: [s.operatoryId] })).toBe(5)
  expect(await count({ operatory_ids: `${s.operatoryId},${s.otherOperatoryId}` })).toBe(10)
  expect(await count({ provider_ids: [s.providerId] })).toBe(9)
  expect(await count({ patient_ids: [s.patientId] })).toBe(9)
  expect(await count({ patient_ids: [s.patientId + 1] })).toBe(0)
  expect(await count({ appointment_type_id: s.typeId })).toBe(9)
  expect(await count({ created_by: s.keyId })).toBe(10)
  expect(await count({ created_by: s.keyId + 1 })).toBe(0)
  expect(await count({ updated_since: ahead(1) })).toBe(0)
  expect(await count({ foreign_id: 'no-such' })).toBe(0)
  expect(await count({ start: ahead(39) })).toBe(1)
  expect(await count({ start: ahead(3), end: ahead(3) })).toBe(0)
  const v2 = await list({ patient_id: s.patientId, per_page: 2, page: 2 }, 'v2')
  expect([v2.count, v2.data.length]).toEqual([9, 2])
})

it('refuses more patients than 25, and a list of v3 without location and foreign id', async () => {
  const ids = Array.from({ length: 26 }, (_, n) => n + 1)
  const many = await list({ patient_ids: ids })
  expect(many.error).toEqual(['Parameter patient_ids must not have more than 25 items'])
  const query = { subdomain: s.subdomain, ...window }
  const none = await s.ask('GET', '/appointments', { version: 'v3.0.0', query })
  expect([none.status, none.body.error]).toEqual([400, ['Missing parameter location_id (or foreign_id)']])
  const foreign = await s.ask('GET', '/appointments', {
    version: 'v3.0.0',
    query: { ...query, foreign_id: 'x' },
  })
  expect(foreign.status).toBe(200)
})

it('answers 404 for a location that is not there, and an empty list for one without appointments', async () => {
  for (const version of ['v2', 'v3.0.0']) {
    const query = { ...base, ...window }
    const missing = await s.ask('GET', '/appointments', {
      version,
      query: { ...query, location_id: 987_654 },
    })
    expect([missing.status, missing.body.error]).toEqual([404, ['Location not found']])
    const past = { start: '2001-01-01T00:00:00Z', end: '2001-02-01T00:00:00Z' }
    const empty = await s.ask('GET', '/appointments', { version, query: { ...query, ...past } })
    expect([empty.status, empty.body.data]).toEqual([200, []])
  }
})

it('reads each time of a list without an offset in the zone of its location', async () => {
  const told = async (query: object) => (await list({ per_page: 100, ...query })).description
  expect(await told({})).toBeNull()
  const { start } = window
  const wall = start.slice(0, 19)
  for (const [query, name] of [
    [{ start: wall }, 'start'],
    [{ end: ahead(60).slice(0, 19) }, 'end'],
    [{ updated_since: wall }, 'updated_since'],
  ] as const)
    expect(await told(query)).toEqual([
      `${name} has no offset and was read as wall time of America/New_York.`,
    ])
  const nowhere = await list({ timezone: 'Nowhere/AtAll' })
  expect(nowhere.error).toEqual(['Parameter timezone is not an IANA zone'])
})

it('walks the list by cursors in every order, forth and back, also where many changed at once', async () => {
  await s.t.look(
    "update appointments set updated_at = '2026-01-01T00:00:00Z'::timestamptz + (id / 4) * interval '1 microsecond'",
  )
  for (const sort of ['start_time', 'updated_at', '-updated_at']) {
    const seen: number[] = []
    let cursor: string | null = null
    for (let page = 0; page < 20; page++) {
      const body = await list({ sort, per_page: 3, ...(cursor && { end_cursor: cursor }) })
      seen.push(...idsOf(body))
      cursor = body.page_info.end_cursor
      if (!body.page_info.has_next_page) break
    }
    expect([sort, seen.length, new Set(seen).size]).toEqual([sort, 10, 10])
    const last = await list({ sort, per_page: 3, page: 4 })
    const before = await list({ sort, per_page: 3, start_cursor: last.page_info.start_cursor })
    expect(idsOf(before)).toEqual(seen.slice(6, 9))
    expect(before.page_info).toMatchObject({ has_previous_page: true, has_next_page: true })
  }
})

it('reads one appointment in the older shape whatever the version, and 404 where there is none', async () => {
  const [id = 0] = idsOf(await list({}))
  for (const version of ['v2', 'v3.0.0', 'v3.1.0']) {
    const { status, body, headers } = await s.ask('GET', `/appointments/${id}`, { version })
    expect([status, body.data.id, body.data.patient.id]).toEqual([200, id, s.patientId])
    expect(headers.get('content-type')).toContain('Nexhealth')
  }
  const none = await s.ask('GET', '/appointments/999999')
  expect([none.status, none.body.error]).toEqual([404, ['Appointment not found']])
  expect((await s.ask('PATCH', '/appointments/999999', { body: { appt: { confirmed: true } } })).status).toBe(
    404,
  )
})

it('shows descriptors and procedures of an appointment', async () => {
  const appt = {
    patient_id: s.patientId,
    provider_id: s.providerId,
    operatory_id: s.operatoryId,
    start_time: ahead(50),
    appointment_type_id: s.typeId,
    descriptor_ids: [s.descriptorId],
  }
  const { body } = await s.ask('POST', '/appointments', { query: base, body: { appt } })
  const { id, descriptors } = body.data.appt
  expect(descriptors).toMatchObject([
    { id: s.descriptorId, code: 'D1110', descriptor_type: 'Procedure Codes' },
  ])
  const path = `/appointments/${id}/appointment_descriptors`
  const some = await s.ask('GET', path, { query: { descriptor_type: 'Procedure Code' } })
  expect(some.body.data).toEqual(descriptors)
  const others = await s.ask('GET', path, { query: { descriptor_type: 'Appointment Type' } })
  expect(others.body.data).toEqual([])
  await s.t.look(
    `insert into procedures (institution_id, data_source_id, foreign_id, location_id, patient_id, provider_id, appointment_id, code, name, status, start_date)
     values ($1, $2, 'p1', $3, $4, $5, $6, 'D1110', 'Cleaning', 'planned', '2026-12-07')`,
    [s.institutionId, s.sourceId, s.locationId, s.patientId, s.providerId, id],
  )
  const read = await s.ask('GET', `/appointments/${id}`)
  expect(read.body.data.procedures).toMatchObject([
    { code: 'D1110', status: 'planned', start_date: '2026-12-07' },
  ])
  for (const version of ['v2', 'v3.0.0']) {
    const found = await s.ask('GET', '/procedures', { version, query: { ...base, appointment_id: id } })
    expect(found.body.data).toEqual(read.body.data.procedures)
    const one = await s.ask('GET', `/procedures/${found.body.data[0].id}`, { version })
    expect(one.body.data).toEqual(found.body.data[0])
    const later = await s.ask('GET', '/procedures', {
      version,
      query: { ...base, patient_id: s.patientId, started_after: '2026-12-08' },
    })
    expect(later.body.data).toEqual([])
    const bare = await s.ask('GET', '/procedures', { version, query: base })
    expect(bare.status).toBe(400)
  }
  // Most record systems say no place of a procedure.
  await s.t.look(`update procedures set location_id = null where foreign_id = 'p1'`)
  for (const version of ['v2', 'v3.0.0']) {
    const found = await s.ask('GET', '/procedures', { version, query: { ...base, patient_id: s.patientId } })
    expect(found.body.data).toMatchObject([{ appointment_id: id, location_id: s.locationId }])
    expect(found.body.count).toBe(version === 'v2' ? 1 : undefined)
  }
})

it('lists the writes of an appointment with their attempts', async () => {
  const [id = 0] = idsOf(await list({ cancelled: false }))
  const [write] = await s.t.look('select id from writes where appointment_id = $1', [id])
  await s.t.look(
    `insert into write_attempts (institution_id, write_id, ended_at, outcome, code, message)
     values ($1, $2, now(), 'unavailable', null, 'Not reached.')`,
    [s.institutionId, write.id],
  )
  const { body } = await s.ask('GET', `/appointments/${id}/writes`)
  expect(body.data).toMatchObject([
    { kind: 'insert', status: 'pending', attempts: [{ outcome: 'unavailable', message: 'Not reached.' }] },
  ])
  expect(JSON.stringify(body)).not.toContain('asked')
})
