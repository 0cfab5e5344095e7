/** The whole bridge on HAPI: booked through the API, seen there by HAPI's own REST, and back. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, serveApi } from '../support/api.ts'
import { type Link, startLink } from '../support/bridge.ts'
import { desk, hapiBase, practice, quietTimes } from './hapi/connected.ts'

let link: Link
let api: Api
let providerId: number
let operatoryId: number
let otherOperatoryId: number
const nextTime = quietTimes('bridge')

beforeAll(async () => {
  link = await startLink({ connector: 'fhir', configuration: { base_url: hapiBase }, pollSeconds: 1 })
  api = await serveApi(link)
  const idOf = async (table: string, foreignId: string | undefined) =>
    Number((await link.t.look(`select id from ${table} where foreign_id = $1`, [foreignId]))[0].id)
  providerId = await idOf('providers', practice.practitioners[0])
  operatoryId = await idOf('operatories', practice.rooms[0])
  otherOperatoryId = await idOf('operatories', practice.rooms[1])
}, 240_000)
afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  await link?.[Symbol.asyncDispose]()
})

let people = 0
const newPatient = async (): Promise<number> => {
  people += 1
  const { body } = await api.ask('POST', `/patients?location_id=${link.locationId}`, {
    provider: { provider_id: providerId },
    patient: {
      first_name: `Grace${people}`,
      last_name: 'Bridgewater',
      email: `grace${people}@example.com`,
      bio: { date_of_birth: '1979-08-09', phone_number: `617555${String(1000 + people)}`, gender: 'Female' },
    },
  })
  return body.data.user.id
}
const post = async (fields: Record<string, unknown> = {}) => {
  const { start, end } = nextTime()
  const appt = {
    provider_id: providerId,
    operatory_id: operatoryId,
    start_time: start,
    end_time: end,
    ...fields,
  }
  return await api.ask('POST', `/appointments?location_id=${link.locationId}`, { appt })
}
const booked = async (fields: Record<string, unknown> = {}) => {
  const { status, body } = await post({ patient_id: await newPatient(), ...fields })
  expect(status, JSON.stringify(body.error)).toBe(201)
  const row = await link.settled(body.data.appt.id)
  expect(row.insertion).toMatchObject({ status: 'complete' })
  return row
}
const patch = (id: number, fields: Record<string, unknown>, version = 'v20240412') =>
  api.ask('PATCH', `/appointments/${id}`, { appt: fields }, version)
const seen = async (foreignId: string | null) =>
  (await desk.see(foreignId ?? '')) as Record<string, unknown> | null
const mirrored = async (foreignId: string) =>
  (await link.t.look('select * from appointments where foreign_id = $1', [foreignId]))[0]

describe('the bridge to HAPI', () => {
  it('loads the practice', async () => {
    const [rows] = await link.t.look('select count(*)::int as n from appointments')
    expect(rows.n).toBeGreaterThan(practice.appointments.length * 0.9)
    // Other tests leave resources there that cannot be read; of the practice's own every one can.
    const own = new Set(practice.appointments.map((resource) => resource.id))
    const aside = await link.t.look('select foreign_id, reason from set_aside')
    expect(aside.filter((row) => own.has(row.foreign_id))).toEqual([])
  })

  it('books for a new patient: the appointment and the patient stand in HAPI', async () => {
    const row = await booked({ note: 'First visit' })
    const there = await seen(row.foreign_id)
    expect(there).toMatchObject({ status: 'booked', comment: 'First visit' })
    expect(Date.parse(String(there?.start))).toBe(Date.parse(row.start_time))
    const [patient] = await link.t.look('select foreign_id from patients where id = $1', [row.patient_id])
    expect(JSON.stringify(there?.participant)).toContain(`Patient/${patient.foreign_id}`)
    expect(JSON.stringify(await desk.seePatient(patient.foreign_id))).toContain('Bridgewater')
  })

  it('confirms, moves, notes, checks in and cancels, each seen in HAPI', async () => {
    const row = await booked()
    await patch(row.id, { confirmed: true })
    expect(await link.settled(row.id)).toMatchObject({ confirmed: true })
    expect(JSON.stringify((await seen(row.foreign_id))?.participant)).toContain('"accepted"')
    const { start, end } = nextTime()
    await patch(row.id, {
      start_time: start,
      end_time: end,
      operatory_id: otherOperatoryId,
      note: 'Moved by phone',
    })
    await link.settled(row.id)
    const moved = await seen(row.foreign_id)
    expect(moved?.comment).toBe('Moved by phone')
    expect(Date.parse(String(moved?.start))).toBe(Date.parse(start))
    expect(JSON.stringify(moved?.participant)).toContain(`Location/${practice.rooms[1]}`)
    await patch(row.id, { checkin_at: start })
    await link.settled(row.id)
    expect((await seen(row.foreign_id))?.status).toBe('arrived')
    await patch(row.id, { cancelled: true })
    expect(await link.settled(row.id)).toMatchObject({ cancelled: true })
    expect((await seen(row.foreign_id))?.status).toBe('cancelled')
    const writes = (await api.ask('GET', `/appointments/${row.id}/writes`)).body.data as { status: string }[]
    expect(writes.length).toBe(6)
    expect(writes.map((write) => write.status)).toEqual(writes.map(() => 'complete'))
  })

  it('shows what the front desk does: books, moves, cancels, deletes', async () => {
    const time = nextTime()
    const [patient = ''] = practice.patients
    const place = { practitioner: practice.practitioners[0] ?? '', room: practice.rooms[0] ?? '' }
    const id = await desk.book({ patient, ...place, ...time, comment: 'by phone' })
    await link.pulled()
    expect(await mirrored(id)).toMatchObject({ note: 'by phone', cancelled: false, unavailable: false })
    const later = nextTime()
    await desk.move(id, later.start, later.end)
    await link.pulled()
    expect((await mirrored(id)).starts_at.toISOString()).toBe(later.start)
    await desk.cancel(id)
    await link.pulled()
    expect((await mirrored(id)).cancelled).toBe(true)
    await desk.remove(id)
    await link.pulled()
    expect((await mirrored(id)).deleted).toBe(true)
  })

  it('reads blocks as unavailable appointments and refuses to book over them', async () => {
    const time = nextTime()
    const room = practice.rooms[0] ?? ''
    const blocked = await desk.block({ room, ...time })
    await link.pulled()
    expect(await mirrored(blocked)).toMatchObject({ unavailable: true, patient_id: null })
    const refused = await post({ patient_id: await newPatient(), start_time: time.start, end_time: time.end })
    expect(refused.status).toBe(400)
    expect(refused.body.error.join()).toContain('block')
  })

  it('undoes a note edited on v2 with the next pull, though HAPI never touched the row', async () => {
    const row = await booked({ note: 'theirs' })
    const version = (await seen(row.foreign_id))?.meta
    const edited = await patch(row.id, { note: 'ours alone' }, 'v2')
    expect(edited.body.data.appt.note).toBe('ours alone')
    await link.pulled()
    expect((await api.ask('GET', `/appointments/${row.id}`)).body.data.note).toBe('theirs')
    expect((await seen(row.foreign_id))?.meta).toEqual(version)
  })

  it('never writes what was cancelled before it was sent', async () => {
    await link.stopWorker()
    const { body } = await post({ patient_id: await newPatient() })
    await patch(body.data.appt.id, { cancelled: true })
    link.startWorker()
    const row = await link.settled(body.data.appt.id)
    expect(row).toMatchObject({ foreign_id: null, cancelled: true, insertion: { code: 'cancelled_first' } })
  })

  it('withdraws nothing of the front desk: a time taken there meanwhile fails the insertion', async () => {
    await link.stopWorker()
    const time = nextTime()
    const { body } = await post({
      patient_id: await newPatient(),
      start_time: time.start,
      end_time: time.end,
    })
    const [patient = ''] = practice.patients
    const id = await desk.book({
      patient,
      practitioner: practice.practitioners[0] ?? '',
      room: practice.rooms[0] ?? '',
      ...time,
    })
    link.startWorker()
    const row = await link.settled(body.data.appt.id)
    expect(row).toMatchObject({ cancelled: true, insertion: { status: 'failed', code: 'slot_taken' } })
    expect((await seen(id))?.status).toBe('booked')
  })
})
