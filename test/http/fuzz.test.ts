import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Served, serve } from './served.ts'

let s: Served
beforeAll(async () => {
  s = await serve()
})
afterAll(async () => await s[Symbol.asyncDispose]())

const nasty = fc.oneof(
  fc.constantFrom<unknown>(
    ...[
      '',
      ' ',
      '0',
      '-1',
      '1e9',
      '9007199254740993',
      '99999999999',
      'NaN',
      'true',
      'null',
      '%',
      '\u0000',
      "'; --",
      '\ud800',
    ],
    ...[
      '0000-01-01',
      '0001-01-01',
      '9999-12-31',
      '2026-02-30',
      '2026-03-08T02:30',
      '0000-01-01T00:00:00+14:00',
    ],
    ...['9999-12-31T23:59:59-12:00', '_%_', 'Zoë', '(503)555-0142', '٣٤٥', 'x'.repeat(300)],
    ...[null, [], {}, [[]], [null], 0, -1, 1.5, 1e300, true, { a: { b: 1 } }],
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

/** One or two parameters are nasty and the rest good, so that what is let through reaches the database. */
const nastyFew = (names: string) =>
  fc
    .array(fc.tuple(fc.constantFrom(...names.split(' ')), nasty), { minLength: 1, maxLength: 2 })
    .map((pairs) => Object.fromEntries(pairs) as Record<string, unknown>)

const lists = [
  {
    path: '/appointments',
    good: { start: '2026-01-01', end: '2027-01-01' },
    names:
      'start end timezone cancelled updated_since provider_ids[] patient_ids[] foreign_id sort page per_page end_cursor location_id',
  },
  {
    path: '/patients',
    good: {},
    names:
      'name first_name last_name email phone_number date_of_birth foreign_id updated_since appointment_date_start sort end_cursor page',
  },
  {
    path: '/procedures',
    good: { patient_id: 1 },
    names: 'updated_since started_after ended_before page start_cursor',
  },
  { path: '/providers', good: {}, names: 'ids[] location_id foreign_id updated_since sort include[] page' },
  { path: '/operatories', good: {}, names: 'search_name foreign_id updated_since per_page page include[]' },
  { path: '/events', good: {}, names: 'after per_page names[]' },
  { path: '/sync_status', good: {}, names: 'read_status location_ids[]' },
]

it('answers whatever is asked in the envelope, and never as a fault of ours', async () => {
  const asked = fc.constantFrom(...lists).chain(({ path, good, names }) =>
    fc.record({
      path: fc.constant(path),
      query: nastyFew(names).map((few) => ({ ...good, ...few })),
      version: fc.constantFrom('v2', 'v20240412'),
    }),
  )
  let taken = 0
  await fc.assert(
    fc.asyncProperty(asked, async ({ path, query, version }) => {
      const url = new URLSearchParams({ subdomain: s.subdomain, location_id: String(s.locationId) })
      for (const [name, value] of Object.entries(query)) url.set(name, String(value))
      const { status, body } = await s.ask('GET', `${path}?${url}`, { version })
      expect([status < 500, typeof body.code, status === 200]).toEqual([true, 'boolean', body.code])
      if (status === 200) taken++
    }),
    { numRuns: 400 },
  )
  expect(taken).toBeGreaterThan(10)
})

const visit = () => ({
  patient_id: s.patientId,
  provider_id: s.providerId,
  operatory_id: s.operatoryId,
  start_time: '2030-01-07T15:00:00Z',
  appointment_type_id: s.typeId,
})
const person = () => ({
  first_name: 'Teo',
  last_name: 'Marchetti',
  email: 'teo@example.com',
  bio: { date_of_birth: '2001-09-14', phone_number: '5035550177' },
})
const bodies = [
  {
    path: '/appointments',
    wrapper: 'appt',
    good: visit,
    names: 'start_time end_time note referrer descriptor_ids operatory_id category_id',
  },
  {
    path: '/patients',
    wrapper: 'patient',
    good: person,
    names: 'first_name last_name middle_name email bio',
  },
  {
    path: '/appointment_types',
    wrapper: 'appointment_type',
    good: () => ({ name: 'Exam', minutes: 10 }),
    names: 'name minutes parent_type parent_id emr_appt_descriptor_ids',
  },
  {
    path: '/locations',
    wrapper: 'location',
    good: () => ({ name: 'Annex', tz: 'UTC' }),
    names: 'name tz city foreign_id latitude default_minutes promise_minutes country_code data_source_id',
  },
  {
    path: '/data_sources',
    wrapper: 'data_source',
    good: () => ({ name: 'Other', connector: 'sandbox', configuration: { url: 'http://127.0.0.1:9' } }),
    names: 'name connector configuration poll_seconds',
  },
  {
    path: '/api_keys',
    wrapper: 'api_key',
    good: () => ({ name: 'Other', scopes: ['patients:read'] }),
    names: 'name scopes institution_ids',
  },
]

it('refuses or takes whatever is sent, and never as a fault of ours', async () => {
  const sent = fc
    .constantFrom(...bodies)
    .chain((at) => fc.record({ at: fc.constant(at), few: nastyFew(at.names) }))
  let taken = 0
  await fc.assert(
    fc.asyncProperty(sent, async ({ at, few }) => {
      const { status, body } = await s.ask('POST', at.path, {
        query: { subdomain: s.subdomain, location_id: s.locationId },
        body: { [at.wrapper]: { ...at.good(), ...few }, provider: { provider_id: s.providerId } },
      })
      expect([status < 500, typeof body.code]).toEqual([true, 'boolean'])
      if (status === 201) taken++
    }),
    { numRuns: 300 },
  )
  expect(taken).toBeGreaterThan(10)
})
