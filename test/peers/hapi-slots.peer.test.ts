/** Slots on HAPI: free ones as working hours, taken ones by bookings, many at once for one of them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Outcome, RecordSystem } from '../../src/connectors/connector.ts'
import type { AppointmentRecord } from '../../src/model/records.ts'
import { addMs, minutes } from '../../src/model/time.ts'
import { type Api, serveApi } from '../support/api.ts'
import { type Link, startLink } from '../support/bridge.ts'
import { anInsertion, desk, hapiBase, openHapi, practice, quietTimes } from './hapi/connected.ts'
import { call, type Resource } from './hapi/fhir-rest.ts'
import { standingIn } from './hapi/world.ts'

const [room = ''] = practice.rooms
const [schedule = ''] = practice.schedules
const [practitioner = ''] = practice.practitioners
const [patient = ''] = practice.patients
const nextTime = quietTimes('slots')

function recordOf(outcome: Outcome): AppointmentRecord {
  if (outcome.kind !== 'written') throw new Error(JSON.stringify(outcome))
  return outcome.record
}
const statusOf = async (slot: string) => (await desk.seeSlot(slot))?.status

/** A Saturday of the coming months, on which the practice has nothing; another in each run. */
function saturday(): string {
  const some = Date.now() + (3 + Math.floor(Math.random() * 18)) * 7 * 86_400_000
  const days = Array.from({ length: 7 }, (_, i) => new Date(some + i * 86_400_000))
  return (
    days
      .find((day) => day.getUTCDay() === 6)
      ?.toISOString()
      .slice(0, 10) ?? ''
  )
}

/** A half hour that is offered. */
async function offeredTime() {
  const { start, end } = nextTime()
  return { start, end, slot: await desk.offer(schedule, start, end) }
}

describe('a booking', () => {
  let system: RecordSystem
  beforeAll(async () => {
    system = await openHapi()
  })
  const change = (record: AppointmentRecord, more: Record<string, unknown>) =>
    system.change({ foreignId: record.foreignId, version: record.version, ...more } as never)

  it('takes the slot of its time, and cancelling lets it go', async () => {
    const { slot, ...time } = await offeredTime()
    const record = recordOf(await system.insert(anInsertion(system, time)))
    expect(await statusOf(slot)).toBe('busy')
    expect(await desk.see(record.foreignId)).toMatchObject({ slot: [{ reference: `Slot/${slot}` }] })
    recordOf(await change(record, { kind: 'cancel' }))
    expect(await statusOf(slot)).toBe('free')
  })

  it('lets its slot go and takes the next when it moves, keeping one that it needs still', async () => {
    const first = await offeredTime()
    const second = await offeredTime()
    const record = recordOf(await system.insert(anInsertion(system, { start: first.start, end: first.end })))
    const longer = {
      kind: 'reschedule',
      start: first.start,
      end: second.end,
      operatory: null,
      overbook: false,
    }
    const both = recordOf(await change(record, longer))
    expect([await statusOf(first.slot), await statusOf(second.slot)]).toEqual(['busy', 'busy'])
    recordOf(await change(both, { ...longer, start: second.start }))
    expect([await statusOf(first.slot), await statusOf(second.slot)]).toEqual(['free', 'busy'])
  })

  it('is refused where the slot is busy, and a move onto it too, with nothing changed', async () => {
    const mine = await offeredTime()
    const taken = await offeredTime()
    const booking = { patient, practitioner, room, start: taken.start, end: taken.end }
    await desk.bookSlots(booking, [taken.slot])
    const { start, end } = taken
    const refused = { kind: 'rejected', code: 'slot_taken' }
    expect(await system.insert(anInsertion(system, { start, end }))).toMatchObject(refused)
    const record = recordOf(await system.insert(anInsertion(system, { start: mine.start, end: mine.end })))
    const move = { kind: 'reschedule', start, end, operatory: null, overbook: false }
    expect(await change(record, move)).toMatchObject(refused)
    expect(await statusOf(mine.slot)).toBe('busy')
    expect((await standingIn(room, start)).length).toBe(1)
  })

  it('makes no patient where the slot is busy', async () => {
    const { slot, ...time } = await offeredTime()
    await desk.bookSlots({ patient, practitioner, room, ...time }, [slot])
    const marker = system.reserve()
    const draft = { firstName: 'Nell', middleName: null, lastName: 'Unmade', birthDate: '1990-01-02' }
    const newcomer = { marker, draft: { ...draft, gender: null, email: null, phone: null } }
    expect(await system.insert(anInsertion(system, { ...time, patient: newcomer }))).toMatchObject({
      code: 'slot_taken',
    })
    expect(
      await system.findPatients({ lastName: 'Unmade', firstName: 'Nell', birthDate: '1990-01-02' }),
    ).toEqual([])
  })

  it('cuts a long slot: what it does not need stays free', async () => {
    const { start } = nextTime()
    const end = nextTime().end
    const slot = await desk.offer(schedule, start, end)
    const middle = { start: addMs(start, minutes(10)), end: addMs(start, minutes(40)) }
    recordOf(await system.insert(anInsertion(system, middle)))
    expect(await desk.seeSlot(slot)).toMatchObject({ ...middle, status: 'busy' })
    const path = `Slot?schedule=Schedule/${schedule}&start=ge${start}&start=lt${end}&_sort=start`
    const { entry = [] } = await call<{ entry?: { resource: Resource }[] }>(
      hapiBase,
      'GET',
      path,
      undefined,
      { 'cache-control': 'no-cache' },
    )
    const shown = entry.map(({ resource }) => [resource.status, resource.start, resource.end])
    expect(shown).toEqual([
      ['free', start, middle.start],
      ['busy', middle.start, middle.end],
      ['free', middle.end, end],
    ])
  })

  it('of a time that nobody offers is refused where everyone books by slots, and goes where not', async () => {
    const strict = await openHapi({ slots: 'everyone' })
    expect(strict.capabilities.conflictCheck).toBe('atomic')
    const time = nextTime()
    expect(await strict.insert(anInsertion(strict, time))).toMatchObject({ code: 'slot_taken' })
    expect(await standingIn(room, time.start)).toEqual([])
    expect((await system.insert(anInsertion(system, time))).kind).toBe('written')
  })
})

it('64 bookings at once of one slot, from eight processes that share nothing: one wins', async () => {
  const { slot, ...time } = await offeredTime()
  const system = await openHapi()
  const { marker: _, ...insertion } = anInsertion(system, time)
  const program = fileURLToPath(new URL('./hapi/booking-process.ts', import.meta.url))
  const settings = JSON.stringify({ base_url: hapiBase, slots: 'everyone' })
  const racers = Array.from({ length: 8 }, () => {
    const child = spawn(process.execPath, [program, settings, JSON.stringify(insertion), '8'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
  })
  try {
    for (const { lines } of racers) expect((await lines.next()).value).toBe('ready')
    for (const { child } of racers) child.stdin.write('go\n')
    const outcomes: string[] = []
    for (const { lines } of racers) outcomes.push(...JSON.parse(String((await lines.next()).value)))
    expect(outcomes.length).toBe(64)
    expect(outcomes.filter((outcome) => outcome === 'written').length).toBe(1)
    // Lost for certain: nothing stands, so none may be called unknown and come back later.
    expect(outcomes.filter((outcome) => outcome !== 'written' && outcome !== 'slot_taken')).toEqual([])
    expect((await standingIn(room, time.start)).length).toBe(1)
    expect(await desk.seeSlot(slot)).toMatchObject({ status: 'busy', meta: { versionId: '2' } })
  } finally {
    for (const { child } of racers) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
    }
  }
}, 120_000)

describe('the bridge', () => {
  let link: Link
  let api: Api
  let providerId: number
  let operatoryId: number
  beforeAll(async () => {
    link = await startLink({ connector: 'fhir', configuration: { base_url: hapiBase }, pollSeconds: 1 })
    api = await serveApi(link)
    const idOf = async (table: string, foreignId: string) =>
      Number((await link.t.look(`select id from ${table} where foreign_id = $1`, [foreignId]))[0].id)
    providerId = await idOf('providers', practitioner)
    operatoryId = await idOf('operatories', room)
    await link.t.look('update data_sources set directory_seconds = 0')
  }, 240_000)
  afterAll(async () => {
    await api?.[Symbol.asyncDispose]()
    await link?.[Symbol.asyncDispose]()
  })

  const hours = () =>
    link.t.look(
      `select id, begin_time, end_time, specific_date::text as day, provider_id, operatory_id, updated_at
       from working_hours where source = 'synced' and provider_id = $1 order by specific_date, begin_time`,
      [providerId],
    )

  it('shows free slots as working hours, offers them, and rewrites only what changed', async () => {
    const day = saturday()
    // 13:00 to 17:00 in UTC is 08:00 to 12:00 in New York in winter, and an hour later in summer.
    const at = (hour: number) => `${day}T${String(hour).padStart(2, '0')}:00:00.000Z`
    const slots = [await desk.offer(schedule, at(13), at(14)), await desk.offer(schedule, at(14), at(15))]
    await desk.offer(schedule, at(16), at(17))
    await link.pulled()
    const before = (await hours()).filter((hour) => hour.day === day)
    expect(before.length).toBe(2)
    const local = (text: string) =>
      new Intl.DateTimeFormat('en-GB', {
        timeZone: 'America/New_York',
        hour: '2-digit',
        minute: '2-digit',
      }).format(new Date(text))
    expect(before.map((hour) => [hour.begin_time, hour.end_time])).toEqual([
      [local(at(13)), local(at(15))],
      [local(at(16)), local(at(17))],
    ])
    expect(Number(before[0].operatory_id)).toBe(operatoryId)
    const path = `/available_slots?start_date=${day}&days=1&lids[]=${link.locationId}&pids[]=${providerId}`
    const answer = await api.ask('GET', path, undefined, 'v20240412')
    expect(JSON.stringify(answer.body), JSON.stringify(answer.body)).toContain(`${day}T${local(at(16))}`)
    await desk.bookSlots({ patient, practitioner, room, start: at(14), end: at(15) }, [slots[1] ?? ''])
    await link.pulled()
    const after = (await hours()).filter((hour) => hour.day === day)
    expect(after.map((hour) => [hour.id, hour.end_time])).toEqual([
      [before[0].id, local(at(14))],
      [before[1].id, local(at(17))],
    ])
    expect(after[1].updated_at).toEqual(before[1].updated_at)
    expect(after[0].updated_at).not.toEqual(before[0].updated_at)
  })

  it('says that it reads working hours', async () => {
    const [row] = await link.t.look('select capabilities from data_sources')
    expect(row.capabilities.reads.workingHours).toBe(true)
  })

  it('leaves none of ours over a row of a desk that takes no slots', async () => {
    const times = []
    for (let i = 0; i < 12; i++) times.push(await offeredTime())
    const known = (await link.t.look('select id from patients where foreign_id = $1', [patient]))[0].id
    const ids = []
    await link.stopWorker()
    for (const { start, end } of times) {
      const appt = {
        patient_id: Number(known),
        provider_id: providerId,
        operatory_id: operatoryId,
        start_time: start,
        end_time: end,
      }
      const { status, body } = await api.ask('POST', `/appointments?location_id=${link.locationId}`, { appt })
      expect(status, JSON.stringify(body.error)).toBe(201)
      ids.push(body.data.appt.id)
    }
    link.startWorker()
    link.wake()
    // While the worker writes ours, the desk books the same times, one after the other.
    const theirs: string[] = []
    for (const { start, end } of times)
      theirs.push(await desk.book({ patient, practitioner, room, start, end }))
    for (const id of ids) await link.settled(id)
    let withdrawn = 0
    for (const [i, { start }] of times.entries()) {
      const standing = await standingIn(room, start)
      expect(standing.map(({ id }) => id)).toContain(theirs[i])
      const ours = standing.find(({ id }) => id !== theirs[i])
      if (ours === undefined) {
        withdrawn++
        continue
      }
      // It stands because it stood there first: the desk booked over it.
      const path = `Appointment/${ours.id}/_history/1`
      const first = await call(hapiBase, 'GET', path)
      const other = await call(hapiBase, 'GET', `Appointment/${theirs[i]}/_history/1`)
      expect(Date.parse(first.meta?.lastUpdated ?? '')).toBeLessThanOrEqual(
        Date.parse(other.meta?.lastUpdated ?? ''),
      )
    }
    expect(withdrawn).toBeGreaterThan(0)
  })
})
