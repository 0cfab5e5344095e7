import { afterAll, beforeAll, expect, it } from 'vitest'
import { ahead, type Served, serve } from './served.ts'

let s: Served
let base: { subdomain: string; location_id: number }
beforeAll(async () => {
  s = await serve()
  base = { subdomain: s.subdomain, location_id: s.locationId }
})
afterAll(async () => await s[Symbol.asyncDispose]())

const person = (more: { bio?: object } & Record<string, unknown> = {}) => ({
  first_name: 'Teo',
  last_name: 'Marchetti',
  email: 'teo.marchetti@example.com',
  ...more,
  bio: { date_of_birth: '2001-09-14', phone_number: '5035550177', gender: 'Male', ...more.bio },
})
const create = (patient: object, more: object = {}, version = 'v20240412') =>
  s.ask('POST', '/patients', {
    version,
    query: base,
    body: { provider: { provider_id: s.providerId }, patient, ...more },
  })
const search = async (query: object, version = 'v20240412') => {
  const { status, body } = await s.ask('GET', '/patients', { version, query: { ...base, ...query } })
  const rows = version === 'v2' ? body.data?.patients : body.data
  return {
    status,
    names: rows?.map((row: { name: string }) => row.name),
    description: body.description,
    body,
  }
}

it('creates a patient once, answers the match where it is wanted back, and refuses it otherwise', async () => {
  const made = await create(person())
  expect([made.status, made.body.error]).toEqual([201, null])
  expect(made.body.data.user).toMatchObject({
    first_name: 'Teo',
    foreign_id: null,
    foreign_id_type: 'Nex-DataSource-0',
  })
  expect(made.body.data.user.bio).toMatchObject({
    new_patient: true,
    phone_number: '5035550177',
    gender: 'Male',
  })
  const again = await create(person({ first_name: ' teo ', bio: { phone_number: '+1 (503) 555-0177' } }))
  expect([again.status, again.body.error]).toEqual([400, ['Patient already exists']])
  const wanted = await create(person(), { return_existing_if_match: true })
  expect([wanted.status, wanted.body.data.user.id]).toEqual([200, made.body.data.user.id])
  const other = await create(person({ bio: { phone_number: '5035550178' } }))
  expect(other.status).toBe(201)
})

it('makes one patient of twenty requests at once', async () => {
  const same = person({ first_name: 'Ana', email: 'ana@example.com', bio: { phone_number: '5035550123' } })
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => create(same, { return_existing_if_match: true })),
  )
  expect(new Set(answers.map((answer) => answer.body.data.user.id)).size).toBe(1)
  expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1)
})

it('refuses a patient with a sentence for each thing wrong, and creates nothing', async () => {
  const nothing = await s.ask('POST', '/patients', { query: base, body: {} })
  expect(nothing.body.error).toEqual(['Missing parameter provider', 'Missing parameter patient'])
  const empty = await create({ bio: {} })
  expect(empty.body.error.sort()).toEqual(
    ['first_name', 'last_name', 'email', 'date_of_birth', 'phone_number']
      .map((name) => `Missing parameter ${name}`)
      .sort(),
  )
  const wrong = await create(
    person({
      first_name: ' ',
      email: 'nowhere',
      bio: { date_of_birth: '2999-01-01', phone_number: '12', gender: 'Cat' },
    }),
  )
  expect(wrong.body.error).toEqual([
    'Parameter first_name must not be empty',
    'Parameter email is not an e-mail address',
    'Parameter date_of_birth lies in the future',
    'Parameter gender must be one of Male, Female, Other',
    'User phone number is invalid',
  ])
  const day = await create(person({ bio: { date_of_birth: '2001-02-30' } }))
  expect(day.body.error).toEqual(['Parameter patient.bio.date_of_birth must be a day such as 2026-12-07'])
  const provider = await s.ask('POST', '/patients', {
    query: base,
    body: { provider: { provider_id: 999_999 }, patient: person({ first_name: 'Never' }) },
  })
  expect([provider.status, provider.body.error]).toEqual([404, ['Provider not found']])
  expect((await search({ first_name: 'Never' })).names).toEqual([])
})

it('decision 22: first_name and last_name filter, exact names rank first, and there is a floor', async () => {
  for (const [first, last] of [
    ['Imani', 'Okafour'],
    ['Imane', 'Okafor'],
    ['Zoë', "O'Brien-Smith"],
  ])
    await create(person({ first_name: first, last_name: last }))
  expect((await search({ name: 'Imani Okafor' })).names[0]).toBe('Imani Okafor')
  expect((await search({ name: 'okafor, imani' }, 'v2')).names[0]).toBe('Imani Okafor')
  expect((await search({ name: 'Imani Okafor' })).names).toEqual(
    expect.arrayContaining(['Imani Okafor', 'Imani Okafour', 'Imane Okafor']),
  )
  expect((await search({ name: 'Xavier Quux' })).names).toEqual([])
  expect((await search({ first_name: 'imani', last_name: 'okafor' })).names).toEqual(['Imani Okafor'])
  expect((await search({ name: 'zoe obrien smith' })).names[0]).toBe("Zoë O'Brien-Smith")
  expect((await search({ last_name: '' })).names).toEqual([])
})

it('decision 22: with unknown filters alone the list is empty and says so; it never widens', async () => {
  const { status, names, description } = await search({ full_name: 'Imani Okafor', inactive: false })
  expect([status, names]).toEqual([200, []])
  expect(description).toEqual([
    'Note that following parameters are ignored: full_name.',
    'No known filter remains: the list is empty rather than everybody.',
  ])
  expect((await search({ full_name: 'x', last_name: 'Okafor' })).names).toEqual(
    expect.arrayContaining(['Imani Okafor']),
  )
  expect((await search({})).names.length).toBeGreaterThan(1)
})

it("includes and the other version's cursors are no filters: left out, they empty no list", async () => {
  for (const [more, version] of [
    [{ include: ['upcoming_appts'] }, 'v3.0.0'],
    [{ start_cursor: '', end_cursor: '' }, 'v2'],
  ] as const) {
    const { names, description } = await search(more, version)
    expect(names.length).toBeGreaterThan(1)
    expect(description).toEqual([
      `Note that following parameters are ignored: ${Object.keys(more).join(', ')}.`,
    ])
    expect((await search({ ...more, full_name: 'Imani Okafor' }, version)).names).toEqual([])
  }
})

it('decision 23: phones are kept as given, shown as ten digits, and found however they are written', async () => {
  for (const phone_number of ['5035550142', '503-555-0142', '+1 (503) 555-0142', '15035550142'])
    expect((await search({ phone_number })).names).toEqual(['Imani Okafor'])
  const { body } = await s.ask('GET', `/patients/${s.patientId}`)
  expect(body.data.bio).toMatchObject({ phone_number: '5035550142', cell_phone_number: '5035550142' })
  const british = await create(person({ first_name: 'Gwen', bio: { phone_number: '+44 20 7946 0018' } }))
  expect(british.body.data.user.bio.phone_number).toBe('+442079460018')
  expect((await search({ phone_number: '+442079460018' })).names).toEqual(['Gwen Marchetti'])
  const [kept] = await s.t.look('select cell_phone from patients where id = $1', [british.body.data.user.id])
  expect(kept.cell_phone).toBe('+44 20 7946 0018')
  const wrong = await create(person({ first_name: 'Nobody', bio: { phone_number: '0123456789' } }))
  expect([wrong.status, wrong.body.error]).toEqual([400, ['User phone number is invalid']])
})

it('finds by e-mail or phone together, by birth date, foreign id and newness', async () => {
  const both = await search({ email: 'IMANI.okafor@example.com', phone_number: '+442079460018' })
  expect(both.names.sort()).toEqual(['Gwen Marchetti', 'Imani Okafor'])
  expect((await search({ date_of_birth: '1988-02-29' })).names).toEqual(['Imani Okafor'])
  for (const date_of_birth of ['29.02.1988', '2001-02-29', '0000-01-01', ''])
    expect([date_of_birth, (await search({ date_of_birth })).status]).toEqual([date_of_birth, 400])
  expect((await search({ foreign_id: '1001' })).names).toEqual(['Imani Okafor'])
  expect((await search({ new_patient: false })).names).toEqual(['Imani Okafor'])
  expect((await search({ non_patient: true })).names).toEqual([])
  expect((await search({ inactive: true })).names).toEqual([])
  expect((await search({ updated_since: ahead(1) })).names).toEqual([])
})

it('walks a list by cursors without losing or repeating a row, both ways, in each order', async () => {
  await s.t.look(
    `insert into patients (institution_id, data_source_id, location_id, first_name, last_name, name_key, match_key, updated_at)
     select $1, $2, $3, 'Walker', 'No' || n, 'walker no' || n, n, '2026-01-01'::timestamptz + (n / 3) * interval '1 microsecond'
     from generate_series(1, 30) n`,
    [s.institutionId, s.sourceId, s.locationId],
  )
  const orders: object[] = [
    { sort: 'id' },
    { sort: 'updated_at' },
    { sort: '-updated_at' },
    { name: 'Walker' },
  ]
  for (const order of orders) {
    const ids: number[] = []
    let end: string | undefined
    for (let page = 0; page < 40; page++) {
      const query = { ...order, first_name: 'Walker', per_page: 4, ...(end && { end_cursor: end }) }
      const { body } = await search(query)
      ids.push(...body.data.map((row: { id: number }) => row.id))
      end = body.page_info.end_cursor
      expect(body.page_info.has_previous_page).toBe(page > 0)
      if (!body.page_info.has_next_page) break
    }
    expect([ids.length, new Set(ids).size]).toEqual([30, 30])
    const back: number[] = []
    let start = (await search({ ...order, first_name: 'Walker', per_page: 4, page: 8 })).body.page_info
      .start_cursor
    for (let page = 0; page < 40 && start; page++) {
      const { body } = await search({ ...order, first_name: 'Walker', per_page: 4, start_cursor: start })
      back.unshift(...body.data.map((row: { id: number }) => row.id))
      expect(body.page_info.has_next_page).toBe(true)
      if (!body.page_info.has_previous_page) break
      start = body.page_info.start_cursor
    }
    expect(back).toEqual(ids.slice(0, 28))
  }
})

it('refuses a cursor of another list or none at all', async () => {
  const { body } = await search({ sort: 'updated_at', per_page: 1 })
  const foreign = await search({ sort: 'id', end_cursor: body.page_info.end_cursor })
  expect([foreign.status, foreign.body.error]).toEqual([
    400,
    ['Parameter end_cursor is not a cursor of this list in this order'],
  ])
  const forged = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url')
  for (const [order, end_cursor] of [
    [{ sort: 'updated_at' }, forged('updated_at', '2026-13-45T99:00:00Z', 1)],
    [{ sort: 'updated_at' }, forged('updated_at', '17', 1)],
    [{ sort: 'id' }, forged('id', '2026-12-07 10:00:00+00', 1)],
    [{ name: 'Walker' }, forged('rank', '0', -1)],
  ] as const)
    expect((await search({ ...order, end_cursor })).status).toBe(400)
  for (const end_cursor of ['nonsense', Buffer.from('["id","1; drop table",1]').toString('base64url')])
    expect((await search({ end_cursor })).status).toBe(400)
})

it('shows includes of one patient, and the survivor under an id that was merged away', async () => {
  const start = ahead(30)
  await s.ask('POST', '/appointments', {
    query: base,
    body: {
      appt: {
        patient_id: s.patientId,
        provider_id: s.providerId,
        operatory_id: s.operatoryId,
        start_time: start,
        appointment_type_id: s.typeId,
      },
    },
  })
  const include = [
    'upcoming_appts',
    'last_visited_appointment',
    'children',
    'guarantor',
    'procedures',
    'address',
    'charges',
  ]
  const { body } = await s.ask('GET', `/patients/${s.patientId}`, {
    version: 'v20240412',
    query: { include },
  })
  expect(body.data.upcoming_appts.map((one: { start_time: string }) => one.start_time)).toEqual([start])
  expect(body.data).toMatchObject({
    last_visited_appointment: null,
    children: [],
    guarantor: null,
    procedures: [],
  })
  expect(body.data.address).toEqual({
    line_1: '8 Alder Ct',
    line_2: null,
    postal_code: '97201',
    city: 'Portland',
    region: 'OR',
  })
  expect(body.description).toEqual(['Note that following includes are ignored: charges.'])
  const [gone] = await s.t.look(
    `insert into patients (institution_id, data_source_id, first_name, last_name, name_key, match_key, merged_into)
     values ($1, $2, 'Imani', 'Old', 'imani old', 'x', $3) returning id`,
    [s.institutionId, s.sourceId, s.patientId],
  )
  expect((await s.ask('GET', `/patients/${gone.id}`)).body.data.id).toBe(s.patientId)
  expect((await search({ name: 'Imani Old', last_name: 'Old' })).names).toEqual([])
})
