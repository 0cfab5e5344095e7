/** What a probe names, what other versions and set-ups of Open Dental do to reading, and the nights the clocks change. */
import type { RowDataPacket } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { appointmentsIn, insertionIn, readOn, windowOf } from '../../src/connectors/conformance/story.ts'
import { type RecordSystem, Unavailable } from '../../src/connectors/connector.ts'
import type { ChangeRecord } from '../../src/model/records.ts'
import { addMs, minutes } from '../../src/model/time.ts'
import { definitions } from './open-dental/definitions.ts'
import { dayAt, TRAINING } from './open-dental/made-up.ts'
import { type OpenedPractice, openPractice } from './open-dental/open-practice.ts'
import { CUSTOMER_KEY, DEVELOPER_KEY, healed, READ_ONLY_KEY } from './open-dental/stand-in-api.ts'
import { type MariaDb, startMariaDb } from './open-dental/start-mariadb.ts'
import { openWorld } from './open-dental/world.ts'

const TINY = { patients: 20, daysBack: 5, daysAhead: 10, taken: 3 }
const definition = definitions.at(-1) ?? definitions[0]
let mariaDb: MariaDb
let practice: OpenedPractice
beforeAll(async () => {
  mariaDb = await startMariaDb()
})
afterAll(async () => {
  await mariaDb?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  practice = await openPractice(mariaDb, definition, TINY)
})
afterEach(async () => {
  await practice?.[Symbol.asyncDispose]()
})

const key = (customer_key: string, more = {}) => ({
  api: { url: practice.api.url, developer_key: DEVELOPER_KEY, customer_key, ...more },
})
const missingOf = async (more: Record<string, unknown> = {}) =>
  (await (await practice.connector(more)).probe()).missing
const change = async (sql: string) => void (await practice.root.query(sql))

describe('a probe', () => {
  it('finds nothing missing under the rights that the documentation lists', async () => {
    const probe = await (await practice.connector()).probe()
    expect(probe).toMatchObject({ missing: [], systemName: "Open Dental (the practice's own API)" })
    expect(probe.version).toMatch(/^21\.1\.9\.0 on .*MariaDB/)
    expect(probe.marks).toEqual({ history: expect.any(Number), deletions: 0, patients: 20 })
  })

  it('names a right that is missing, and reading is refused with it', async () => {
    await change(`revoke select on opendental.procedurelog from 'slotbridge'@'%'`)
    expect(await missingOf()).toEqual(['The database account lacks SELECT on procedurelog.'])
    const system = await practice.connector()
    await expect(readOn(system, null)).rejects.toThrow('lacks SELECT on procedurelog')
    await expect(readOn(system, null)).rejects.toThrow(Unavailable)
  })

  it('names a table and a column that this version lacks', async () => {
    await change('drop table patientlink; alter table appointment drop column ProvHyg')
    expect(await missingOf()).toEqual([
      'The table appointment shows no ProvHyg: another version, or rights to some columns only.',
      'This version of Open Dental has no table patientlink.',
    ])
  })

  it('names a server clock in another zone than configured', async () => {
    const [sentence, ...more] = await missingOf({ server_zone: 'Asia/Kathmandu' })
    expect(sentence).toMatch(/own clock is -\d+ minutes from UTC and Asia\/Kathmandu is 345: set server_zone/)
    expect(more).toEqual([])
  })

  it('names a server clock that is off', async () => {
    const ahead = { now: () => Date.now() - minutes(10) }
    const probe = await (await practice.connector({}, ahead)).probe()
    expect(probe.clockSkewMs).toBeGreaterThan(minutes(9))
    expect(probe.missing).toEqual([
      expect.stringMatching(/clock of the database server is off by \d+ seconds/),
    ])
  })

  it('names blockout types that nobody decided about, and they block meanwhile', async () => {
    const undecided = { blocking_blockouts: [] }
    expect(await missingOf(undecided)).toEqual([expect.stringContaining('302 (Training)')])
    const schedule = await practice.desk.blockout(TRAINING, dayAt(3), '18:00', '19:00', [1])
    const system = await practice.connector(undecided)
    expect(await system.find({ foreignId: `block_${schedule}_1` })).toMatchObject({ unavailable: true })
  })

  it('names random keys, and a confirmation that is not set up', async () => {
    await change(`update preference set ValueString = '1' where PrefName = 'RandomPrimaryKeys';
      update preference set ValueString = '0' where PrefName = 'ApptEConfirmStatusAccepted'`)
    expect(await missingOf()).toEqual([
      expect.stringContaining('random keys'),
      expect.stringContaining('set confirm_definition'),
    ])
    expect((await practice.connector()).capabilities.writes.confirm).toBe(false)
  })

  it.each<[string, () => Record<string, unknown>, string]>([
    ['keys that are refused', () => key('another'), 'refuses the keys (401)'],
    ['keys of the read-only tier', () => key(READ_ONLY_KEY), 'read-only tier'],
    ['an API that is not there', () => key(CUSTOMER_KEY, { url: 'http://127.0.0.1:9/api/v1' }), 'API'],
  ])('names %s', async (_, more, text) => {
    expect(await missingOf(more())).toEqual([expect.stringContaining(text)])
  })

  it('says how fast the API may be asked, and that nothing is written without one', async () => {
    const slow = await practice.connector(key(CUSTOMER_KEY, { interval_ms: 50 }))
    expect((await slow.probe()).systemName).toContain('a request each 50 ms')
    const { api: _, ...rest } = practice.configuration
    const reader = await practice.connector({ ...rest, api: undefined })
    expect((await reader.probe()).systemName).toBe('Open Dental (read only: no API configured)')
    expect(reader.capabilities.writes).toMatchObject({ insert: false, cancel: false, new_patient: false })
  })
})

describe('the pace of the API', () => {
  it('is kept, so that nothing is turned away', async () => {
    const interval_ms = 60
    practice.api.faults.throttleMs = interval_ms - 10
    const system = await practice.connector(key(CUSTOMER_KEY, { interval_ms }))
    const world = { ...(await openWorld(practice)), system }
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map(async () => system.insert(await insertionIn(world, { descriptors: ['code_11'] }))),
    )
    healed(practice.api)
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(4).fill('written'))
    expect(outcomes.flatMap((one) => (one.kind === 'written' ? [one.record.descriptors] : []))).toEqual(
      Array(4).fill(['code_11']),
    )
  })

  it('that is not kept is unavailable, and nothing was written', async () => {
    const world = await openWorld(practice)
    Object.assign(practice.api.faults, { status: 429 })
    const request = await insertionIn(world)
    expect(await world.system.insert(request)).toMatchObject({ kind: 'unavailable' })
    expect(await world.standingAt(request.start)).toEqual([])
  })
})

it('a blockout that cannot be read is there all the same: nothing is said of it by its key', async () => {
  const schedule = await practice.desk.blockout(TRAINING, dayAt(3), '19:00', '18:00', [1])
  const system = await practice.connector()
  await expect(system.find({ foreignId: `block_${schedule}_1` })).rejects.toThrow(Unavailable)
  await practice.desk.unblock(schedule)
  expect(await system.find({ foreignId: `block_${schedule}_1` })).toBeNull()
})

describe('the night the clocks go back', () => {
  const bookAt = (at: string) => practice.desk.book({ patient: 3, op: 5, at })
  const asideOf = (records: ChangeRecord[], foreignId: string) =>
    records.flatMap((one) =>
      one.kind === 'set_aside' && one.record.foreignId === foreignId ? [one.record.reason] : [],
    )

  it('reads an hour that comes twice as the first, and marks it, in changes and in windows', async () => {
    const id = await bookAt('2027-11-07 01:30:00')
    const system = await practice.connector()
    const { records } = await readOn(system, null)
    const found = appointmentsIn(records).find((one) => one.foreignId === id)
    expect(found).toMatchObject({ start: '2027-11-07T05:30:00.000Z', end: '2027-11-07T06:00:00.000Z' })
    expect(asideOf(records, id)).toEqual([expect.stringContaining('twice')])
    const window = await windowOf(system, '2027-11-07T05:00:00.000Z', '2027-11-07T06:00:00.000Z')
    expect(appointmentsIn(window).map((one) => one.foreignId)).toEqual([id])
    expect(asideOf(window, id)).toHaveLength(1)
  })

  it('books its first hour, and refuses the second with the reason', async () => {
    const world = await openWorld(practice)
    const first = await world.system.insert(await insertionIn(world, { start: '2027-11-07T05:30:00.000Z' }))
    expect(first.kind === 'written' && first.record.start).toBe('2027-11-07T05:30:00.000Z')
    const second = await world.system.insert(await insertionIn(world, { start: '2027-11-07T06:30:00.000Z' }))
    expect(second).toMatchObject({
      kind: 'rejected',
      code: 'invalid',
      message: expect.stringContaining('twice'),
    })
  })
})

describe('clinics', () => {
  let system: RecordSystem
  beforeEach(async () => {
    await practice[Symbol.asyncDispose]()
    practice = await openPractice(mariaDb, definition, TINY, true)
    system = await practice.connector({ clinic_zones: { 2: 'America/Denver' } })
  })

  it('are locations with zones of their own; rooms and visits belong to them', async () => {
    const locations: unknown[] = []
    const rooms = new Map<string, string | null>()
    for await (const { kind, record } of system.directory()) {
      if (kind === 'location') locations.push(record)
      if (kind === 'operatory') rooms.set(record.foreignId, record.location)
    }
    expect(locations).toEqual([
      { foreignId: '1', name: 'Alder Lane East', zone: 'America/New_York' },
      { foreignId: '2', name: 'Alder Lane West', zone: 'America/Denver' },
    ])
    expect([rooms.get('1'), rooms.get('3')]).toEqual(['1', '2'])
  })

  it('in another zone than the server are read and booked by their own clocks', async () => {
    const at = `${dayAt(30).slice(0, 4)}-12-31 09:00:00`
    const id = await practice.desk.book({ patient: 3, op: 3, at })
    const start = `${at.slice(0, 10)}T16:00:00.000Z`
    expect(await system.find({ foreignId: id })).toMatchObject({ start, location: '2' })
    const world = {
      ...(await openWorld(practice)),
      system,
      place: { provider: '3', operatory: '3', location: '2' },
    }
    const later = addMs(start, minutes(60))
    const outcome = await system.insert(await insertionIn(world, { start: later }))
    expect(outcome.kind === 'written' && outcome.record).toMatchObject({
      start: later,
      location: '2',
      operatory: '3',
    })
    const [rows] = await practice.root.query<RowDataPacket[]>(
      'select * from appointment order by AptNum desc limit 1',
    )
    expect(rows[0]).toMatchObject({ AptDateTime: `${at.slice(0, 10)} 10:00:00`, ClinicNum: 2 })
    const ids = appointmentsIn(await windowOf(system, start, later)).map((one) => one.foreignId)
    expect(ids).toEqual([id])
  })
})

describe('other letters and versions', () => {
  it('reads latin1 columns as they are, and takes for a note only what they keep', async () => {
    await change(`alter table patient convert to character set latin1; alter table appointment convert to character set latin1;
      update patient set LName = 'Müller-Đorđe' where PatNum = 3; update patient set LName = 'Zoë' where PatNum = 4`)
    const world = await openWorld(practice)
    expect(world.system.capabilities.limits.characters).toBe('latin1')
    const { records } = await readOn(world.system, null)
    const names = records.flatMap((one) => (one.kind === 'patient' ? [one.record.lastName] : []))
    expect(names).toContain('Zoë')
    const kept = await world.system.insert(await insertionIn(world, { note: 'Zoë: später' }))
    expect(kept.kind === 'written' && kept.record.note).toBe('Zoë: später')
    const lost = await world.system.insert(await insertionIn(world, { note: 'Žofie' }))
    expect(lost).toMatchObject({ kind: 'rejected', code: 'invalid' })
    const draft = { ...world.stranger(), lastName: 'Žofková' }
    const nobody = await world.system.insert(
      await insertionIn(world, { patient: { marker: world.system.reserve(), draft } }),
    )
    expect(nobody).toMatchObject({ kind: 'rejected', message: expect.stringContaining('letters') })
  })

  it('keeps everything in utf8mb4 columns', async () => {
    await change('alter table appointment convert to character set utf8mb4')
    const world = await openWorld(practice)
    expect(world.system.capabilities.limits.characters).toBe('unicode')
    const written = await world.system.insert(await insertionIn(world, { note: 'Bring a 🦷' }))
    expect(written.kind === 'written' && written.record.note).toBe('Bring a 🦷')
  })

  it('reads a version without dates of entry and types of appointments', async () => {
    await change('alter table appointment drop column SecDateTEntry, drop column AppointmentTypeNum')
    const system = await practice.connector()
    expect((await system.probe()).missing).toEqual([])
    const [first] = appointmentsIn((await readOn(system, null)).records)
    expect(first).toMatchObject({ enteredAt: null })
  })

  it('finds who shares a phone, however it is written, where the practice has an index on it, and the young by birth date', async () => {
    await change(`alter table patient add index if not exists HmPhone (HmPhone), drop index if exists WkPhone;
      update patient set HmPhone = '(503)555-0177', Birthdate = '1961-02-03' where PatNum in (3, 4);
      update patient set WkPhone = '5035550177' where PatNum = 5; update patient set PatStatus = 4 where PatNum = 4`)
    const system = await practice.connector()
    const alike = async (birthDate: string | null, phones: string[]) =>
      (await system.findAlike?.({ birthDate, phones }))?.map(({ foreignId }) => foreignId)
    expect(await alike(null, ['+1 503 555 0177'])).toEqual(['3'])
    expect(await alike('1961-02-03', [])).toEqual(['3'])
    expect(await alike('1961-02-03', ['503-555-0177', '503-555-0178'])).toEqual(['3'])
    expect(await alike('1801-02-03', ['n/a'])).toEqual([])
    expect(await alike(null, [])).toEqual([])
  })

  it('uses an index on the stamps where the practice has one, and tells the same', async () => {
    await change('alter table appointment add index Stamp (DateTStamp)')
    const system = await practice.connector()
    const { cursor } = await readOn(system, null)
    const id = await practice.desk.book({ patient: 3, op: 5, at: `${dayAt(3)} 18:00:00` })
    const { records } = await readOn(system, cursor)
    expect(appointmentsIn(records).map((one) => one.foreignId)).toEqual([id])
  })
})

describe('a look for changes', () => {
  it('tells a row that became visible minutes after its stamp', async () => {
    const system = await practice.connector()
    let { cursor } = await readOn(system, null)
    for (let n = 0; n < 2; n++) ({ cursor } = await readOn(system, cursor))
    const id = await practice.desk.book({ patient: 3, op: 5, at: `${dayAt(3)} 18:00:00` })
    // As if it had waited for a table lock since then.
    await change(`update appointment set DateTStamp = now() - interval 4 minute where AptNum = ${id}`)
    const { records } = await readOn(system, cursor)
    expect(appointmentsIn(records).map((one) => one.foreignId)).toEqual([id])
  })

  it('goes on over several pages where a slice holds more changed rows than one', async () => {
    await change(`insert into appointment (PatNum, AptStatus, Pattern, Op, ProvNum, AptDateTime)
      select 1 + seq % 20, 1, 'XXXX', 5, 1, '2030-01-07 08:00:00' + interval seq hour from seq_1_to_2500`)
    const system = await practice.connector()
    const all = new Set(appointmentsIn((await readOn(system, null)).records).map((one) => one.foreignId))
    const { cursor } = await readOn(system, null)
    await change('update appointment set DateTStamp = now(); update schedule set DateTStamp = now()')
    const told = new Set(appointmentsIn((await readOn(system, cursor)).records).map((one) => one.foreignId))
    expect(told).toEqual(all)
    expect(all.size).toBeGreaterThan(2500)
  })

  it('can be taken up after any page of the first load', async () => {
    await change(
      `insert into patient (LName, FName, Guarantor) select concat('Extra', seq), 'Uma', seq from seq_1_to_2200`,
    )
    const system = await practice.connector()
    const whole = new Set<string>()
    let cursor: string | null = null
    for (let pages = 0; ; pages++) {
      const walk = system.changes(cursor)[Symbol.asyncIterator]()
      const { value } = await walk.next()
      await walk.return?.()
      for (const one of value.records) if (one.kind === 'patient') whole.add(one.record.foreignId)
      cursor = value.cursor
      if (value.last) break
      expect(pages).toBeLessThan(20)
    }
    expect(whole.size).toBe(2220)
  })
})
