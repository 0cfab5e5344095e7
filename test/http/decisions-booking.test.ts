import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { ahead, type Served, serve } from './served.ts'

let s: Served
let base: { subdomain: string; location_id: number }
beforeAll(async () => {
  s = await serve()
  base = { subdomain: s.subdomain, location_id: s.locationId }
})
afterAll(async () => await s[Symbol.asyncDispose]())

// A failed test must not leave its rules to the next.
afterEach(async () => {
  await s.t.look('delete from working_hours')
  await s.t.look("update locations set outside_hours = 'allow', default_minutes = 30")
})

let day = 2
/** A start that no other test takes. */
const free = () => ahead(day++)
const book = (appt: object, more: object = {}, version = 'v2') =>
  s.ask('POST', '/appointments', { version, query: { ...base, ...more }, body: { appt } })
const change = (id: number, appt: object, version = 'v2') =>
  s.ask('PATCH', `/appointments/${id}`, { version, query: { subdomain: s.subdomain }, body: { appt } })
const visit = (start: string, more: object = {}) => ({
  patient_id: s.patientId,
  provider_id: s.providerId,
  operatory_id: s.operatoryId,
  start_time: start,
  appointment_type_id: s.typeId,
  ...more,
})
const minutesOf = (appt: { start_time: string; end_time: string }) =>
  (Date.parse(appt.end_time) - Date.parse(appt.start_time)) / 60_000

it('decision 2: a start counts as past by the instant', async () => {
  const past = await book(visit(new Date(Date.now() - 60_000).toISOString().replace(/:\d\d\.\d+Z/, ':00Z')))
  expect([past.status, past.body.error]).toEqual([400, ['Parameter start_time must be in the future']])
  const grain = 5 * 60_000
  const soon = await book(visit(new Date(Math.ceil((Date.now() + 60_000) / grain) * grain).toISOString()))
  expect([soon.status, soon.body.error]).toEqual([201, null])
})

it('refuses a start at the end of time, and lists to there', async () => {
  for (const start of ['9999-12-31', '9999-12-31T23:59:00Z', '9998-12-31T23:55:00Z'])
    expect([start, (await book(visit(start))).status]).toEqual([start, 400])
  const query = { ...base, start: '0001-01-01', end: '9999-12-31' }
  expect((await s.ask('GET', '/appointments', { query })).status).toBe(200)
})

it('decision 6: without a length the location default counts, with a warning that names the three ways', async () => {
  const bare = await book(visit(free(), { appointment_type_id: null }))
  expect([bare.status, minutesOf(bare.body.data.appt)]).toEqual([201, 30])
  for (const way of ['end_time', 'appointment_type_id', 'category_id'])
    expect(bare.body.description.join(' ')).toContain(way)
  const refuse = { body: { location: { default_minutes: 0 } } }
  expect(
    (await s.ask('PATCH', `/locations/${s.locationId}`, refuse)).body.data.settings.default_minutes,
  ).toBeNull()
  const refused = await book(visit(free(), { appointment_type_id: null }))
  expect(refused.status).toBe(400)
  expect(refused.body.error.join(' ')).toContain('end_time')
  await s.ask('PATCH', `/locations/${s.locationId}`, { body: { location: { default_minutes: 30 } } })
  const start = free()
  const end = new Date(Date.parse(start) + 45 * 60_000).toISOString()
  const byEnd = await book(visit(start, { end_time: end }))
  expect([minutesOf(byEnd.body.data.appt), byEnd.body.description]).toEqual([45, null])
  const byCategory = await book(visit(free(), { appointment_type_id: null, category_id: s.typeId }))
  expect([minutesOf(byCategory.body.data.appt), byCategory.body.description]).toEqual([30, null])
})

it('decision 7: a block needs no patient, a visit does', async () => {
  const start = free()
  const end = new Date(Date.parse(start) + 3_600_000).toISOString()
  const block = await book({
    operatory_id: s.operatoryId,
    start_time: start,
    end_time: end,
    unavailable: true,
  })
  expect(block.status).toBe(201)
  expect(block.body.data.appt).toMatchObject({
    unavailable: true,
    patient_id: null,
    patient: null,
    provider_id: null,
  })
  const nobody = await book({ start_time: free() })
  expect(nobody.body.error).toEqual(['Missing parameter patient_id', 'Missing parameter provider_id'])
})

it('decision 10: a block without provider and operatory takes the whole location', async () => {
  const start = free()
  const end = new Date(Date.parse(start) + 3_600_000).toISOString()
  expect((await book({ start_time: start, end_time: end, unavailable: true })).status).toBe(201)
  for (const operatory_id of [s.operatoryId, s.otherOperatoryId])
    expect((await book(visit(start, { operatory_id }))).status).toBe(400)
})

it('decision 24: notify_patient and notify_practice are taken, and answered that no message was sent', async () => {
  const told = await book(visit(free()), { notify_patient: true, notify_practice: 'true' })
  expect([told.status, told.body.error]).toEqual([201, null])
  expect(told.body.description).toEqual([
    'No message was sent: notify_patient and notify_practice is taken, but we send none.',
  ])
  const quiet = await book(visit(free()), { notify_patient: false })
  expect([quiet.status, quiet.body.description]).toEqual([201, null])
})

it('appointments_per_timeslot and a second location_id are taken and told', async () => {
  const { status, body } = await s.ask('POST', '/appointments', {
    query: base,
    body: { appointments_per_timeslot: 2, appt: visit(free(), { location_id: s.locationId }) },
  })
  expect([status, body.description]).toEqual([
    201,
    [
      `appointments_per_timeslot was taken as 1: location ${s.locationId} takes no more at a time (overbooking).`,
    ],
  ])
})

it('decision 25: confirmed and cancelled both true are kept; neither can be taken back', async () => {
  const { body } = await book(visit(free()))
  const { id } = body.data.appt
  expect((await change(id, { confirmed: false, cancelled: false })).status).toBe(200)
  const both = await change(id, { confirmed: true, cancelled: true })
  expect([both.status, both.body.data.appt.cancelled]).toEqual([200, true])
  const back = await change(id, { cancelled: false })
  expect(back.status).toBe(400)
  const again = await change(id, { cancelled: true })
  expect(again.body.error.join(' ').toLowerCase()).toContain('already cancelled')
  const confirmed = (await book(visit(free()))).body.data.appt
  await change(confirmed.id, { confirmed: true })
  const unconfirm = await change(confirmed.id, { confirmed: false })
  expect(unconfirm.status).toBe(400)
  expect(unconfirm.body.error.join(' ')).toContain('confirmed')
})

it('decision 27: a type needs a working hour that names it only where any hour names a type', async () => {
  expect((await book(visit(free()))).status).toBe(201)
  const [hour] = await s.t.look(
    `insert into working_hours (institution_id, location_id, provider_id, operatory_id, source, begin_time, end_time, specific_date)
     values ($1, $2, $3, $4, 'manual', '09:00', '12:00', '2040-01-03') returning id`,
    [s.institutionId, s.locationId, s.providerId, s.operatoryId],
  )
  await s.t.look('insert into working_hour_types values ($1, $2, $3)', [s.institutionId, hour.id, s.typeId])
  const refused = await book(visit(free()))
  expect([refused.status, refused.body.error]).toEqual([
    400,
    ['appointment_type_id was not found to be configured for the requested slot'],
  ])
  expect((await book(visit('2040-01-03T09:30:00'))).status).toBe(201)
  const start = free()
  const end_time = new Date(Date.parse(start) + 1_800_000).toISOString()
  expect((await book(visit(start, { appointment_type_id: null, end_time }))).status).toBe(201)
  await s.ask('PATCH', `/locations/${s.locationId}`, { body: { location: { outside_hours: 'refuse' } } })
  const outside = free()
  const later = new Date(Date.parse(outside) + 1_800_000).toISOString()
  expect((await book(visit(outside, { appointment_type_id: null, end_time: later }))).status).toBe(400)
  await s.ask('PATCH', `/locations/${s.locationId}`, { body: { location: { outside_hours: 'allow' } } })
})

it('decision 29: what the record system cannot be told is refused by name, and said beforehand', async () => {
  await s.t.look(
    `update data_sources set capabilities = jsonb_set(capabilities, '{writes,check_in}', 'false') where id = $1`,
    [s.sourceId],
  )
  const can = await s.ask('GET', '/capabilities', { query: { location_id: s.locationId } })
  expect(can.body.data.writes).toMatchObject({ checkin_at: false, confirmed: true, note: true })
  const { id } = (await book(visit(free()))).body.data.appt
  // As if it had been written: a change before that alters what will be written, and owes nothing.
  await written(id)
  const refused = await change(id, { checkin_at: ahead(1) })
  expect(refused.status).toBe(400)
  expect(refused.body.error.join(' ')).toContain('checkin_at')
  expect(refused.body.error.join(' ')).toContain('Main St server')
  const edited = await change(id, { note: 'A local edit' })
  expect([edited.status, edited.body.data.appt.note]).toEqual([200, 'A local edit'])
  expect(edited.body.description.length).toBeGreaterThan(0)
  const owed = await change(id, { note: 'Told' }, 'v3.0.0')
  expect([owed.status, owed.body.data.appt.note, owed.body.description]).toEqual([200, 'Told', null])
  const writes = await s.ask('GET', `/appointments/${id}/writes`)
  expect(writes.body.data.map((one: { kind: string }) => one.kind)).toEqual(['insert', 'note'])
})

it('decision 32: a taken time is 400 and says what is in the way', async () => {
  const start = free()
  const first = await book(visit(start))
  // Another length makes it another booking.
  const end_time = new Date(Date.parse(start) + 45 * 60_000).toISOString()
  const second = await book(visit(start, { appointment_type_id: null, end_time }))
  expect([first.status, second.status]).toEqual([201, 400])
  expect(second.body.error.join(' ')).toContain(String(first.body.data.appt.id))
})

it('the server wakes the workers after a commit that owes, and not after a refusal', async () => {
  const before = s.woken()
  await book(visit(free()))
  expect(s.woken()).toBe(before + 1)
  await book({})
  expect(s.woken()).toBe(before + 1)
})

it('a guardian books for a dependent, who becomes a patient of their own', async () => {
  const appt = visit(free(), {
    is_guardian: true,
    patient: {
      first_name: 'Noor',
      last_name: 'Okafor',
      bio: { date_of_birth: '2018-04-03', gender: 'Other' },
    },
  })
  const { status, body } = await book(appt)
  expect([status, body.error]).toEqual([201, null])
  expect(body.data.appt.patient).toMatchObject({ first_name: 'Noor', guarantor_id: s.patientId })
  const { id } = body.data.appt
  const read = await s.ask('GET', `/appointments/${id}`, {
    query: { include: ['guarantor', 'operatory', 'appointment_type'] },
  })
  expect(read.body.data.patient.guarantor.id).toBe(s.patientId)
  expect(read.body.data.operatory.id).toBe(s.operatoryId)
  expect(read.body.data.appointment_type.minutes).toBe(30)
  const missing = await book(visit(free(), { is_guardian: true }))
  expect(missing.body.error).toEqual(['Missing parameter patient'])
  const bad = await book({ ...appt, patient: { first_name: 'Noor', bio: { date_of_birth: '2018-02-30' } } })
  expect(bad.body.error).toEqual([
    'Missing parameter last_name',
    'Parameter appt.patient.bio.date_of_birth must be a day such as 2026-12-07',
  ])
})

/** Lets an insertion stand as written, as the push would have left it. */
async function written(id: number): Promise<void> {
  await s.t.look(
    "update writes set state = 'complete', attempts = 1, ended_at = now() where appointment_id = $1",
    [id],
  )
  await s.t.look(
    `update appointments set foreign_id = 'written-' || id, last_sync_time = now(), mirror = (draft
       - array['appointment_type_id', 'referrer', 'is_guardian', 'is_new_clients_patient', 'sooner_if_possible',
         'patient_confirmed', 'patient_confirmed_at'])
       || '{"gone": false, "version": "1", "entered_at": null}' where id = $1`,
    [id],
  )
}
