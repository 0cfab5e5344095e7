import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Served, serve } from './served.ts'

let s: Served
let base: { subdomain: string; location_id: number }
beforeAll(async () => {
  s = await serve()
  base = { subdomain: s.subdomain, location_id: s.locationId }
})
afterAll(async () => await s[Symbol.asyncDispose]())

it.each([
  ['/appointment_types', 'appointment_type'],
  ['/appointment_categories', 'appointment_category'],
])('%s are made, read, changed and deleted', async (path, wrapper) => {
  const fields = { name: `Exam of ${wrapper}`, minutes: '15', emr_appt_descriptor_ids: [s.descriptorId] }
  const made = await s.ask('POST', path, {
    query: base,
    body: { location_id: s.locationId, [wrapper]: fields },
  })
  expect([made.status, made.body.error]).toEqual([201, null])
  const { id } = made.body.data
  expect(made.body.data).toEqual({
    id,
    name: fields.name,
    parent_type: 'Institution',
    parent_id: s.institutionId,
    minutes: 15,
    bookable_online: false,
  })
  const one = await s.ask('GET', `${path}/${id}`, { query: { include: ['descriptors'] } })
  expect(one.body.data.descriptors).toMatchObject([{ id: s.descriptorId }])
  const change = { minutes: 20, bookable_online: 'true', emr_appt_descriptor_ids: [] }
  const changed = await s.ask('PATCH', `${path}/${id}`, { query: base, body: { [wrapper]: change } })
  expect(changed.body.data).toMatchObject({ name: fields.name, minutes: 20, bookable_online: true })
  const list = await s.ask('GET', path, { query: { ...base, include: ['descriptors'] } })
  expect(list.body.data.find((row: { id: number }) => row.id === id).descriptors).toEqual([])
  expect(list.body.count).toBe(2)
  const gone = await s.ask('DELETE', `${path}/${id}`)
  expect([gone.status, gone.body.data.id]).toEqual([200, id])
  expect((await s.ask('GET', `${path}/${id}`)).status).toBe(404)
})

it('says what is wrong with a type, and leaves nothing half done', async () => {
  const post = (fields: object) =>
    s.ask('POST', '/appointment_types', { query: base, body: { appointment_type: fields } })
  const refused = async (fields: object) => {
    const { status, body } = await post(fields)
    return [status, ...body.error]
  }
  expect(await refused({})).toEqual([400, 'Missing parameter name', 'Missing parameter minutes'])
  expect(await refused({ name: 'Odd', minutes: 7 })).toEqual([
    400,
    'Parameter minutes must be a multiple of 5 from 5 to 1440',
  ])
  expect(await refused({ name: 'Cleaning', minutes: 30 })).toEqual([
    400,
    'Parameter name is taken by another appointment type',
  ])
  expect(
    await refused({ name: 'With', minutes: 30, emr_appt_descriptor_ids: [s.descriptorId, 424_242] }),
  ).toEqual([400, 'Parameter emr_appt_descriptor_ids: descriptor 424242 not found'])
  const list = await s.ask('GET', '/appointment_types', { query: base })
  expect(list.body.data.map((row: { name: string }) => row.name)).toEqual(['Cleaning'])
  const taken = await post({ name: 'Other', minutes: 30 })
  const patch = await s.ask('PATCH', `/appointment_types/${taken.body.data.id}`, {
    body: { appointment_type: { name: 'Cleaning' } },
  })
  expect([patch.status, patch.body.error]).toEqual([
    400,
    ['Parameter name is taken by another appointment type'],
  ])
})

it('gives a type to a location where asked, or where the institution wants it so', async () => {
  const post = (fields: object, query: object = base) =>
    s.ask('POST', '/appointment_types', {
      query: query as never,
      body: { appointment_type: { minutes: 10, ...fields } },
    })
  const own = await post({ name: 'Own', parent_type: 'Location', parent_id: s.locationId })
  expect(own.body.data).toMatchObject({ parent_type: 'Location', parent_id: s.locationId })
  expect((await post({ name: 'Cleaning', parent_type: 'Location' })).status).toBe(201)
  await s.ask('PATCH', `/institutions/${s.institutionId}`, {
    body: { institution: { appointment_types_location_scoped: true } },
  })
  expect((await post({ name: 'Scoped' })).body.data.parent_type).toBe('Location')
  const nowhere = await post({ name: 'Nowhere' }, { subdomain: s.subdomain })
  expect([nowhere.status, nowhere.body.error]).toEqual([400, ['Missing parameter location_id']])
})

it('shows the types of operatories and the operatories of a category by their working hours', async () => {
  const [hour] = await s.t.look(
    `insert into working_hours (institution_id, location_id, provider_id, operatory_id, source, begin_time, end_time, days)
     values ($1, $2, $3, $4, 'synced', '09:00', '12:00', '{Monday}') returning id`,
    [s.institutionId, s.locationId, s.providerId, s.operatoryId],
  )
  await s.t.look('insert into working_hour_types values ($1, $2, $3)', [s.institutionId, hour.id, s.typeId])
  const operatories = await s.ask('GET', '/operatories', {
    query: { ...base, include: ['appointment_types', 'appt_categories'] },
  })
  const [first, second] = operatories.body.data
  expect([first.appointment_types[0].id, first.appt_categories[0].id]).toEqual([s.typeId, s.typeId])
  expect(second.appointment_types).toEqual([])
  const of = await s.ask('GET', `/appointment_categories/${s.typeId}/operatories`)
  expect(of.body.data.map((row: { id: number }) => row.id)).toEqual([s.operatoryId])
  for (const [version, mark] of [
    ['v2', { synced: true }],
    ['v3.0.0', { source: 'synced', label: null }],
  ] as const) {
    const { body } = await s.ask('GET', '/providers', {
      version,
      query: { ...base, include: ['availabilities'] },
    })
    expect(body.data[0].availabilities).toMatchObject([
      { begin_time: '09:00', days: ['Monday'], tz_offset: expect.stringMatching(/^-0[45]00$/), ...mark },
    ])
    expect(body.data[0].availabilities[0].appointment_types[0].name).toBe('Cleaning')
    expect(body.data[0].locations).toBeUndefined()
  }
})

it('answers 404 where the location that is named beside an id is none of the institution, and does nothing', async () => {
  const query = { ...base, location_id: 999_999 }
  const body = { appointment_type: { name: 'Elsewhere', minutes: 30 } }
  for (const [method, path] of [
    ['GET', `/appointment_types/${s.typeId}`],
    ['PATCH', `/appointment_types/${s.typeId}`],
    ['DELETE', `/appointment_types/${s.typeId}`],
    ['POST', '/appointment_types'],
    ['GET', `/patients/${s.patientId}`],
  ] as const) {
    const { status, body: answer } = await s.ask(method, path, { query, ...(method !== 'GET' && { body }) })
    expect([method, path, status, answer.error]).toEqual([method, path, 404, ['Location not found']])
  }
  const { body: types } = await s.ask('GET', '/appointment_types', { query: base })
  const names = types.data.map((row: { name: string }) => row.name)
  expect(names).not.toContain('Elsewhere')
  expect(types.data.map((row: { id: number }) => row.id)).toContain(s.typeId)
})
