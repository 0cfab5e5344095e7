import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changeAppointment } from '../../src/booking/change.ts'
import { listAppointments } from '../../src/store/appointments.ts'
import { listWrites } from '../../src/store/writes.ts'
import { book, freeStarts, newPatient, type Place, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge } from '../support/bridge.ts'

let bridge: Bridge
let place: Place
let starts: string[]

beforeAll(async () => {
  bridge = await startBridge()
  place = await somePlace(bridge)
  starts = await freeStarts(bridge, place, 40)
})
afterAll(async () => {
  await bridge?.[Symbol.asyncDispose]()
})

const nextStart = () => starts.shift() ?? ''
const patch = async (id: number, fields: Record<string, unknown>, version: 'v2' | 'v3' = 'v3') => {
  const changed = await bridge.tenant((tx) =>
    changeAppointment(tx, { apiKeyId: bridge.apiKeyId, appointmentId: id, version, fields }),
  )
  bridge.wake()
  return changed
}
const visitOf = async (foreignId: string | null) => {
  const { body } = await bridge.practice('GET', `/visits/${foreignId}`)
  return body.visit as Record<string, unknown>
}
const namesOf = async (id: number) => {
  const events = await bridge.events()
  return events
    .filter((event) => (event.body.appointment as { id?: number } | undefined)?.id === id)
    .map((event) => event.name)
}

describe('the bridge to the simulated practice', () => {
  it('loads the practice as one event with counts', async () => {
    const [counted] = await bridge.t.look('select count(*)::int as n from appointments')
    const loaded = await bridge.events(['data_source_loaded'])
    expect(loaded.map((event) => event.body)).toMatchObject([
      { data_source: { appointments: counted.n, patients: 200 } },
    ])
    expect(await bridge.events(['appointment_created', 'patient_created'])).toEqual([])
  })

  it('has the planner know how large the tables are that the load filled', async () => {
    const sizes = await bridge.t.look(
      "select relname, reltuples::int as rows from pg_class where relname in ('appointments', 'busy', 'patients') order by 1",
    )
    expect(sizes.map(({ relname }) => relname)).toEqual(['appointments', 'busy', 'patients'])
    for (const { rows } of sizes) expect(rows).toBeGreaterThan(0)
  })

  it('writes a booking and its new patient, reads both back, and tells it', async () => {
    const patientId = await newPatient(bridge)
    const start = nextStart()
    const { id, appointment } = await book(bridge, { patientId, start, note: 'Prefers mornings' })
    expect(appointment).toMatchObject({
      foreign_id: null,
      last_sync_time: null,
      insertion: { status: 'pending' },
    })
    const written = await bridge.settled(id)
    expect(written.insertion).toMatchObject({ status: 'complete', code: null, attempts: 1 })
    const visit = await visitOf(written.foreign_id)
    expect(visit).toMatchObject({ remark: 'Prefers mornings' })
    expect(Date.parse(String(visit.begins))).toBe(Date.parse(start))
    const [patient] = await bridge.t.look('select foreign_id from patients where id = $1', [patientId])
    expect(patient.foreign_id).toBe(visit.person_id)
    // A pull may read the row before it is settled: it is told as created, then as complete.
    expect((await namesOf(id)).sort()).toEqual([
      'appointment_accepted',
      'appointment_created',
      'appointment_insertion.complete',
    ])
  })

  it('confirms, checks in, moves, notes and cancels, each seen in the practice', async () => {
    const { id } = await book(bridge, { patientId: await newPatient(bridge), start: nextStart() })
    const { foreign_id } = await bridge.settled(id)
    expect((await patch(id, { confirmed: true })).appointment.confirmed).toBe(true)
    expect(await bridge.settled(id)).toMatchObject({ confirmed: true })
    expect((await visitOf(foreign_id)).confirmed_at).not.toBeNull()
    const start = nextStart()
    await patch(id, { start_time: start, note: 'Moved by phone' })
    await bridge.settled(id)
    const visit = await visitOf(foreign_id)
    expect(visit.remark).toBe('Moved by phone')
    expect(Date.parse(String(visit.begins))).toBe(Date.parse(start))
    await patch(id, { checkin_at: new Date(Date.parse(start)).toISOString() })
    await bridge.settled(id)
    expect((await visitOf(foreign_id)).arrived_at).not.toBeNull()
    await patch(id, { cancelled: true })
    expect(await bridge.settled(id)).toMatchObject({ cancelled: true, foreign_id })
    expect((await visitOf(foreign_id)).cancelled_at).not.toBeNull()
    const states = (await bridge.tenant((tx) => listWrites(tx, id))).map((write) => [write.kind, write.state])
    expect(states.map(([, state]) => state)).toEqual(Array(states.length).fill('complete'))
    const updates = (await bridge.events(['appointment_updated'])).filter(
      (event) => (event.body.appointment as { id: number }).id === id,
    )
    expect(updates[0]?.body.previous_attributes).toMatchObject({ confirmed: false })
  })

  it('shows what the front desk does: books, moves, cancels, closes time, deletes', async () => {
    const start = nextStart()
    const booked = await bridge.practice('POST', '/desk/book', {
      chair_id: '1',
      begins: new Date(start).toISOString(),
    })
    const foreignId = String((booked.body.visit as { visit_id: string }).visit_id)
    await bridge.pulled()
    const find = async (foreign: string) =>
      (await bridge.t.look('select * from appointments where foreign_id = $1', [foreign]))[0]
    const row = await find(foreignId)
    expect(row).toMatchObject({ cancelled: false, unavailable: false })
    await bridge.practice('POST', '/desk/confirm', { visit_id: foreignId })
    await bridge.pulled()
    expect((await find(foreignId)).confirmed).toBe(true)
    await bridge.practice('POST', '/desk/cancel', { visit_id: foreignId })
    await bridge.pulled()
    expect((await find(foreignId)).cancelled).toBe(true)
    await bridge.practice('POST', '/desk/delete', { visit_id: foreignId })
    await bridge.pulled()
    expect((await find(foreignId)).deleted).toBe(true)
    const blocked = await bridge.practice('POST', '/desk/block', {
      chair_id: '1',
      begins: new Date(start).toISOString(),
      minutes: 30,
    })
    expect(blocked.status).toBeLessThan(300)
    await bridge.pulled()
    await expect(book(bridge, { patientId: await newPatient(bridge), start })).rejects.toMatchObject({
      code: 'slot_taken',
    })
    const names = await namesOf(Number(row.id))
    expect(names).toEqual([
      'appointment_created',
      'appointment_updated',
      'appointment_updated',
      'appointment_updated',
    ])
  })

  it('undoes a local edit with the next pull, though the practice never touched the row', async () => {
    const { id } = await book(bridge, {
      patientId: await newPatient(bridge),
      start: nextStart(),
      note: 'theirs',
    })
    await bridge.settled(id)
    const edited = await patch(id, { note: 'ours alone' }, 'v2')
    expect(edited.appointment.note).toBe('ours alone')
    expect(edited.warnings.join()).toContain('note')
    await bridge.pulled()
    expect((await bridge.appointment(id)).note).toBe('theirs')
    const told = (await bridge.events(['appointment_updated'])).filter(
      (event) => (event.body.appointment as { id: number }).id === id,
    )
    expect(told.at(-1)?.body).toMatchObject({ previous_attributes: { note: 'ours alone' } })
  })

  it('never writes what was cancelled before it was sent', async () => {
    await bridge.stopWorker()
    const start = nextStart()
    // Whoever is in another room at that time.
    const thereAt = async () => {
      const list = await bridge.practice('GET', `/desk/list?day=${start.slice(0, 10)}`)
      const visits = list.body.visits as { begins: string }[]
      return visits.filter((visit) => Date.parse(visit.begins) === Date.parse(start)).length
    }
    const before = await thereAt()
    const { id } = await book(bridge, { patientId: await newPatient(bridge), start })
    await patch(id, { cancelled: true })
    bridge.startWorker()
    const row = await bridge.settled(id)
    expect(row).toMatchObject({
      cancelled: true,
      foreign_id: null,
      insertion: { status: 'failed', code: 'cancelled_first' },
    })
    expect(await thereAt()).toBe(before)
    // The time is free again.
    const again = await book(bridge, { patientId: await newPatient(bridge), start })
    expect((await bridge.settled(again.id)).insertion?.status).toBe('complete')
  })

  it('writes the change that a PATCH made before the insertion was sent', async () => {
    await bridge.stopWorker()
    const { id } = await book(bridge, {
      patientId: await newPatient(bridge),
      start: nextStart(),
      note: 'first',
    })
    const start = nextStart()
    await patch(id, { note: 'second', start_time: start, confirmed: true }, 'v2')
    bridge.startWorker()
    const row = await bridge.settled(id)
    const visit = await visitOf(row.foreign_id)
    expect(visit.remark).toBe('second')
    expect(Date.parse(String(visit.begins))).toBe(Date.parse(start))
    expect(visit.confirmed_at).not.toBeNull()
  })

  it('refuses a taken time and names what is in the way', async () => {
    const start = nextStart()
    const first = await book(bridge, { patientId: await newPatient(bridge), start })
    await expect(book(bridge, { patientId: await newPatient(bridge), start })).rejects.toThrow(
      `appointment ${first.id}`,
    )
    await bridge.settled(first.id)
  })

  it('ends an insertion as failed when the front desk took the time meanwhile, and frees nothing of theirs', async () => {
    await bridge.stopWorker()
    const start = nextStart()
    const { id } = await book(bridge, { patientId: await newPatient(bridge), start })
    await bridge.practice('POST', '/desk/book', { chair_id: '1', begins: new Date(start).toISOString() })
    bridge.startWorker()
    const row = await bridge.settled(id)
    expect(row).toMatchObject({
      cancelled: true,
      foreign_id: null,
      insertion: { status: 'failed', code: 'slot_taken' },
    })
    expect(await namesOf(id)).toContain('appointment_insertion.failed')
  })

  it('tells when the front desk books over an appointment of ours', async () => {
    const start = nextStart()
    const { id } = await book(bridge, { patientId: await newPatient(bridge), start })
    await bridge.settled(id)
    await bridge.practice('POST', '/desk/book', {
      chair_id: '1',
      begins: new Date(start).toISOString(),
      overbook: true,
    })
    await bridge.pulled()
    expect(await namesOf(id)).toContain('conflict_detected')
    expect((await bridge.appointment(id)).cancelled).toBe(false)
  })

  it('reads blocks as unavailable appointments and writes its own', async () => {
    const blocks = await bridge.tenant((tx) =>
      listAppointments(
        tx,
        { start: '2020-01-01T00:00:00.000Z', end: '2040-01-01T00:00:00.000Z', unavailable: true },
        { limit: 500, offset: 0, sort: 'start_time' },
      ),
    )
    expect(blocks.length).toBeGreaterThan(50)
    expect(blocks.every((row) => row.patient_id === null && row.unavailable)).toBe(true)
    const { id } = await book(bridge, {
      patientId: null,
      start: nextStart(),
      unavailable: true,
      note: 'Staff meeting',
    })
    const row = await bridge.settled(id)
    expect(row).toMatchObject({ unavailable: true, insertion: { status: 'complete' } })
  })

  it('keeps patient data in plain in patients and appointments only', async () => {
    const tables =
      await bridge.t.look(`select relname as name from pg_class where relnamespace = 'public'::regnamespace
      and relkind = 'r' and relname not in ('patients', 'appointments')`)
    expect(tables.length).toBeGreaterThan(20)
    const [person] = await bridge.t.look(
      `select last_name, email, cell_phone from patients where last_name = 'Newcomer'`,
    )
    const [known] = await bridge.t.look(
      `select last_name, email, cell_phone from patients where foreign_id = '7'`,
    )
    const secrets = [
      person.last_name,
      person.email,
      known.email,
      known.cell_phone,
      'Prefers mornings',
      'Moved by phone',
    ]
    for (const { name } of tables) {
      const rows = await bridge.t.look(`select coalesce(string_agg(t::text, ' '), '') as text from ${name} t`)
      // A bytea prints as hex: what is not sealed would show in either form.
      for (const secret of secrets) {
        expect(rows[0].text, name).not.toContain(secret)
        expect(rows[0].text, name).not.toContain(Buffer.from(secret).toString('hex'))
      }
    }
  })
})
