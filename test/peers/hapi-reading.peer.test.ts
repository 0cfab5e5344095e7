import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { CursorLost, type RecordSystem, Unavailable } from '../../src/connectors/connector.ts'
import type { DirectoryRecord } from '../../src/model/records.ts'
import { addMs, hours, minutes } from '../../src/model/time.ts'
import {
  allChanges,
  appointmentsIn,
  desk,
  hapiBase,
  lastOf,
  openHapi,
  practice,
  quietTimes,
  today,
  wholeWindow,
} from './hapi/connected.ts'
import { call } from './hapi/fhir-rest.ts'

const [room = '', room2 = ''] = practice.rooms
const [practitioner = '', practitioner2 = ''] = practice.practitioners
const [patient = '', patient2 = ''] = practice.patients
const nextTime = quietTimes('reading')
let system: RecordSystem
/** Where the changes stood when the tests began. */
let begun: string | null

beforeAll(async () => {
  system = await openHapi()
  const loaded = await allChanges(await openHapi({ overlap_seconds: 5 }), null)
  begun = loaded.cursor
})

describe('the directory of a HAPI server', () => {
  it('tells the site with its zone, the rooms as operatories, and the practitioners as providers', async () => {
    const directory: DirectoryRecord[] = []
    for await (const record of system.directory()) directory.push(record)
    expect(directory).toContainEqual({
      kind: 'location',
      record: { foreignId: practice.site, name: 'Harbor Light Dental', zone: 'America/New_York' },
    })
    for (const operatory of practice.rooms) {
      const found = directory.find((one) => one.kind === 'operatory' && one.record.foreignId === operatory)
      expect(found?.record).toMatchObject({ location: practice.site, active: true })
    }
    for (const provider of practice.practitioners) {
      const found = directory.find((one) => one.kind === 'provider' && one.record.foreignId === provider)
      expect(found?.record).toMatchObject({
        locations: [practice.site],
        inactive: false,
        npi: expect.any(String),
      })
    }
  })

  it('is probed with name, version, clock and marks', async () => {
    const probe = await system.probe()
    expect(probe.systemName).toContain('HAPI')
    expect(probe.missing).toEqual([])
    expect(Math.abs(probe.clockSkewMs)).toBeLessThan(60_000)
    expect(probe.marks.appointment_last_updated).toBeGreaterThan(0)
  })
})

describe('the first load', () => {
  it('brings every appointment, block and patient of the practice, patients first', async () => {
    const { records, last } = await allChanges(system, null)
    expect(last).toBe(true)
    const appointments = new Set(appointmentsIn(records).map(({ foreignId }) => foreignId))
    for (const { id } of practice.appointments) expect(appointments.has(String(id))).toBe(true)
    for (const { id } of practice.slots) expect(appointments.has(`slot~${id}`)).toBe(true)
    const told = new Set<string>()
    for (const change of records) {
      if (change.kind === 'patient') told.add(change.record.foreignId)
      if (change.kind === 'appointment' && change.record.patient !== null) {
        expect(told.has(change.record.patient)).toBe(true)
      }
    }
    for (const id of practice.patients) expect(told.has(id)).toBe(true)
  })

  it('goes on from any page, as after a crash, and still brings everything', async () => {
    const small = await openHapi({ page_size: 250 })
    const seen = new Set<string>()
    let cursor: string | null = null
    for (let crash = 0; crash < 200; crash++) {
      let pages = 0
      let done = false
      for await (const page of small.changes(cursor)) {
        for (const { foreignId } of appointmentsIn(page.records)) seen.add(foreignId)
        cursor = page.cursor
        done = page.last
        // The reader dies after a few pages and starts again from the last one that was merged.
        if (++pages === 4) break
      }
      if (done) break
    }
    for (const { id } of practice.appointments) expect(seen.has(String(id))).toBe(true)
    for (const { id } of practice.slots) expect(seen.has(`slot~${id}`)).toBe(true)
  })

  it('reads a role as its practitioner and a meeting of three as three blocks', async () => {
    const records = appointmentsIn((await allChanges(system, null)).records)
    const byRole = practice.appointments.find((one) => JSON.stringify(one).includes('PractitionerRole/'))
    const read = records.find(({ foreignId }) => foreignId === byRole?.id)
    expect(practice.practitioners).toContain(read?.provider)
    const meeting = practice.appointments.find(({ comment }) => comment === 'Staff meeting')
    const parts = records.filter(({ foreignId }) => foreignId.startsWith(String(meeting?.id)))
    expect(parts.map(({ provider }) => provider).sort()).toEqual([...practice.practitioners].sort())
    expect(parts.every(({ unavailable, patient: who }) => unavailable && who === null)).toBe(true)
  })
})

describe('the changes after the load', () => {
  it('see the front desk book, move, confirm, arrive, cancel and rename', async () => {
    const { start, end } = nextTime()
    const id = await desk.book({ patient, practitioner, room, start, end, comment: 'by phone' })
    const changed = async () => (await allChanges(system, begun)).records
    const booked = await changed()
    expect(lastOf(booked, id)).toMatchObject({
      patient,
      provider: practitioner,
      operatory: room,
      location: practice.site,
      start,
      end,
      note: 'by phone',
      confirmed: false,
      cancelled: false,
      unavailable: false,
      marker: null,
    })
    // The patient was not touched since the load, and still comes in front of the appointment that names them.
    const at = (kind: string, foreignId: string) =>
      booked.findIndex((one) => one.kind === kind && 'record' in one && one.record.foreignId === foreignId)
    expect(at('patient', patient)).toBeGreaterThanOrEqual(0)
    expect(at('patient', patient)).toBeLessThan(at('appointment', id))

    await desk.confirm(id)
    expect(lastOf(await changed(), id)?.confirmed).toBe(true)
    const later = nextTime()
    await desk.move(id, later.start, later.end, room2)
    expect(lastOf(await changed(), id)).toMatchObject({ ...later, operatory: room2 })
    await desk.arrive(id)
    expect(lastOf(await changed(), id)?.checkinAt).not.toBeNull()
    await desk.cancel(id)
    expect(lastOf(await changed(), id)?.cancelled).toBe(true)
    await desk.rename(patient2, 'Newname-Fairweather')
    const renamed = (await changed()).find(
      (one) => one.kind === 'patient' && one.record.foreignId === patient2,
    )
    expect(renamed?.kind === 'patient' ? renamed.record.lastName : null).toBe('Newname-Fairweather')
  })

  it('tell a deletion, of an appointment and of a block', async () => {
    const { start, end } = nextTime()
    const id = await desk.book({ patient, practitioner, room, start, end })
    const slot = await desk.blockSlot(practice.schedules[0] ?? '', start, end)
    await desk.remove(id)
    await desk.removeSlot(slot)
    const { records } = await allChanges(system, begun)
    expect(records).toContainEqual({ kind: 'gone', noun: 'appointment', foreignId: id })
    expect(records).toContainEqual({ kind: 'gone', noun: 'appointment', foreignId: `slot~${slot}` })
    // Older versions in the history do not bring it back.
    expect(lastOf(records, id)).toBeUndefined()
    expect(await system.find({ foreignId: id })).toBeNull()
    expect(await system.find({ foreignId: `slot~${slot}` })).toBeNull()
  })

  it('see a busy slot come and go as a block', async () => {
    const { start, end } = nextTime()
    const slot = await desk.blockSlot(practice.schedules[1] ?? '', start, end)
    const block = lastOf((await allChanges(system, begun)).records, `slot~${slot}`)
    expect(block).toMatchObject({ unavailable: true, provider: practitioner2, operatory: room2, start, end })
    await desk.freeSlot(slot)
    const { records } = await allChanges(system, begun)
    expect(records).toContainEqual({ kind: 'gone', noun: 'appointment', foreignId: `slot~${slot}` })
  })

  it('miss nothing while the front desk books without a pause', async () => {
    const times = Array.from({ length: 60 }, () => nextTime())
    const booked: string[] = []
    const seen = new Set<string>()
    let open = true
    const booking = Promise.all(
      [0, 1, 2].map(async (lane) => {
        for (let i = lane; i < times.length; i += 3) {
          const { start = '', end = '' } = times[i] ?? {}
          booked.push(await desk.book({ patient, practitioner, room, start, end }))
        }
      }),
    ).finally(() => {
      open = false
    })
    let cursor = begun
    for (let again = true; again; ) {
      again = open
      const round = await allChanges(system, cursor)
      for (const { foreignId } of appointmentsIn(round.records)) seen.add(foreignId)
      cursor = round.cursor
    }
    await booking
    const last = await allChanges(system, cursor)
    for (const { foreignId } of appointmentsIn(last.records)) seen.add(foreignId)
    expect(booked.filter((id) => !seen.has(id))).toEqual([])
  })

  it('see a transaction that began before the last look and committed after it', async () => {
    const slow = Array.from({ length: 300 }, (_, i) => {
      const id = randomUUID()
      const start = addMs('2029-03-01T00:00:00.000Z', minutes(30) * i)
      const actor = { reference: `Patient/${patient}` }
      const resource = {
        resourceType: 'Appointment',
        id,
        status: 'booked',
        start,
        end: addMs(start, minutes(30)),
      }
      return {
        resource: { ...resource, participant: [{ actor, status: 'accepted' }] },
        request: { method: 'PUT', url: `Appointment/${id}` },
      }
    })
    const committing = call(hapiBase, 'POST', '', {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: slow,
    })
    let cursor = begun
    let looks = 0
    const seen = new Set<string>()
    let open = true
    const done = committing.finally(() => {
      open = false
    })
    while (open) {
      const round = await allChanges(system, cursor)
      for (const { foreignId } of appointmentsIn(round.records)) seen.add(foreignId)
      cursor = round.cursor
      looks++
    }
    await done
    const last = await allChanges(system, cursor)
    for (const { foreignId } of appointmentsIn(last.records)) seen.add(foreignId)
    expect(looks).toBeGreaterThan(0)
    expect(slow.filter(({ resource }) => !seen.has(resource.id))).toEqual([])
  })

  it('set aside what cannot be read, with a reason, and go on', async () => {
    const { start, end } = nextTime()
    const lonely = await call(hapiBase, 'POST', 'Appointment', {
      resourceType: 'Appointment',
      status: 'booked',
      start,
      end,
    })
    const actor = { reference: `Patient/${patient}` }
    const zoneless = await call(hapiBase, 'POST', 'Appointment', {
      resourceType: 'Appointment',
      status: 'booked',
      start: '2031-01-01',
      participant: [{ actor, status: 'accepted' }],
    })
    const good = await desk.book({ patient, practitioner, room, start, end })
    const { records } = await allChanges(system, begun)
    const reason = (id: unknown) =>
      records.flatMap((one) =>
        one.kind === 'set_aside' && one.record.foreignId === id ? [one.record] : [],
      )[0]
    expect(reason(lonely.id)).toMatchObject({
      noun: 'appointment',
      reason: 'an Appointment without participants',
    })
    expect(reason(zoneless.id)).toMatchObject({ reason: 'start or end is not an instant with a zone' })
    expect(lastOf(records, good)).toBeDefined()
    await expect(system.find({ foreignId: String(lonely.id) })).rejects.toThrow(Unavailable)
  })

  it('refuse a cursor of another server', async () => {
    const other = JSON.stringify({ ...JSON.parse(begun ?? '{}'), of: '000000000000' })
    await expect(allChanges(system, other)).rejects.toThrow(CursorLost)
    await expect(allChanges(system, 'nonsense')).rejects.toThrow(CursorLost)
  })
})

describe('a window', () => {
  it('holds what overlaps the range, and nothing that ends or starts at its edges', async () => {
    const first = nextTime()
    const second = nextTime()
    const third = nextTime()
    const ids = []
    for (const { start, end } of [first, second, third]) {
      ids.push(await desk.book({ patient, practitioner, room, start, end }))
    }
    const long = await desk.block({ room: room2, start: first.start, end: third.end })
    const found = appointmentsIn(await wholeWindow(system, second.start, second.end)).map(
      (one) => one.foreignId,
    )
    expect(found.sort()).toEqual([ids[1], long].sort())
  })

  it('is the truth of now, not of a search that the server remembers', async () => {
    const { start, end } = nextTime()
    const before = await wholeWindow(system, start, end)
    const id = await desk.book({ patient, practitioner, room, start, end })
    const after = await wholeWindow(system, start, end)
    expect(appointmentsIn(before)).toEqual([])
    expect(appointmentsIn(after).map(({ foreignId }) => foreignId)).toEqual([id])
  })

  it('equals the practice as loaded, over a month and in small pages, with every patient named before', async () => {
    const small = await openHapi({ page_size: 100 })
    const from = addMs(`${today}T05:00:00.000Z`, hours(24))
    const to = addMs(from, hours(30 * 24))
    const wanted = [...practice.appointments, ...practice.slots].filter(
      (one) => String(one.end) > from && String(one.start) < to,
    )
    const records = await wholeWindow(small, from, to)
    const read = new Set(
      appointmentsIn(records).map(({ foreignId }) => foreignId.replace('slot~', '').split('~')[0]),
    )
    expect([...read].sort()).toEqual(wanted.map(({ id }) => String(id)).sort())
    const told = new Set<string>()
    for (const change of records) {
      if (change.kind === 'patient') told.add(change.record.foreignId)
      if (change.kind === 'appointment' && change.record.patient)
        expect(told).toContain(change.record.patient)
    }
  })
})
