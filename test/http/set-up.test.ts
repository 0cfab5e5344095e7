import { afterAll, beforeAll, expect, it } from 'vitest'
import { ahead, type Served, serve } from './served.ts'

let s: Served
beforeAll(async () => {
  s = await serve()
})
afterAll(async () => await s[Symbol.asyncDispose]())

it('sets up a practice from nothing over HTTP', async () => {
  const institution = await s.ask('POST', '/institutions', {
    body: { institution: { subdomain: 'new-practice', name: 'New Practice', country_code: 'CA' } },
  })
  expect([institution.status, institution.body.data.emrs, institution.body.data.locations]).toEqual([
    201,
    [],
    [],
  ])
  const query = { subdomain: 'new-practice' }
  const source = await s.ask('POST', '/data_sources', {
    query,
    body: {
      data_source: {
        name: 'Back office',
        connector: 'sandbox',
        configuration: { url: 'http://127.0.0.1:9', key: 'a-secret-key' },
        poll_seconds: 5,
      },
    },
  })
  expect([source.status, source.body.error]).toEqual([201, null])
  const { id } = source.body.data
  expect(source.body.data).toMatchObject({
    poll_seconds: 5,
    foreign_id_type: `http-sandbox-DataSource-${id}`,
  })
  const location = await s.ask('POST', '/locations', {
    query,
    body: {
      location: {
        name: 'Harbour',
        tz: 'America/Halifax',
        data_source_id: id,
        foreign_id: '7',
        map_by_operatory: false,
        promise_minutes: 30,
      },
    },
  })
  expect([location.status, location.body.error]).toEqual([201, null])
  expect(location.body.data).toMatchObject({
    tz: 'America/Halifax',
    map_by_operatory: false,
    insert_appt_client: true,
  })
  expect(location.body.data.settings).toEqual({
    data_source_id: id,
    default_minutes: 30,
    outside_hours: 'allow',
    promise_minutes_soon: 15,
    promise_minutes: 30,
    min_notice_minutes: 0,
    buffer_minutes: 0,
    overbooking: 'strict',
    operatory_limit: 1,
    provider_limit: 1,
  })
  const work = await s.t.look('select kind from work where subject_id = $1 order by kind', [id])
  expect(work.map((row) => row.kind)).toEqual(['pull', 'push'])
  const key = await s.ask('POST', '/api_keys', {
    body: {
      api_key: {
        name: 'booking page',
        scopes: ['appointments:read'],
        institution_ids: [institution.body.data.id],
      },
    },
  })
  expect(key.status).toBe(201)
  const list = await s.ask('GET', '/appointments', {
    key: key.body.data.key,
    query: { ...query, location_id: location.body.data.id, start: ahead(1), end: ahead(2) },
  })
  expect([list.status, list.body.data]).toEqual([200, []])
  const all = await s.ask('GET', '/institutions', { query })
  expect(all.body.data).toMatchObject([
    { subdomain: 'new-practice', emrs: ['sandbox'], locations: [{ name: 'Harbour' }] },
  ])
})

it('changes an institution and a location, and says every setting that is wrong', async () => {
  const changed = await s.ask('PATCH', `/institutions/${s.institutionId}`, {
    body: { institution: { name: 'Renamed', notify_insert_fails: true } },
  })
  expect(changed.body.data).toMatchObject({
    name: 'Renamed',
    notify_insert_fails: true,
    subdomain: s.subdomain,
  })
  const path = `/locations/${s.locationId}`
  const location = await s.ask('PATCH', path, {
    body: { location: { city: 'Albany', outside_hours: 'refuse' } },
  })
  expect(location.body.data).toMatchObject({
    city: 'Albany',
    name: 'Main St',
    settings: { outside_hours: 'refuse' },
  })
  const wrong = await s.ask('PATCH', path, {
    body: {
      location: { tz: 'Mars/Olympus', default_minutes: 3, promise_minutes: 0, data_source_id: 999_999 },
    },
  })
  expect([wrong.status, wrong.body.error]).toEqual([
    400,
    [
      'Parameter tz is not an IANA zone, such as America/New_York',
      'Parameter default_minutes must be a whole number from 5 to 1440',
      'Parameter promise_minutes must be a whole number from 1 to 43200',
      'Parameter data_source_id names no data source of this institution',
    ],
  ])
  const kind = await s.ask('PATCH', path, { body: { location: { outside_hours: 'maybe' } } })
  expect(kind.body.error).toEqual(['Parameter location.outside_hours must be one of allow, refuse'])
  const twice = await s.ask('POST', '/locations', {
    query: { subdomain: s.subdomain },
    body: { location: { name: 'Other', tz: 'UTC', data_source_id: s.sourceId, foreign_id: '1' } },
  })
  expect(twice.body.error).toEqual(['Parameter foreign_id is taken by another location of the data source'])
  const plain = await s.ask('GET', path)
  expect(plain.body.data.settings).toBeUndefined()
  const asked = await s.ask('GET', path, { query: { include: ['settings'] } })
  expect(asked.body.data.settings.outside_hours).toBe('refuse')
})

it('refuses a subdomain that is taken or malformed', async () => {
  for (const [subdomain, why] of [
    [s.subdomain, 'Parameter subdomain is taken'],
    ['Has Spaces', 'Parameter subdomain must be lower-case letters, digits and hyphens, at most 63'],
  ]) {
    const { status, body } = await s.ask('POST', '/institutions', {
      body: { institution: { subdomain, name: 'X' } },
    })
    expect([status, body.error]).toEqual([400, [why]])
  }
})

it('never answers the configuration of a data source, and keeps it sealed', async () => {
  const query = { subdomain: s.subdomain }
  const bad = await s.ask('POST', '/data_sources', {
    query,
    body: { data_source: { name: 'x', connector: 'sandbox', configuration: { key: 'a-secret' } } },
  })
  expect([bad.status, bad.body.error]).toEqual([400, ['Parameter configuration.url must be a text']])
  const unknown = await s.ask('POST', '/data_sources', {
    query,
    body: { data_source: { name: 'x', connector: 'fax', configuration: {} } },
  })
  expect(unknown.body.error).toEqual(['Parameter connector must be one of sandbox'])
  const list = await s.ask('GET', '/data_sources', { query })
  const changed = await s.ask('PATCH', `/data_sources/${s.sourceId}`, {
    query,
    body: {
      data_source: { name: 'Renamed', configuration: { url: 'http://127.0.0.1:10', key: 'another-secret' } },
    },
  })
  expect(changed.body.data.name).toBe('Renamed')
  expect(JSON.stringify([list.body, changed.body, s.logged])).not.toMatch(
    /a-secret|another-secret|127\.0\.0\.1:/,
  )
  const [row] = await s.t.look('select configuration_sealed from data_sources where id = $1', [s.sourceId])
  expect(row.configuration_sealed.includes('another-secret')).toBe(false)
  expect((await s.ask('PATCH', '/data_sources/999999', { query, body: { data_source: {} } })).status).toBe(
    404,
  )
})

it('makes, lists and revokes keys; a key is answered once and no other account sees it', async () => {
  const made = await s.ask('POST', '/api_keys', {
    body: { api_key: { name: 'reader', scopes: ['patients:read'] } },
  })
  const { id, key } = made.body.data
  expect(key).toMatch(/^sb_[\w-]{43}$/)
  const list = await s.ask('GET', '/api_keys')
  expect(list.body.data.find((one: { id: number }) => one.id === id)).toMatchObject({
    name: 'reader',
    revoked_at: null,
  })
  expect(JSON.stringify(list.body)).not.toContain(key)
  const wrong = await s.ask('POST', '/api_keys', { body: { api_key: { name: 'x', scopes: ['root'] } } })
  expect(wrong.status).toBe(400)
  const foreign = await s.ask('POST', '/api_keys', {
    body: { api_key: { name: 'x', scopes: ['admin'], institution_ids: [999_999] } },
  })
  expect(foreign.body.error).toEqual(["Institution 999999 is not one of the account's"])
  const gone = await s.ask('DELETE', `/api_keys/${id}`)
  expect([gone.status, typeof gone.body.data.revoked_at]).toEqual([200, 'string'])
  expect((await s.ask('GET', '/institutions', { key })).status).toBe(401)
  const [other] = await s.t.look("insert into accounts (name) values ('other') returning id")
  const [theirs] = await s.t.look(
    "insert into api_keys (account_id, name, hash, scopes) values ($1, 'theirs', '\\x01', '{admin}') returning id",
    [other.id],
  )
  expect((await s.ask('DELETE', `/api_keys/${theirs.id}`)).status).toBe(404)
})

it('a narrowed admin key makes no institution, and no key wider than itself', async () => {
  const made = await s.ask('POST', '/api_keys', {
    body: { api_key: { name: 'narrow', scopes: ['admin'], institution_ids: [s.institutionId] } },
  })
  const { key } = made.body.data
  const institution = { institution: { subdomain: 'another', name: 'Another' } }
  expect((await s.ask('POST', '/institutions', { key, body: institution })).status).toBe(403)
  const [{ id: another }] = await s.t.look("select id from institutions where subdomain = 'new-practice'")
  const wider = { api_key: { name: 'wider', scopes: ['admin'], institution_ids: [Number(another)] } }
  expect((await s.ask('POST', '/api_keys', { key, body: wider })).status).toBe(403)
  const same = await s.ask('POST', '/api_keys', {
    key,
    body: { api_key: { name: 'same', scopes: ['admin'] } },
  })
  expect(same.body.data.institution_ids).toEqual([s.institutionId])
  expect((await s.ask('DELETE', `/api_keys/${s.keyId}`, { key })).status).toBe(404)
})
