import { beforeAll, describe, expect, it } from 'vitest'
import type { Change, Outcome, RecordSystem } from '../../src/connectors/connector.ts'
import type { AppointmentRecord } from '../../src/model/records.ts'
import {
  allChanges,
  aNewPatient,
  anInsertion,
  appointmentsIn,
  desk,
  hapiBase,
  openHapi,
  practice,
  quietTimes,
  wholeWindow,
} from './hapi/connected.ts'
import { type Bundle, call } from './hapi/fhir-rest.ts'

const [room = '', room2 = ''] = practice.rooms
const [practitioner = '', practitioner2 = ''] = practice.practitioners
const [patient = ''] = practice.patients
const nextTime = quietTimes('writing')
let system: RecordSystem

beforeAll(async () => {
  system = await openHapi()
})

function recordOf(outcome: Outcome): AppointmentRecord {
  if (outcome.kind !== 'written') throw new Error(JSON.stringify(outcome))
  return outcome.record
}

async function countOf(type: string, marker: string): Promise<number> {
  const identifier = encodeURIComponent(`urn:slotbridge:marker|${marker}`)
  const found = await call<Bundle>(hapiBase, 'GET', `${type}?identifier=${identifier}&_count=50`, undefined, {
    'cache-control': 'no-cache',
  })
  return found.entry?.length ?? 0
}

async function booked(): Promise<AppointmentRecord> {
  return recordOf(await system.insert(anInsertion(system, nextTime())))
}

function changed(record: AppointmentRecord, change: Record<string, unknown>): Promise<Outcome> {
  return system.change({ foreignId: record.foreignId, version: record.version, ...change } as Change)
}

describe('an insertion', () => {
  it('stands in HAPI with its new patient, as asked', async () => {
    const request = anInsertion(system, {
      ...nextTime(),
      patient: aNewPatient(system),
      note: 'Wurzelbehandlung 🦷',
    })
    const outcome = await system.insert(request)
    const record = recordOf(outcome)
    expect(record).toMatchObject({
      marker: request.marker,
      provider: practitioner,
      operatory: room,
      start: request.start,
      end: request.end,
      note: 'Wurzelbehandlung 🦷',
      confirmed: false,
      cancelled: false,
    })
    expect(outcome.kind === 'written' && outcome.patient).toMatchObject({
      foreignId: record.patient,
      firstName: 'Ines',
      middleName: 'May',
      lastName: 'Newcomer',
      birthDate: '1988-04-09',
      gender: 'Female',
      email: 'ines@example.com',
      cellPhone: '(617) 555-0147',
    })
    expect(await desk.see(record.foreignId)).toMatchObject({
      status: 'booked',
      comment: 'Wurzelbehandlung 🦷',
    })
    expect(await desk.seePatient(record.patient ?? '')).toMatchObject({
      gender: 'female',
      birthDate: '1988-04-09',
    })
    expect(await system.find({ marker: request.marker })).toEqual(record)
    const { patient: who, provider, operatory, start } = record
    expect(await system.find({ natural: { patient: who ?? '', provider, operatory, start } })).toEqual(record)
  })

  it('sent again with the same marker makes no second appointment and no second patient', async () => {
    const newcomer = aNewPatient(system)
    const request = anInsertion(system, { ...nextTime(), patient: newcomer })
    const first = recordOf(await system.insert(request))
    const again = await system.insert(request)
    expect(recordOf(again)).toEqual(first)
    expect(again.kind === 'written' && again.patient?.foreignId).toBe(first.patient)
    expect(await countOf('Appointment', request.marker)).toBe(1)
    expect(await countOf('Patient', newcomer.marker)).toBe(1)
  })

  it('sent eight times at once makes one appointment and one patient', async () => {
    const newcomer = aNewPatient(system)
    const request = anInsertion(system, { ...nextTime(), patient: newcomer })
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => system.insert(request)))
    expect(new Set(outcomes.map((outcome) => recordOf(outcome).foreignId)).size).toBe(1)
    expect(await countOf('Appointment', request.marker)).toBe(1)
    expect(await countOf('Patient', newcomer.marker)).toBe(1)
    expect((await desk.see(request.marker))?.meta?.versionId).toBe('1')
  })

  it('resent does not overwrite what the front desk has made of it', async () => {
    const request = anInsertion(system, nextTime())
    await system.insert(request)
    const moved = nextTime()
    await desk.move(request.marker, moved.start, moved.end, room2)
    expect(recordOf(await system.insert(request))).toMatchObject({ ...moved, operatory: room2 })
  })

  it('resent does not bring back what the front desk deleted', async () => {
    const request = anInsertion(system, nextTime())
    await system.insert(request)
    await desk.remove(request.marker)
    expect(await system.insert(request)).toMatchObject({ kind: 'rejected', code: 'refused' })
    expect(await desk.see(request.marker)).toBeNull()
  })

  it('that lost the race with its own copy between look and send overwrites nothing', async () => {
    // What the guard is for: the look saw nothing, the first copy lands, the front desk changes it, then ours goes out.
    const request = anInsertion(system, nextTime())
    await system.insert(request)
    await desk.comment(request.marker, 'changed by the desk')
    const late = { resourceType: 'Appointment', id: request.marker, status: 'booked', participant: [] }
    const sent = call(hapiBase, 'PUT', `Appointment/${request.marker}`, late, { 'if-match': 'W/"0"' })
    await expect(sent).rejects.toThrow('409')
    expect((await desk.see(request.marker))?.comment).toBe('changed by the desk')
  })

  it('of a block needs no patient and comes back as unavailable', async () => {
    const request = anInsertion(system, { ...nextTime(), patient: null, unavailable: true, note: 'Repairs' })
    expect(recordOf(await system.insert(request))).toMatchObject({
      unavailable: true,
      patient: null,
      note: 'Repairs',
    })
  })

  it('for a patient whom HAPI does not know is rejected with a reason that names nobody', async () => {
    const nobody = 'aaaaaaaa-0000-4000-8000-000000000000'
    const outcome = await system.insert(
      anInsertion(system, { ...nextTime(), patient: { foreignId: nobody } }),
    )
    expect(outcome).toMatchObject({ kind: 'rejected', code: 'invalid' })
    expect(outcome.kind === 'rejected' && outcome.message).toContain('not found')
    expect(outcome.kind === 'rejected' && outcome.message).not.toContain(nobody)
  })

  it('on the condition of our identifier, where no id of ours may be chosen, makes one as well', async () => {
    const conditional = await openHapi({ insert_by: 'condition' })
    expect(conditional.capabilities.effect).toBe('detected')
    const newcomer = aNewPatient(conditional)
    const request = anInsertion(conditional, { ...nextTime(), patient: newcomer })
    const first = recordOf(await conditional.insert(request))
    expect(first.foreignId).not.toBe(request.marker)
    expect(recordOf(await conditional.insert(request))).toEqual(first)
    expect(await conditional.find({ marker: request.marker })).toEqual(first)
    expect(await countOf('Appointment', request.marker)).toBe(1)
    expect(await countOf('Patient', newcomer.marker)).toBe(1)
  })

  it('of which a second copy came to stand is told with both', async () => {
    const conditional = await openHapi({ insert_by: 'condition' })
    const { foreignId, marker } = recordOf(await conditional.insert(anInsertion(conditional, nextTime())))
    const { id: _, meta: __, ...copy } = (await desk.see(foreignId)) ?? {}
    const second = await call(hapiBase, 'POST', 'Appointment', copy)
    const found = (await conditional.copies?.(marker ?? '')) ?? []
    expect(found.map((one) => one.foreignId).sort()).toEqual([foreignId, String(second.id)].sort())
  })

  it('over a time that the desk took is seen in the window read after it, ours beside theirs', async () => {
    const { start, end } = nextTime()
    expect(system.capabilities.conflictCheck).toBe('advisory')
    const theirs = await desk.book({ patient, practitioner, room, start, end })
    const ours = recordOf(await system.insert(anInsertion(system, { start, end })))
    const standing = appointmentsIn(await wholeWindow(system, start, end)).filter(
      (one) => one.operatory === room,
    )
    expect(standing.map(({ foreignId }) => foreignId).sort()).toEqual([theirs, ours.foreignId].sort())
    expect(standing.find(({ foreignId }) => foreignId === ours.foreignId)?.marker).toBe(ours.marker)
    // What the sync does then: ours goes, theirs stays.
    expect(recordOf(await changed(ours, { kind: 'cancel' })).cancelled).toBe(true)
    expect((await desk.see(theirs))?.status).toBe('booked')
  })

  it('comes back with the changes, bearing our marker', async () => {
    const { cursor } = await allChanges(system, null)
    const record = await booked()
    const told = appointmentsIn((await allChanges(system, cursor)).records)
    expect(told.find(({ foreignId }) => foreignId === record.foreignId)).toEqual(record)
  })
})

describe('a change', () => {
  it('confirms: the patient has accepted', async () => {
    const record = await booked()
    expect(recordOf(await changed(record, { kind: 'confirm' })).confirmed).toBe(true)
    const participant = [{ status: 'accepted' }, { status: 'accepted' }, { status: 'accepted' }]
    expect(await desk.see(record.foreignId)).toMatchObject({ participant })
  })

  it('confirms by the status where the practice keeps it there', async () => {
    const byStatus = await openHapi({ confirmation: 'status' })
    const record = recordOf(await byStatus.insert(anInsertion(byStatus, nextTime())))
    expect(record.confirmed).toBe(false)
    expect((await desk.see(record.foreignId))?.status).toBe('pending')
    const outcome = await byStatus.change({
      foreignId: record.foreignId,
      version: record.version,
      kind: 'confirm',
    })
    expect(recordOf(outcome).confirmed).toBe(true)
    expect((await desk.see(record.foreignId))?.status).toBe('booked')
  })

  it('checks in with the time, notes, and takes the note away', async () => {
    const record = await booked()
    const here = recordOf(await changed(record, { kind: 'check_in', at: record.start }))
    expect(here).toMatchObject({ checkinAt: record.start, confirmed: true })
    expect((await desk.see(record.foreignId))?.status).toBe('arrived')
    const noted = recordOf(await changed(here, { kind: 'note', note: 'runs late' }))
    expect(noted).toMatchObject({ note: 'runs late', checkinAt: record.start })
    expect(recordOf(await changed(noted, { kind: 'note', note: null })).note).toBeNull()
    expect(await desk.see(record.foreignId)).not.toHaveProperty('comment')
  })

  it('reschedules to another time and room, and keeps who comes', async () => {
    const record = await booked()
    const later = nextTime()
    const moved = recordOf(
      await changed(record, { kind: 'reschedule', ...later, operatory: room2, overbook: false }),
    )
    expect(moved).toMatchObject({
      ...later,
      operatory: room2,
      provider: practitioner,
      patient: record.patient,
    })
    const same = recordOf(
      await changed(moved, {
        kind: 'reschedule',
        start: later.start,
        end: later.end,
        operatory: null,
        overbook: false,
      }),
    )
    expect(same).toEqual(moved)
  })

  it('cancels once, and a cancelled one cannot be confirmed', async () => {
    const record = await booked()
    const gone = recordOf(await changed(record, { kind: 'cancel' }))
    expect(gone.cancelled).toBe(true)
    expect(recordOf(await changed(record, { kind: 'cancel' }))).toEqual(gone)
    expect(await changed(gone, { kind: 'confirm' })).toMatchObject({ kind: 'rejected', code: 'refused' })
  })

  it('decided on an older version loses against the front desk', async () => {
    const record = await booked()
    await desk.comment(record.foreignId, 'the desk was first')
    expect(await changed(record, { kind: 'confirm' })).toMatchObject({
      kind: 'rejected',
      code: 'version_changed',
    })
    const seen = await system.find({ foreignId: record.foreignId })
    expect(seen?.confirmed).toBe(false)
    expect(recordOf(await changed(seen ?? record, { kind: 'confirm' }))).toMatchObject({
      confirmed: true,
      note: 'the desk was first',
    })
  })

  it('never undoes what the desk wrote at the same time', async () => {
    for (let round = 0; round < 6; round++) {
      const record = await booked()
      const [, outcome] = await Promise.all([
        desk.comment(record.foreignId, `desk ${round}`).catch(() => null),
        system.change({ foreignId: record.foreignId, version: null, kind: 'confirm' }),
      ])
      const now = await system.find({ foreignId: record.foreignId })
      if (outcome.kind === 'written') expect(now?.confirmed).toBe(true)
      else expect(outcome).toMatchObject({ kind: 'rejected', code: 'version_changed' })
    }
  })

  it('keeps every field that we do not know', async () => {
    const record = await booked()
    const path = `Appointment/${record.foreignId}`
    const before = await desk.see(record.foreignId)
    const strange = {
      ...before,
      priority: 3,
      reasonCode: [{ text: 'Crown' }],
      description: 'Crown, upper left',
    }
    await call(hapiBase, 'PUT', path, strange)
    recordOf(await system.change({ foreignId: record.foreignId, version: null, kind: 'confirm' }))
    expect(await desk.see(record.foreignId)).toMatchObject({
      priority: 3,
      reasonCode: [{ text: 'Crown' }],
      description: 'Crown, upper left',
    })
  })

  it('of what is not there, or of a busy slot, is rejected with the reason', async () => {
    const nothing = { foreignId: 'no-such-appointment', version: null, kind: 'cancel' } as const
    expect(await system.change(nothing)).toMatchObject({ kind: 'rejected', code: 'not_found' })
    const { start, end } = nextTime()
    const slot = await desk.blockSlot(practice.schedules[1] ?? '', start, end)
    const ofSlot = { foreignId: `slot~${slot}`, version: null, kind: 'cancel' } as const
    expect(await system.change(ofSlot)).toMatchObject({ kind: 'rejected', code: 'unsupported' })
    expect(await system.find({ foreignId: `slot~${slot}` })).toMatchObject({ provider: practitioner2 })
  })
})

describe('a search for a patient', () => {
  it('finds the same name and birth date only, whatever the case', async () => {
    const lastName = `Uncommon${Math.random().toString(36).slice(2, 8)}`
    const request = anInsertion(system, { ...nextTime(), patient: aNewPatient(system, lastName) })
    const record = recordOf(await system.insert(request))
    const query = { lastName: lastName.toUpperCase(), firstName: 'ines', birthDate: '1988-04-09' }
    expect((await system.findPatients(query)).map(({ foreignId }) => foreignId)).toEqual([record.patient])
    expect(await system.findPatients({ ...query, birthDate: '1988-04-10' })).toEqual([])
    expect(await system.findPatients({ ...query, lastName: lastName.slice(0, 9) })).toEqual([])
  })
})
