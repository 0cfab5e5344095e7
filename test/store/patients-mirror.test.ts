/** Patients as they are read: markers, foreign ids that come back, survivors that come later, keys of an older rule. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inTenant, type Tenant } from '../../src/db/database.ts'
import type { PatientRecord } from '../../src/model/records.ts'
import { takeChanges } from '../../src/store/changes.ts'
import { savePullProgress } from '../../src/store/data-sources.ts'
import { mapPatients } from '../../src/store/patient-links.ts'
import { followMerges } from '../../src/store/patient-merges.ts'
import { findMatches, findPatient, insertPatient, lockPerson } from '../../src/store/patients.ts'
import { savePatients } from '../../src/store/patients-mirror.ts'
import { type Practice, setUpPractice } from '../support/bridge.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let t: TestDatabase
let practice: Practice
beforeAll(async () => {
  t = await testDatabase()
  const source = { connector: 'sandbox', configuration: { url: 'http://127.0.0.1:1', key: 'k' } }
  practice = await setUpPractice(t, source)
})
afterAll(async () => {
  await t?.[Symbol.asyncDispose]()
})

const tenant = <T>(run: (tx: Tenant) => Promise<T>) => inTenant(t.database, practice.institutionId, run)
const record = (foreignId: string, more: Partial<PatientRecord> = {}): PatientRecord => ({
  foreignId,
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
  ...more,
})
const save = (records: PatientRecord[], seenAt: string) =>
  tenant(async (tx) => {
    const place = { id: practice.sourceId, locationId: practice.locationId }
    const { merges } = await savePatients(tx, place, records, seenAt)
    await followMerges(tx, practice.sourceId, merges)
    const noted = [...(takeChanges(tx)?.patients ?? [])]
    const of = (name: string) => noted.filter(([, event]) => event === name).map(([id]) => id)
    return { created: of('patient_created'), updated: of('patient_updated') }
  })
const idOf = async (foreignId: string) =>
  (await tenant((tx) => mapPatients(tx, practice.sourceId, [foreignId]))).get(foreignId)
const rowOf = async (foreignId: string) =>
  (await t.look('select * from patients where foreign_id = $1', [foreignId]))[0]
const guarantorOf = async (foreignId: string) => {
  const row = await rowOf(foreignId)
  const [found] = await t.look('select foreign_id from patients where id = $1', [row.guarantor_id])
  return found?.foreign_id ?? null
}
const add = (marker: string | null, more = {}) =>
  tenant(async (tx) => {
    const id = await insertPatient(tx, {
      dataSourceId: practice.sourceId,
      locationId: practice.locationId,
      providerId: null,
      firstName: 'Mira',
      middleName: null,
      lastName: 'Merge',
      birthDate: '1970-01-02',
      gender: null,
      email: null,
      cellPhone: '5035550142',
      homePhone: null,
      workPhone: null,
      addressLine1: null,
      addressLine2: null,
      city: null,
      state: null,
      zipCode: null,
      guarantorId: null,
      ...more,
    })
    if (marker !== null) await tx.db.updateTable('patients').set({ marker }).where('id', '=', id).execute()
    return id
  })

it('keeps two people whom the practice holds under one marker as two, in one page or in two, and the placeholder as the first', async () => {
  const placeholder = await add('m1')
  await save([record('k2', { marker: 'm1' }), record('k1', { marker: 'm1' })], '2029-01-01T00:00:00.000Z')
  expect(await idOf('k1')).toBe(placeholder)
  await save([record('k3', { marker: 'm1' })], '2029-01-01T00:01:00.000Z')
  const rows = await t.look(`select foreign_id, marker from patients where foreign_id like 'k%' order by 1`)
  expect(rows).toEqual([
    { foreign_id: 'k1', marker: 'm1' },
    { foreign_id: 'k2', marker: null },
    { foreign_id: 'k3', marker: null },
  ])
  // Mirrored before its marker was written there, while the placeholder waits to be tied to it.
  const waiting = await add('m2')
  await save([record('k4')], '2029-01-01T00:02:00.000Z')
  await save([record('k4', { marker: 'm2', version: '2' })], '2029-01-01T00:03:00.000Z')
  expect(await idOf('k4')).not.toBe(waiting)
  expect((await rowOf('k4')).marker).toBeNull()
})

it('gives a foreign id that a restored backup gave to somebody else to a patient of their own', async () => {
  const somebody = { firstName: 'Hal', lastName: 'Fremd', birthDate: '1944-04-04' }
  await save([record('r1', { version: '7' }), record('r2', { version: '7' })], '2029-02-01T00:00:00.000Z')
  const before = [await idOf('r1'), await idOf('r2')]
  // The desk may correct name and birth date both: the version grows.
  await save(
    [record('r1', { firstName: 'Myra', birthDate: '1970-02-01', version: '8' })],
    '2029-02-01T00:01:00.000Z',
  )
  expect(await idOf('r1')).toBe(before[0])
  // A row entered anew begins to count anew.
  const { created, updated } = await save(
    [record('r1', { ...somebody, version: '1' })],
    '2029-02-01T00:02:00.000Z',
  )
  expect(updated).toEqual([before[0]])
  expect(created).toEqual([await idOf('r1')])
  expect(created).not.toContain(before[0])
  expect(await tenant((tx) => findPatient(tx, before[0] ?? 0))).toMatchObject({
    first_name: 'Myra',
    foreign_id: null,
    foreign_id_type: 'Nex-DataSource-0',
  })
  // Or the practice was found to have gone back since the row was seen, whatever its versions say.
  await tenant((tx) => savePullProgress(tx, practice.sourceId, { restored_at: '2029-02-01T00:03:00.000Z' }))
  await save([record('r2', { lastName: 'Married', version: '9' })], '2029-02-01T00:04:00.000Z')
  expect(await idOf('r2')).toBe(before[1])
  await t.look(`update patients set mirror_seen_at = '2029-02-01' where foreign_id = 'r2'`)
  await save([record('r2', { ...somebody, version: '12' })], '2029-02-01T00:05:00.000Z')
  expect(await idOf('r2')).not.toBe(before[1])
  // An older page than the mirror tells nothing of the kind.
  const now = await idOf('r2')
  await save([record('r2', { firstName: 'Old', birthDate: null, version: '1' })], '2029-02-01T00:04:30.000Z')
  expect(await idOf('r2')).toBe(now)
})

it('follows a merge whose survivor comes later, through a chain and a ring, and back', async () => {
  const at = (minute: number) => `2029-03-01T00:0${minute}:00.000Z`
  await save([record('s1', { mergedInto: 's2', version: '1' })], at(0))
  const one = await idOf('s1')
  await save([record('s2', { mergedInto: 's3', version: '1' })], at(1))
  await save([record('s3', { version: '1' })], at(2))
  const three = Number((await rowOf('s3')).id)
  expect([await idOf('s1'), await idOf('s2')]).toEqual([three, three])
  expect((await tenant((tx) => findPatient(tx, one ?? 0)))?.id).toBe(three)
  // The practice turns a merge round: for a moment each is merged into the other, and each is still somebody.
  await save([record('s3', { mergedInto: 's2', version: '2' })], at(3))
  expect((await tenant((tx) => findPatient(tx, three)))?.id).toBe(three)
  await save([record('s2', { version: '2' })], at(4))
  const two = Number((await rowOf('s2')).id)
  expect([await idOf('s1'), await idOf('s3')]).toEqual([two, two])
  await save([record('s1', { version: '2' })], at(5))
  expect(await idOf('s1')).toBe(one)
})

it('finds people whose key is of an older rule, and those who were merged away', async () => {
  const person = {
    firstName: 'Ola',
    middleName: null,
    lastName: 'Gammel',
    birthDate: '1955-05-05',
    phones: ['5035550188'],
  }
  const phone = { cellPhone: '5035550188', birthDate: '1955-05-05', firstName: 'Ola', lastName: 'Gammel' }
  await save([record('o1', phone), record('o2', { lastName: 'Another' })], '2029-04-01T00:00:00.000Z')
  const [old, survivor] = [await idOf('o1'), await idOf('o2')]
  await t.look(`update patients set match_key = 'v1|whatever' where foreign_id = 'o1'`)
  const found = () => tenant((tx) => findMatches(tx, practice.sourceId, person))
  expect(await found()).toEqual([{ id: old, foreign_id: 'o1' }])
  await save([record('o1', { ...phone, mergedInto: 'o2', version: '2' })], '2029-04-01T00:01:00.000Z')
  expect(await found()).toEqual([{ id: survivor, foreign_id: 'o2' }])
})

it('ties patients to guarantors before, in or after their page, to themselves, and follows one who was merged away', async () => {
  const at = (minute: number) => `2029-06-01T00:0${minute}:00.000Z`
  const guarantor = (id: string, of: string | null, more = {}) => record(id, { guarantor: of, ...more })
  await save([guarantor('g-1', 'g-1')], at(1))
  // One who is known, oneself, one who comes later in the page, and one who does not come.
  await save(
    [guarantor('g-2', 'g-1'), guarantor('g-3', 'g-3'), guarantor('g-4', 'g-5'), guarantor('g-6', 'g-7')],
    at(2),
  )
  expect(await guarantorOf('g-4')).toBeNull()
  await save([guarantor('g-5', 'g-5'), guarantor('g-4', 'g-5', { city: 'Bend' })], at(3))
  expect(await guarantorOf('g-1')).toBe('g-1')
  expect(await guarantorOf('g-2')).toBe('g-1')
  expect(await guarantorOf('g-3')).toBe('g-3')
  expect(await guarantorOf('g-4')).toBe('g-5')
  expect(await guarantorOf('g-6')).toBeNull()
  // A row that did not change is tied all the same, once its guarantor is there.
  await save([guarantor('g-7', 'g-7'), guarantor('g-6', 'g-7')], at(4))
  expect(await guarantorOf('g-6')).toBe('g-7')
  await save([guarantor('g-3', 'g-3', { mergedInto: 'g-1' })], at(5))
  await save([guarantor('g-3', 'g-3', { mergedInto: 'g-1', city: 'Bend' })], at(6))
  expect(await guarantorOf('g-3')).toBe('g-1')
})

it('makes those who add one person by different phones wait for each other', async () => {
  const person = { firstName: 'Zoë', lastName: "O'Brien", birthDate: '1988-02-29' }
  const tryLock = (other: typeof person) =>
    tenant(async (tx) => {
      await tx.db.executeQuery({ sql: "set local lock_timeout = '100ms'", parameters: [] } as never)
      await lockPerson(tx, other)
    })
  await tenant(async (tx) => {
    await lockPerson(tx, person)
    await expect(tryLock({ ...person, firstName: 'ZOE', lastName: 'OBrien Jr' })).rejects.toThrow(
      'lock timeout',
    )
    await tryLock({ ...person, birthDate: '1988-02-28' })
  })
})
