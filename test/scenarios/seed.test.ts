/**
 * The document that this product was asked for, sentence by sentence. Each test bears the sentence that it proves, over
 * the API and against what the simulated practice itself says.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, serveApi } from '../support/api.ts'
import { freeStarts, type Place, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge } from '../support/bridge.ts'

let bridge: Bridge
let api: Api
let place: Place
let starts: string[]
let typeId: number

beforeAll(async () => {
  bridge = await startBridge()
  api = await serveApi(bridge)
  place = await somePlace(bridge)
  starts = await freeStarts(bridge, place, 40)
  const type = { name: 'Cleaning', minutes: 45, parent_type: 'Institution', parent_id: bridge.institutionId }
  typeId = (await api.ask('POST', '/appointment_types', { appointment_type: type })).body.data.id
})
afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  await bridge?.[Symbol.asyncDispose]()
})

let people = 0
const newPatient = async (): Promise<number> => {
  people += 1
  const { body } = await api.ask('POST', `/patients?location_id=${bridge.locationId}`, {
    provider: { provider_id: place.providerId },
    patient: {
      first_name: `Ada${people}`,
      last_name: 'Seedling',
      email: `ada${people}@example.com`,
      bio: {
        date_of_birth: '1980-04-05',
        phone_number: `212555${String(200 + people).padStart(4, '0')}`,
        gender: 'Female',
      },
    },
  })
  return body.data.user.id
}
const appt = (fields: Record<string, unknown> = {}) => ({
  provider_id: place.providerId,
  operatory_id: place.operatoryId,
  start_time: starts.shift(),
  ...fields,
})
const post = (fields: Record<string, unknown>) =>
  api.ask('POST', `/appointments?location_id=${bridge.locationId}`, { appt: fields })
const patch = (id: number, fields: Record<string, unknown>) =>
  api.ask('PATCH', `/appointments/${id}`, { appt: fields })
const visitOf = async (foreignId: string) =>
  (await bridge.practice('GET', `/visits/${foreignId}`)).body as never as {
    visit: Record<string, string | null>
    person: Record<string, string | null>
  }
const lengthOf = (row: { start_time: string; end_time: string }) =>
  (Date.parse(row.end_time) - Date.parse(row.start_time)) / 60_000

describe('Appointment Creation', () => {
  it('POST requests to the /appointments endpoint will insert a new appointment along with its patient, into the health record system', async () => {
    const patientId = await newPatient()
    const booked = await post(appt({ patient_id: patientId, note: 'First visit' }))
    expect(booked.status).toBe(201)
    expect(booked.body.data.appt).toMatchObject({
      patient_id: patientId,
      foreign_id: null,
      last_sync_time: null,
    })
    const row = await bridge.settled(booked.body.data.appt.id)
    const { visit, person } = await visitOf(row.foreign_id ?? '')
    expect(visit).toMatchObject({ remark: 'First visit', cancelled_at: null })
    expect(person).toMatchObject({ last_name: 'Seedling', birth_date: '1980-04-05' })
  })

  it('If at insertion time, the patient did not exist in the health record system, it will be created; one that exists is not created again', async () => {
    const patientId = await newPatient()
    const first = await post(appt({ patient_id: patientId }))
    await bridge.settled(first.body.data.appt.id)
    const second = await post(appt({ patient_id: patientId }))
    const rows = await Promise.all([first, second].map(({ body }) => bridge.settled(body.data.appt.id)))
    const persons = await Promise.all(
      rows.map(async (row) => (await visitOf(row.foreign_id ?? '')).visit.person_id),
    )
    expect(new Set(persons).size).toBe(1)
  })
})

describe('Inserting Appointments in the Past', () => {
  it('Note that you can only insert appointments in the future', async () => {
    const patientId = await newPatient()
    for (const start_time of ['2020-06-05T20:16:57.007Z', new Date(Date.now() - 1_000).toISOString()]) {
      const refused = await post(appt({ patient_id: patientId, start_time }))
      expect(refused.status).toBe(400)
      expect(refused.body).toMatchObject({
        code: false,
        data: null,
        error: ['Parameter start_time must be in the future'],
      })
    }
  })
})

describe('Monitoring Appointment Insertion', () => {
  it('we recommend using the appointment_insertion webhook to verify that the appointment was correctly inserted', async () => {
    const { body } = await post(appt({ patient_id: await newPatient() }))
    const { id } = body.data.appt
    await bridge.settled(id)
    await bridge.events()
    const events = (await api.ask('GET', '/events?per_page=1000')).body.data as {
      event_name: string
      data: { appointment?: { id: number; foreign_id: string; insertion: { status: string } } }
    }[]
    const [told] = events.filter(
      (event) => event.event_name === 'appointment_insertion.complete' && event.data.appointment?.id === id,
    )
    expect(told?.data.appointment?.foreign_id).toMatch(/^\d+$/)
    expect(told?.data.appointment?.insertion.status).toBe('complete')
  })
})

describe('Appointment Duration', () => {
  it('Duration can be set manually by specifying an end_time', async () => {
    const start = starts.shift() ?? ''
    const end_time = new Date(Date.parse(start) + 20 * 60_000).toISOString()
    const { body } = await post(
      appt({ patient_id: await newPatient(), start_time: start, end_time, appointment_type_id: typeId }),
    )
    expect(lengthOf(body.data.appt)).toBe(20)
    const row = await bridge.settled(body.data.appt.id)
    const { visit } = await visitOf(row.foreign_id ?? '')
    expect(Date.parse(visit.finishes ?? '')).toBe(Date.parse(end_time))
  })

  it('End times can be inferred automatically if one of either category_id or appointment_type_id are supplied as parameters', async () => {
    // Sixty free minutes, so that forty-five fit.
    const free = async () => {
      for (;;) {
        const start = starts.shift() ?? ''
        const next = new Date(Date.parse(start) + 30 * 60_000).getTime()
        if (starts.some((other) => Date.parse(other) === next)) return start
      }
    }
    for (const name of ['appointment_type_id', 'category_id']) {
      const { status, body } = await post(
        appt({ patient_id: await newPatient(), start_time: await free(), [name]: typeId }),
      )
      expect(status).toBe(201)
      expect(lengthOf(body.data.appt)).toBe(45)
      expect(body.data.appt.appointment_type_id).toBe(typeId)
      starts.shift()
    }
  })
})

describe('Appointment Confirmation and Cancellation', () => {
  it('PATCH requests that update the confirmed and/or cancelled boolean attributes to true will trigger a command to change the confirmation status in the health record system', async () => {
    const { body } = await post(appt({ patient_id: await newPatient() }))
    const { id } = body.data.appt
    const { foreign_id } = await bridge.settled(id)
    const confirmed = await patch(id, { confirmed: true })
    expect(confirmed).toMatchObject({
      status: 200,
      body: { data: { appt: { id, confirmed: true, cancelled: false } } },
    })
    await bridge.settled(id)
    expect((await visitOf(foreign_id ?? '')).visit.confirmed_at).not.toBeNull()
    const cancelled = await patch(id, { cancelled: true })
    expect(cancelled).toMatchObject({ status: 200, body: { data: { appt: { id, cancelled: true } } } })
    await bridge.settled(id)
    expect((await visitOf(foreign_id ?? '')).visit.cancelled_at).not.toBeNull()
  })

  it('the request body may hold both at once: both are kept, and the cancellation decides', async () => {
    const { body } = await post(appt({ patient_id: await newPatient() }))
    const { id } = body.data.appt
    const { foreign_id } = await bridge.settled(id)
    const both = await patch(id, { cancelled: true, confirmed: true })
    expect(both.body.data.appt).toMatchObject({ cancelled: true, confirmed: true })
    await bridge.settled(id)
    expect((await visitOf(foreign_id ?? '')).visit.cancelled_at).not.toBeNull()
  })
})

describe('Updating Attributes on an Synced Appointment', () => {
  it('other than appointment confirmations and cancellations, updating an attribute on an appointment will be undone upon the next synchronization event', async () => {
    const { body } = await post(appt({ patient_id: await newPatient(), note: 'as the practice knows it' }))
    const { id } = body.data.appt
    await bridge.settled(id)
    const edited = await patch(id, { note: 'edited here', referrer: 'https://elsewhere.example/' })
    expect(edited.status).toBe(200)
    expect(edited.body.data.appt).toMatchObject({
      note: 'edited here',
      referrer: 'https://elsewhere.example/',
    })
    expect(edited.body.description.join(' ')).toMatch(/note.*undoes/)
    await bridge.pulled()
    const read = await api.ask('GET', `/appointments/${id}`)
    expect(read.body.data).toMatchObject({ note: 'as the practice knows it', referrer: null })
  })

  it('we will always keep the data in-sync with what is found in the data source', async () => {
    const { body } = await post(appt({ patient_id: await newPatient() }))
    const { id } = body.data.appt
    const { foreign_id } = await bridge.settled(id)
    const start = starts.shift() ?? ''
    await bridge.practice('POST', '/desk/move', {
      visit_id: foreign_id,
      begins: new Date(start).toISOString(),
    })
    await bridge.pulled()
    const moved = await api.ask('GET', `/appointments/${id}`)
    expect(Date.parse(moved.body.data.start_time)).toBe(Date.parse(start))
    await bridge.practice('POST', '/desk/delete', { visit_id: foreign_id })
    await bridge.pulled()
    expect((await api.ask('GET', `/appointments/${id}`)).body.data).toMatchObject({
      deleted: true,
      cancelled: true,
    })
  })
})

describe('Reading Blocks', () => {
  it('Schedule blocks are read as appointments with the unavailable property set to true', async () => {
    const begins = new Date(starts.shift() ?? '').toISOString()
    await bridge.practice('POST', '/desk/block', {
      chair_id: '1',
      begins,
      minutes: 30,
      reason: 'Staff meeting',
    })
    await bridge.pulled()
    const end = new Date(Date.parse(begins) + 1_000).toISOString()
    const query = `location_id=${bridge.locationId}&start=${begins}&end=${end}&unavailable=true`
    const listed = await api.ask('GET', `/appointments?${query}`)
    expect(listed.body.data).toMatchObject([
      { unavailable: true, patient_id: null, start_time: begins, misc: {} },
    ])
    expect(listed.body.data[0].foreign_id).toMatch(/^block_/)
  })
})

describe('Appointments Response Object', () => {
  it('carries the whole key set of the document', async () => {
    const keys =
      `id patient_id provider_id provider_name start_time confirmed patient_missed created_at updated_at note
      end_time unavailable cancelled timezone institution_id appointment_type_id checkin_at location_id foreign_id
      foreign_id_type misc last_sync_time patient_confirmed created_by_user_id is_guardian patient_confirmed_at
      cancelled_at is_new_clients_patient confirmed_at sooner_if_possible operatory_id deleted checked_out
      checked_out_at referrer is_past_patient timezone_offset patient procedures descriptors booking_details`.split(
        /\s+/,
      )
    const booked = await post(
      appt({ patient_id: await newPatient(), note: 'Patient showing flu symptoms already.' }),
    )
    expect(Object.keys(booked.body)).toEqual(expect.arrayContaining(['code', 'description', 'error', 'data']))
    const { id } = booked.body.data.appt
    await bridge.settled(id)
    const patched = await patch(id, { confirmed: true })
    const read = await api.ask('GET', `/appointments/${id}`)
    for (const row of [booked.body.data.appt, patched.body.data.appt, read.body.data]) {
      expect(keys.filter((key) => !(key in row))).toEqual([])
      expect(row).toMatchObject({
        timezone: 'America/New_York',
        institution_id: bridge.institutionId,
        location_id: bridge.locationId,
        misc: { is_booked_on_nexhealth: true },
      })
      expect(row.timezone_offset).toMatch(/^-[45]:00$/)
    }
    expect(read.body.data.foreign_id_type).toBe(`http-sandbox-DataSource-${bridge.sourceId}`)
  })
})
