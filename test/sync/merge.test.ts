import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inTenant, type Tenant } from '../../src/db/database.ts'
import type { AppointmentRecord, PatientRecord } from '../../src/model/records.ts'
import { loadDirectory, saveOperatories, saveProviders } from '../../src/store/directory-mirror.ts'
import { listAside } from '../../src/store/practice-restored.ts'
import { mergeRecords, removeGone } from '../../src/sync/merge.ts'
import { type Practice, setUpPractice } from '../support/bridge.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let t: TestDatabase
let practice: Practice
beforeAll(async () => {
  t = await testDatabase()
  const source = { connector: 'sandbox', configuration: { url: 'http://127.0.0.1:1', key: 'k' } }
  practice = await setUpPractice(t, source)
  await tenant(async (tx) => {
    const maps = await loadDirectory(tx, practice.sourceId)
    const provider = {
      foreignId: 'p1',
      firstName: 'A',
      lastName: 'B',
      displayName: 'A B',
      npi: null,
      inactive: false,
      locations: [],
    }
    await saveProviders(tx, practice.sourceId, [provider], maps)
    await saveOperatories(
      tx,
      practice.sourceId,
      [{ foreignId: 'o1', name: 'One', location: null, active: true }],
      maps,
    )
  })
})
afterAll(async () => {
  await t?.[Symbol.asyncDispose]()
})

const tenant = <T>(run: (tx: Tenant) => Promise<T>) => inTenant(t.database, practice.institutionId, run)
const patient: PatientRecord = {
  foreignId: 'x1',
  marker: null,
  firstName: 'Mira',
  middleName: null,
  lastName: 'Merge',
  birthDate: '1970-01-02',
  gender: null,
  email: null,
  cellPhone: null,
  homePhone: null,
  workPhone: null,
  addressLine1: null,
  addressLine2: null,
  city: null,
  state: null,
  zipCode: null,
  language: null,
  chartId: null,
  billingType: null,
  guarantor: null,
  provider: null,
  inactive: false,
  mergedInto: null,
  version: null,
}
const record = (change: Partial<AppointmentRecord> = {}): AppointmentRecord => ({
  foreignId: 'a1',
  marker: null,
  patient: 'x1',
  provider: 'p1',
  operatory: 'o1',
  location: null,
  start: '2030-01-07T15:00:00.000Z',
  end: '2030-01-07T15:30:00.000Z',
  unavailable: false,
  confirmed: false,
  confirmedAt: null,
  cancelled: false,
  cancelledAt: null,
  checkinAt: null,
  checkedOut: false,
  checkedOutAt: null,
  missed: false,
  note: 'one',
  descriptors: [],
  enteredAt: null,
  version: '1',
  ...change,
})
const merge = (records: AppointmentRecord[], seenAt: string) =>
  tenant(async (tx) => {
    const maps = await loadDirectory(tx, practice.sourceId)
    const context = { sourceId: practice.sourceId, maps, seenAt, quiet: false }
    return await mergeRecords(tx, context, [
      { kind: 'patient', record: patient },
      ...records.map((one) => ({ kind: 'appointment' as const, record: one })),
    ])
  })
const find = async (foreignId: string) =>
  (await t.look('select * from appointments where foreign_id = $1', [foreignId]))[0]
const eventCount = async () => Number((await t.look('select count(*) as n from events'))[0].n)

describe('merging', () => {
  it('takes a patient back from aside that is read well, and a row that is gone', async () => {
    const context = { sourceId: practice.sourceId, quiet: false, seenAt: '2026-01-01T00:00:00.000Z' }
    const aside = (noun: 'patient' | 'appointment', foreignId: string) =>
      ({ kind: 'set_aside', record: { noun, foreignId, reason: 'It cannot be read.', raw: {} } }) as const
    const merge = (records: Parameters<typeof mergeRecords>[2]) =>
      tenant(async (tx) => {
        await mergeRecords(tx, { ...context, maps: await loadDirectory(tx, practice.sourceId) }, records)
        return (await listAside(tx, practice.sourceId, 10)).map(
          ({ noun, foreign_id }) => `${noun} ${foreign_id}`,
        )
      })
    expect(await merge([aside('patient', 'odd'), aside('appointment', 'gone')])).toEqual([
      'patient odd',
      'appointment gone',
    ])
    expect(await merge([{ kind: 'patient', record: { ...patient, foreignId: 'odd' } }])).toEqual([
      'appointment gone',
    ])
    expect(await merge([{ kind: 'gone', noun: 'appointment', foreignId: 'gone' }])).toEqual([])
  })

  it('adds a row with its event, and merges the same again into nothing', async () => {
    await merge([record()], '2029-01-01T00:00:00.000Z')
    expect(await find('a1')).toMatchObject({ note: 'one', cancelled: false })
    const events = await eventCount()
    const before = (await find('a1')).updated_at
    await merge([record()], '2029-01-01T00:01:00.000Z')
    expect(await eventCount()).toBe(events)
    expect((await find('a1')).updated_at).toEqual(before)
  })

  it('never lets an older read overwrite a younger one, and asks for that row again', async () => {
    await merge(
      [
        record({
          foreignId: 'a2',
          note: 'young',
          version: '2',
          start: '2030-01-08T15:00:00.000Z',
          end: '2030-01-08T15:30:00.000Z',
        }),
      ],
      '2029-01-02T00:00:10.000Z',
    )
    const stale = record({
      foreignId: 'a2',
      note: 'stale',
      version: '1',
      start: '2030-01-08T15:00:00.000Z',
      end: '2030-01-08T15:30:00.000Z',
    })
    expect((await merge([stale], '2029-01-02T00:00:05.000Z')).recheck).toEqual(['a2'])
    expect((await find('a2')).note).toBe('young')
  })

  it('does not take a row for gone that was seen after the read began', async () => {
    const remove = (seenAt: string) =>
      tenant(async (tx) => {
        const maps = await loadDirectory(tx, practice.sourceId)
        await removeGone(tx, { sourceId: practice.sourceId, maps, seenAt, quiet: false }, ['a2'])
      })
    await remove('2029-01-02T00:00:09.000Z')
    expect((await find('a2')).deleted).toBe(false)
    await remove('2029-01-02T00:00:11.000Z')
    expect(await find('a2')).toMatchObject({ deleted: true, cancelled: true })
    // What it occupied is free again.
    expect(await t.look('select 1 from busy where appointment_id = $1', [(await find('a2')).id])).toEqual([])
  })

  it('notes a visit whose patient is unknown as set aside, sealed, takes its time all the same, and ties the patient when it came', async () => {
    await merge([record({ foreignId: 'a3', patient: 'x-unknown' })], '2029-01-03T00:00:00.000Z')
    const unread = await find('a3')
    expect(unread).toMatchObject({ patient_id: null, unavailable: false })
    expect(await t.look('select 1 from busy where appointment_id = $1', [unread.id])).toHaveLength(1)
    const [row] = await t.look('select * from set_aside')
    expect(row).toMatchObject({
      noun: 'appointment',
      foreign_id: 'a3',
      reason: 'Its patient could not be read.',
    })
    expect(row.raw_sealed.toString('latin1')).not.toContain('2030-01-07')
    await merge([record({ foreignId: 'a3' })], '2029-01-03T00:01:00.000Z')
    expect((await find('a3')).patient_id).not.toBeNull()
    expect(await t.look('select 1 from set_aside')).toEqual([])
  })

  it("takes the provider's time where the operatory is unknown: more than it must, never less", async () => {
    await merge(
      [
        record({
          foreignId: 'a4',
          operatory: 'o-unknown',
          start: '2030-01-09T15:00:00.000Z',
          end: '2030-01-09T15:30:00.000Z',
        }),
      ],
      '2029-01-04T00:00:00.000Z',
    )
    const [busy] = await t.look(
      'select b.operatory_id, b.provider_id from busy b join appointments a on a.id = b.appointment_id where a.foreign_id = $1',
      ['a4'],
    )
    expect(busy.operatory_id).toBeNull()
    expect(busy.provider_id).not.toBeNull()
  })

  it('keeps the instants that the system does not tell as they were first seen', async () => {
    const confirmed = {
      foreignId: 'a5',
      confirmed: true,
      start: '2030-01-10T15:00:00.000Z',
      end: '2030-01-10T15:30:00.000Z',
    }
    await merge([record(confirmed)], '2029-01-05T00:00:00.000Z')
    await merge([record({ ...confirmed, note: 'changed', version: '2' })], '2029-01-05T06:00:00.000Z')
    expect((await find('a5')).confirmed_at.toISOString()).toBe('2029-01-05T00:00:00.000Z')
  })

  it('sets aside what lies in no year that it can compare, or lasts for a century', async () => {
    const far = { foreignId: 'a8', start: '+010000-01-01T00:00:00.000Z', end: '+010000-01-01T01:00:00.000Z' }
    const long = { foreignId: 'a9', start: '2030-01-12T15:00:00.000Z', end: '2130-01-12T15:00:00.000Z' }
    await merge([record(far), record(long)], '2029-01-08T00:00:00.000Z')
    const rows = await t.look('select foreign_id from set_aside order by 1')
    expect(rows.map((row) => row.foreign_id)).toEqual(['a8', 'a9'])
    await t.look('delete from set_aside')
  })

  it('skips rows of a location that is not set up here', async () => {
    await merge([record({ foreignId: 'a6', location: 'another site' })], '2029-01-06T00:00:00.000Z')
    expect(await find('a6')).toBeUndefined()
    expect(await t.look("select 1 from set_aside where foreign_id = 'a6'")).toEqual([])
  })

  it('makes one row of one foreign id that comes twice in a page', async () => {
    const twice = { foreignId: 'a7', start: '2030-01-11T15:00:00.000Z', end: '2030-01-11T15:30:00.000Z' }
    await merge(
      [record({ ...twice, note: 'first' }), record({ ...twice, note: 'last' })],
      '2029-01-07T00:00:00.000Z',
    )
    expect(
      (await t.look("select note from appointments where foreign_id = 'a7'")).map((row) => row.note),
    ).toEqual(['last'])
  })
})

it('texts that PostgreSQL cannot hold are read without what it cannot, and stop no page', async () => {
  const seenAt = '2029-12-31T00:00:00.000Z'
  const nul = { ...patient, foreignId: 'x-nul', firstName: 'Mi\0ra', city: 'Half \ud83d' }
  const visit = record({
    foreignId: 'a-nul',
    patient: 'x-nul',
    note: 'by\0phone',
    start: '2030-02-07T15:00:00.000Z',
    end: '2030-02-07T15:30:00.000Z',
  })
  await tenant(async (tx) => {
    const maps = await loadDirectory(tx, practice.sourceId)
    const context = { sourceId: practice.sourceId, maps, seenAt, quiet: true }
    await mergeRecords(tx, context as never, [
      { kind: 'patient', record: nul },
      { kind: 'appointment', record: visit },
    ])
  })
  const read = await t.look(
    `select p.first_name, p.city, a.note from appointments a join patients p on p.id = a.patient_id where a.foreign_id = 'a-nul'`,
  )
  expect(read).toEqual([{ first_name: 'Mira', city: 'Half \ufffd', note: 'byphone' }])
})
