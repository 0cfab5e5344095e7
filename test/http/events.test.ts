import { afterAll, beforeAll, expect, it } from 'vitest'
import { recordEvents } from '../../src/store/events.ts'
import { listSourceStatus } from '../../src/store/sync-status.ts'
import { ahead, type Served, serve } from './served.ts'

let s: Served
beforeAll(async () => {
  s = await serve()
  const query = { subdomain: s.subdomain, location_id: s.locationId }
  const appt = {
    patient_id: s.patientId,
    provider_id: s.providerId,
    operatory_id: s.operatoryId,
    start_time: ahead(3),
    appointment_type_id: s.typeId,
  }
  const { body } = await s.ask('POST', '/appointments', { query, body: { appt } })
  await s.ask('PATCH', `/appointments/${body.data.appt.id}`, { body: { appt: { confirmed: true } } })
  const patient = {
    first_name: 'Teo',
    last_name: 'Marchetti',
    email: 'teo@example.com',
    bio: { date_of_birth: '2001-09-14', phone_number: '5035550177' },
  }
  await s.ask('POST', '/patients', { query, body: { provider: { provider_id: s.providerId }, patient } })
  await s.tenant(async (tx) => {
    const [sync_status] = await listSourceStatus(tx)
    await recordEvents(tx, [
      {
        name: 'sync_status_read_change',
        resourceType: 'SyncStatus',
        subjectId: s.sourceId,
        body: { sync_status },
      },
      {
        name: 'data_source_loaded',
        resourceType: 'DataSource',
        subjectId: s.sourceId,
        body: { data_source: { id: s.sourceId, appointments: 3, patients: 2 } },
      },
    ])
  })
})
afterAll(async () => await s[Symbol.asyncDispose]())

const events = async (query: object = {}, more: object = {}) =>
  (await s.ask('GET', '/events', { query: { subdomain: s.subdomain, ...query } as never, ...more })).body

it('serves events only once they have their position, then in order', async () => {
  const before = await events()
  expect([before.data, before.page_info.end_cursor]).toEqual([[], null])
  await s.sequence()
  const { data } = await events()
  expect(data.map((one: { event_name: string }) => one.event_name)).toEqual([
    'appointment_accepted',
    'appointment_accepted',
    'patient_created',
    'sync_status_read_change',
    'data_source_loaded',
  ])
  expect(Object.keys(data[0]).sort()).toEqual(
    [
      'id',
      'cursor',
      'institution_id',
      'subdomain',
      'resource_type',
      'event_name',
      'event_time',
      'data',
    ].sort(),
  )
})

it('goes on from a cursor, one at a time, and waits at the end with the same cursor', async () => {
  const ids: number[] = []
  let after: string | undefined
  for (let n = 0; n < 5; n++) {
    const { data, page_info } = await events({ per_page: 1, ...(after && { after }) })
    ids.push(data[0].id)
    expect(page_info.has_next_page).toBe(n < 4)
    expect(data[0].cursor).toBe(page_info.end_cursor)
    after = page_info.end_cursor
  }
  expect(new Set(ids).size).toBe(5)
  const end = await events({ after })
  expect([end.data, end.page_info.end_cursor]).toEqual([[], after])
  expect(
    (await s.ask('GET', '/events', { query: { subdomain: s.subdomain, after: 'nonsense' } })).status,
  ).toBe(400)
})

it('shapes each event as its webhook would be, for the version asked for', async () => {
  const { data } = await events()
  expect(data[0].data.appointment).toMatchObject({
    foreign_id: null,
    deleted: false,
    insertion: { status: 'pending' },
  })
  expect(data[1].data.previous_attributes).toMatchObject({ confirmed: false })
  expect(data[2].data.patient).toMatchObject({
    first_name: 'Teo',
    preferred_locale: 'en',
    bio: { new_patient: true },
  })
  expect(data[3].data).toMatchObject({
    sync_source_type: 'DataSource',
    emr: { name: 'sandbox' },
    locations: [{ id: s.locationId }],
  })
  expect(data[4].data).toEqual({ data_source: { id: s.sourceId, appointments: 3, patients: 2 } })
  const v3 = await events({ names: ['patient_created'] }, { version: 'v20240412' })
  expect(v3.data).toHaveLength(1)
  expect(v3.data[0].data.patient.hipaa.consent).toBeNull()
})

it('leaves patients out for a key that may not read them, and warns of a name that is none', async () => {
  const made = await s.ask('POST', '/api_keys', {
    body: { api_key: { name: 'r', scopes: ['appointments:read'] } },
  })
  const { data, description } = await events({}, { key: made.body.data.key })
  expect(data.map((one: { event_name: string }) => one.event_name)).not.toContain('patient_created')
  expect(description.join(' ')).toContain('patients:read')
  const odd = await events({ names: ['no_such_event'] })
  expect([odd.data, odd.description]).toEqual([[], ['No event has the name no_such_event.']])
})

it('tells how the sync of each data source is doing', async () => {
  const query = { subdomain: s.subdomain }
  const { body } = await s.ask('GET', '/sync_status', { query })
  expect(body.data).toMatchObject([
    {
      institution_id: s.institutionId,
      sync_source_name: 'Main St server',
      emr: { id: 1, name: 'sandbox', display_name: 'Simulated practice', type: 'onprem' },
      read_status: 'red',
      write_status: 'green',
      locations: [{ id: s.locationId, street_address_2: '' }],
    },
  ])
  expect(
    (await s.ask('GET', '/sync_status', { query: { ...query, read_status: 'green' } })).body.data,
  ).toEqual([])
  const elsewhere = { ...query, location_ids: [s.locationId + 1] }
  expect((await s.ask('GET', '/sync_status', { query: elsewhere })).body.data).toEqual([])
  expect((await s.ask('GET', '/capabilities')).body.error).toEqual(['Missing parameter location_id'])
  expect((await s.ask('GET', '/capabilities', { query: { location_id: 999_999 } })).status).toBe(404)
})

it('filters by appointment, by patient and by time, and refuses two of them at once', async () => {
  const { data } = await events()
  const subject = data.find((one: { event_name: string }) => one.event_name === 'patient_created').data
    .patient.id
  const names = async (query: object) =>
    (await events(query)).data.map((one: { event_name: string }) => one.event_name)
  expect(await names({ patient_id: subject })).toEqual(['patient_created'])
  const accepted = data[0].data.appointment?.id ?? data[0].data.id
  expect(await names({ appointment_id: accepted })).toEqual(['appointment_accepted', 'appointment_accepted'])
  expect(await names({ appointment_id: 2147483647 })).toEqual([])
  expect(await names({ since: '2000-01-01T00:00:00Z' })).toHaveLength(5)
  expect(await names({ since: '2100-01-01T00:00:00Z' })).toEqual([])
  expect((await events({ appointment_id: accepted, patient_id: subject })).error).toEqual([
    'Send appointment_id or patient_id, not both',
  ])
  expect((await events({ since: 'yesterday' })).code).toBe(false)
})
