import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PatientDraft, RecordSystem } from '../../../src/connectors/connector.ts'
import { openPractice, type TestPractice } from '../../sandbox/practice-under-test.ts'
import { change, collect, inserted, insertion, openConnector, written } from './open-connector.ts'

let practice: TestPractice
let system: RecordSystem
beforeAll(async () => {
  practice = await openPractice({ seed: 2 })
  system = await openConnector(practice.url)
})
afterAll(async () => {
  await system[Symbol.asyncDispose]()
  await practice[Symbol.asyncDispose]()
})

const DRAFT: PatientDraft = {
  firstName: 'Zdenka',
  middleName: null,
  lastName: 'Alderbrook',
  birthDate: '1988-02-29',
  gender: 'Female',
  email: 'zdenka@example.com',
  phone: '2125550199',
}

describe('an insertion', () => {
  it('stands in the practice as asked, and is read back', async () => {
    const request = insertion(system, 1, {
      note: 'Ring twice 🦷',
      descriptors: ['kind_2', 'code_D1110', 'code_D0120'],
    })
    expect(await system.insert(request)).toEqual({
      kind: 'written',
      record: expect.objectContaining({
        marker: request.marker,
        patient: '1',
        provider: '1',
        operatory: '1',
        start: request.start,
        end: request.end,
        note: 'Ring twice 🦷',
        descriptors: ['code_D0120', 'code_D1110', 'kind_2'],
        confirmed: false,
        cancelled: false,
        version: '1',
      }),
    })
  })

  it('brings its new patient, one however often and at once it is sent', async () => {
    const patient = { marker: system.reserve(), draft: DRAFT }
    const request = insertion(system, 2, { patient })
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => system.insert(request)))
    expect(new Set(outcomes.map((one) => written(one).foreignId)).size).toBe(1)
    expect(outcomes[0]).toMatchObject({ patient: { marker: patient.marker, gender: 'Female' } })
    const second = insertion(system, 3, { patient })
    const again = written(await system.insert(second))
    const { lastName, firstName, birthDate } = DRAFT
    const found = await system.findPatients({ lastName, firstName, birthDate: birthDate ?? '' })
    expect(found.map((one) => one.foreignId)).toEqual([again.patient])
  })

  it('loses a taken time to whoever came first, unless it may overbook', async () => {
    const first = await inserted(system, 4)
    const outcome = await system.insert(insertion(system, 4, { patient: { foreignId: '2' } }))
    const message = `The time is taken by visit ${first.foreignId}.`
    expect(outcome).toEqual({ kind: 'rejected', code: 'slot_taken', message })
    expect((await system.insert(insertion(system, 4, { overbook: true }))).kind).toBe('written')
  })

  it('is won by one of thirty at once', async () => {
    const asked = Array.from({ length: 30 }, (_, at) =>
      system.insert(insertion(system, 5, { patient: { foreignId: String(at + 1) } })),
    )
    const kinds = (await Promise.all(asked)).map((one) => (one.kind === 'rejected' ? one.code : one.kind))
    expect(kinds.sort()).toEqual([...Array(29).fill('slot_taken'), 'written'])
  })

  it('is not made again after the desk deleted it', async () => {
    const request = insertion(system, 6)
    const record = written(await system.insert(request))
    await practice.call('POST', '/desk/delete', { visit_id: record.foreignId })
    expect(await system.insert(request)).toMatchObject({ kind: 'rejected', code: 'not_found' })
    expect(await system.find({ marker: request.marker })).toBeNull()
  })

  it.each([
    ['two kinds', { descriptors: ['kind_1', 'kind_2'] }],
    ['a foreign descriptor', { descriptors: ['D1110'] }],
    ['no patient', { patient: null }],
    ['an unknown patient', { patient: { foreignId: '99999' } }],
    ['an unknown operatory', { operatory: '99' }],
    ['a time off the grain', { start: '2027-06-01T07:01:00.000Z' }],
    ['a note too long', { note: 'x'.repeat(501) }],
  ])('is rejected, and leaves nothing, with %s', async (_, more) => {
    const request = insertion(system, 7, more)
    const outcome = await system.insert(request)
    expect(outcome.kind).toBe('rejected')
    expect(await collect(system.window('2027-06-01T07:00:00.000Z', '2027-06-01T08:00:00.000Z'))).toEqual([[]])
  })

  it('is rejected as unauthorized with a wrong key', async () => {
    const stranger = await openConnector(practice.url, { key: 'wrong' })
    const outcome = await stranger.insert(insertion(stranger, 7))
    expect(outcome).toMatchObject({ kind: 'rejected', code: 'unauthorized' })
  })
})

describe('a block', () => {
  it('closes an operatory, is one however often sent, and is cancelled, moved and renamed', async () => {
    const request = insertion(system, 8, { unavailable: true, patient: null, note: 'Training' })
    const block = written(await system.insert(request))
    expect(written(await system.insert(request))).toEqual(block)
    expect(block).toMatchObject({
      unavailable: true,
      patient: null,
      note: 'Training',
      marker: request.marker,
    })
    expect(await system.insert(insertion(system, 8))).toMatchObject({ code: 'slot_taken' })
    const times = { start: '2027-06-01T09:00:00.000Z', end: '2027-06-01T10:00:00.000Z' }
    const asked = { kind: 'reschedule', operatory: null, overbook: false, ...times } as const
    const moved = written(await system.change(change(block, asked)))
    expect(moved).toMatchObject(times)
    const renamed = written(await system.change(change(moved, { kind: 'note', note: null })))
    const lifted = written(await system.change(change(renamed, { kind: 'cancel' })))
    expect(lifted).toMatchObject({ cancelled: true, note: null })
    expect((await system.insert(insertion(system, 9))).kind).toBe('written')
    const confirm = await system.change(change(lifted, { kind: 'confirm' }))
    expect(confirm).toMatchObject({ kind: 'rejected', code: 'unsupported' })
  })

  it('closes a provider everywhere, or the whole practice', async () => {
    const block = { unavailable: true, patient: null, operatory: null }
    await inserted(system, 11, block)
    await inserted(system, 12, { ...block, provider: null })
    expect(await system.insert(insertion(system, 11, { operatory: '2' }))).toMatchObject({
      code: 'slot_taken',
    })
    const other = { operatory: '2', provider: '2' }
    expect((await system.insert(insertion(system, 11, other))).kind).toBe('written')
    expect(await system.insert(insertion(system, 12, other))).toMatchObject({ code: 'slot_taken' })
  })
})

describe('a change', () => {
  it('confirms, checks in, moves, notes and cancels, each read back', async () => {
    let record = await inserted(system, 14)
    record = written(await system.change(change(record, { kind: 'confirm' })))
    expect(record.confirmed).toBe(true)
    const at = '2027-06-01T13:55:12.345Z'
    record = written(await system.change(change(record, { kind: 'check_in', at })))
    expect(record.checkinAt).toBe(at)
    const times = { start: '2027-06-01T15:00:00.000Z', end: '2027-06-01T16:00:00.000Z' }
    const asked = { kind: 'reschedule', operatory: '3', overbook: false, ...times } as const
    record = written(await system.change(change(record, asked)))
    expect(record).toMatchObject({ ...times, operatory: '3', provider: '1' })
    record = written(await system.change(change(record, { kind: 'note', note: 'Late' })))
    expect(record.note).toBe('Late')
    record = written(await system.change(change(record, { kind: 'cancel' })))
    expect(record).toMatchObject({ cancelled: true, confirmed: true, version: '6' })
  })

  it('looks up the version where it was given none', async () => {
    const record = await inserted(system, 17)
    await practice.call('POST', '/desk/remark', { visit_id: record.foreignId, remark: 'From the desk' })
    const outcome = await system.change(change(record, { kind: 'confirm' }, null))
    expect(written(outcome)).toMatchObject({ confirmed: true, note: 'From the desk' })
  })

  it('loses to the desk when it was decided on an older version', async () => {
    const record = await inserted(system, 18)
    await practice.call('POST', '/desk/remark', { visit_id: record.foreignId, remark: 'From the desk' })
    const outcome = await system.change(change(record, { kind: 'note', note: 'Ours' }))
    expect(outcome).toMatchObject({ kind: 'rejected', code: 'version_changed' })
    expect(await system.find({ foreignId: record.foreignId })).toMatchObject({ note: 'From the desk' })
  })

  it('takes effect once when it is sent twice', async () => {
    const record = await inserted(system, 19)
    const request = change(record, { kind: 'confirm' })
    const first = written(await system.change(request))
    expect(written(await system.change(request))).toEqual(first)
    expect(first.version).toBe('2')
  })

  it('does not come back when the desk undid it in between', async () => {
    const record = await inserted(system, 20)
    const request = change(record, { kind: 'cancel' })
    const { version } = written(await system.change(request))
    const revive = { version: Number(version), cancelled: false }
    expect((await practice.call('PATCH', `/visits/${record.foreignId}`, revive)).status).toBe(200)
    expect(await system.change(request)).toMatchObject({ kind: 'rejected', code: 'version_changed' })
  })

  it('is rejected on a taken time, on a cancelled appointment, and on none', async () => {
    const record = await inserted(system, 21)
    const other = await inserted(system, 22)
    const onto = { kind: 'reschedule', start: other.start, end: other.end, operatory: null } as const
    const taken = await system.change(change(record, { ...onto, overbook: false }))
    expect(taken).toMatchObject({ kind: 'rejected', code: 'slot_taken' })
    expect((await system.change(change(record, { ...onto, overbook: true }))).kind).toBe('written')
    const cancelled = written(await system.change(change(other, { kind: 'cancel' })))
    const late = await system.change(change(cancelled, { kind: 'confirm' }))
    expect(late).toMatchObject({ kind: 'rejected', code: 'refused' })
    for (const foreignId of ['999999', 'block_999999', 'x']) {
      const none = await system.change({ foreignId, version: null, kind: 'cancel' })
      expect(none).toMatchObject({ kind: 'rejected', code: 'not_found' })
    }
  })
})
