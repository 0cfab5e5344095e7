/** Who is who: what is decided when a new patient is written, what a person decides, and merges that the desk makes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { runCli } from '../../src/cli/run.ts'
import { insertPatient, type NewPatient } from '../../src/store/patients.ts'
import { type Api, serveApi } from '../support/api.ts'
import { book, freeStarts, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge, until } from '../support/bridge.ts'

let bridge: Bridge
let api: Api
let starts: string[]
beforeAll(async () => {
  bridge = await startBridge()
  api = await serveApi(bridge)
  starts = await freeStarts(bridge, await somePlace(bridge), 40)
})
afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  await bridge?.[Symbol.asyncDispose]()
})

const nobody = {
  providerId: null,
  middleName: null,
  gender: null,
  email: null,
  homePhone: null,
  workPhone: null,
  addressLine1: null,
  addressLine2: null,
  city: null,
  state: null,
  zipCode: null,
  guarantorId: null,
}
type Person = Pick<NewPatient, 'firstName' | 'lastName' | 'birthDate' | 'cellPhone'>
const person = (firstName: string, lastName: string, birthDate: string, cellPhone: string): Person => ({
  firstName,
  lastName,
  birthDate,
  cellPhone,
})
const placeholder = (who: Person) =>
  bridge.tenant((tx) =>
    insertPatient(tx, {
      ...nobody,
      ...who,
      dataSourceId: bridge.sourceId,
      locationId: bridge.locationId,
    }),
  )
/** The desk enters a person with a visit; answers the practice's id. */
const deskEnters = async (who: Person): Promise<string> => {
  const { body, status } = await bridge.practice('POST', '/desk/book', {
    chair_id: '1',
    begins: new Date(starts.shift() ?? '').toISOString(),
    person: {
      first_name: who.firstName,
      last_name: who.lastName,
      birth_date: who.birthDate,
      phone: who.cellPhone,
    },
  })
  expect(status).toBe(200)
  return (body.visit as { person_id: string }).person_id
}
const bookFor = async (patientId: number) =>
  (await book(bridge, { patientId, start: starts.shift() ?? '' })).id
const ours = async (foreignId: string): Promise<number> => {
  await bridge.pulled()
  const { body } = await api.ask('GET', `/patients?foreign_id=${foreignId}&location_id=${bridge.locationId}`)
  return body.data.patients[0].id
}
const there = async (lastName: string) => {
  const { body } = await bridge.practice('POST', '/people/search', { last_name: lastName })
  return (body.people as { person_id: string; first_name: string }[]).map((one) => one.person_id)
}
const waits = async (id: number) => {
  bridge.wake()
  return await until('a decision to be asked for', [], async () => {
    const { insertion } = await bridge.appointment(id)
    return insertion?.status === 'needs_decision' ? insertion : null
  })
}
const writeOf = async (id: number): Promise<number> =>
  (await api.ask('GET', `/appointments/${id}/writes`)).body.data[0].id
/** Leaves the insertion as a worker does that dies in the middle of an attempt. */
const crashed = (id: number, attemptAt: string) =>
  bridge.t.look(
    `update writes set state = 'sending', attempts = 1, last_attempt_at = ${attemptAt}, next_attempt_at = now() where appointment_id = $1`,
    [id],
  )
const cli = async (...args: string[]) => {
  const lines: string[] = []
  const terminal = {
    say: (line: string) => void lines.push(line),
    note: (line: string) => void lines.push(line),
    readInput: async () => '',
  }
  await runCli(args, commands, terminal, {
    DATABASE_URL: bridge.t.url,
    DATABASE_DIRECT_URL: bridge.t.directUrl,
    SLOTBRIDGE_MASTER_KEY: bridge.t.database.masterKey.toString('base64'),
  })
  return lines
}
const resolve = (write: number, body: object) => api.ask('POST', `/writes/${write}/resolve`, body)
const eventsOf = async (id: number, noun: 'appointment' | 'patient' = 'appointment') =>
  (await bridge.events()).filter((event) => (event.body[noun] as { id?: number } | undefined)?.id === id)

describe('a new patient, when the first appointment is written,', () => {
  it('is the one there with whom name, birth date and phone agree, however both are written, though we had not read of them', async () => {
    const who = person('Zoë', "O'Brien-Smith", '1990-04-12', '5035550101')
    const id = await placeholder(who)
    await bridge.stopWorker()
    const appointment = await bookFor(id)
    const foreignId = await deskEnters(person('ZOE', 'OBrien Smith', '1990-04-12', '+1 (503) 555-0101'))
    bridge.startWorker()
    const settled = await bridge.settled(appointment)
    expect(settled.insertion).toMatchObject({ status: 'complete' })
    expect(await there('OBrien Smith')).toEqual([foreignId])
    expect(await there("O'Brien-Smith")).toEqual([])
    // Whichever row came first, the id that the client knows means the one patient.
    const { body } = await api.ask('GET', `/patients/${id}`)
    expect(body.data.foreign_id).toBe(foreignId)
    expect(settled.patient_id).toBe(body.data.id)
  })

  it('goes to the id that mirrors the patient already, and lives on as its alias', async () => {
    const who = person('Teo', 'Aliasson', '1970-05-06', '5035550130')
    const id = await placeholder(who)
    const survivor = await ours(await deskEnters(who))
    const settled = await bridge.settled(await bookFor(id))
    expect(settled).toMatchObject({ patient_id: survivor, insertion: { status: 'complete' } })
    for (const version of ['v2', 'v20240412'])
      expect((await api.ask('GET', `/patients/${id}`, undefined, version)).body.data.id).toBe(survivor)
    expect((await eventsOf(id, 'patient')).map(({ name, body }) => [name, body.merged_into])).toContainEqual([
      'patient_merged',
      survivor,
    ])
  })

  it('is asked for where a twin is there, is told by ids, and sends nothing', async () => {
    const twin = await deskEnters(person('Lena', 'Baptiste', '2012-06-01', '5035550150'))
    const appointment = await bookFor(
      await placeholder(person('Lea', 'Baptiste', '2012-06-01', '5035550150')),
    )
    const insertion = await waits(appointment)
    const candidates = [
      { patient_id: await ours(twin), foreign_id: twin, agrees_on: ['date_of_birth', 'phone'] },
    ]
    expect(insertion).toMatchObject({ code: 'patient_ambiguous', candidates, attempts: 0 })
    expect(await there('Baptiste')).toEqual([twin])
    const told = (await eventsOf(appointment)).map(({ name }) => name)
    expect(told).toContain('appointment_insertion.needs_decision')
    for (const version of ['v2', 'v20240412'])
      expect(
        (await api.ask('GET', `/appointments/${appointment}`, undefined, version)).body.data.insertion,
      ).toMatchObject({
        status: 'needs_decision',
        candidates,
      })
    const write = await writeOf(appointment)
    const foreign = candidates[0]
    expect(await cli('writes', 'resolve', `${write}`)).toEqual([
      `patient ${foreign?.patient_id} (there ${twin}): date_of_birth and phone agree`,
    ])
    expect(await cli('writes', 'resolve', `${write}`, '--new')).toEqual([
      `appointment ${appointment} is decided`,
    ])
    expect((await bridge.settled(appointment)).insertion).toMatchObject({
      status: 'complete',
      candidates: null,
    })
    expect(await there('Baptiste')).toHaveLength(2)
  })

  it('is asked for where the practice keeps the person twice, and all that waits for the answer goes by it', async () => {
    const who = person('Ruth', 'Doppel', '1931-01-31', '5035550330')
    const twice = [await deskEnters(who), await deskEnters(who)]
    await bridge.pulled()
    const { providerId: provider_id } = await somePlace(bridge)
    const create = async (return_existing_if_match: boolean) => {
      const bio = { date_of_birth: who.birthDate, phone_number: who.cellPhone }
      const patient = { first_name: 'RUTH', last_name: 'doppel', email: 'ruth@example.com', bio }
      const body = { provider: { provider_id }, patient, return_existing_if_match }
      const answer = await api.ask('POST', `/patients?location_id=${bridge.locationId}`, body)
      return [answer.status, answer.body.data?.user?.id ?? answer.body.error]
    }
    // Neither of the two is guessed when the request is accepted; the placeholder is the same one from then on.
    expect(await create(false)).toEqual([400, ['Patient already exists']])
    const [created, id] = await create(true)
    expect([created, await create(true)]).toEqual([201, [200, id]])
    const both = [await bookFor(id), await bookFor(id)]
    for (const appointment of both) expect((await waits(appointment)).candidates).toHaveLength(2)
    const chosen = await ours(twice[1] ?? '')
    const first = await writeOf(both[0] ?? 0)
    expect((await resolve(first, { patient_id: chosen })).body.data).toHaveLength(2)
    for (const appointment of both)
      expect(await bridge.settled(appointment)).toMatchObject({
        patient_id: chosen,
        insertion: { status: 'complete' },
      })
    expect(await there('Doppel')).toEqual(twice)
    expect((await api.ask('GET', `/patients/${id}`)).body.data.id).toBe(chosen)
    expect((await resolve(first, { patient_id: chosen })).status).toBe(400)
  })

  it('whom a crash left searched for and not written is searched for again', async () => {
    const who = person('Vera', 'Sturz', '1972-07-22', '5035550300')
    await bridge.stopWorker()
    const appointment = await bookFor(await placeholder(who))
    await crashed(appointment, 'now()')
    const foreignId = await deskEnters(who)
    bridge.startWorker()
    expect((await bridge.settled(appointment)).insertion).toMatchObject({ status: 'complete' })
    expect(await there('Sturz')).toEqual([foreignId])
  })

  it('whose appointment a pull has read before it was settled is the one that the pull knows', async () => {
    const who = person('Nils', 'Vorher', '1981-06-13', '5035550301')
    const id = await placeholder(who)
    const known = await ours(await deskEnters(who))
    await bridge.t.look('update data_sources set writing_stopped_at = now()')
    const appointment = await bookFor(id)
    await crashed(appointment, 'now()')
    // It took effect, and its worker died; the pull comes first.
    const [row] = await bridge.t.look(
      "update appointments set marker = 'vorher' where id = $1 returning starts_at, provider_id, operatory_id",
      [appointment],
    )
    const [there] = await bridge.t.look(
      `select (select foreign_id from patients where id = $1) as person_id, (select foreign_id from providers where id = $2)
        as clinician_id, (select foreign_id from operatories where id = $3) as chair_id`,
      [known, row.provider_id, row.operatory_id],
    )
    const begins = row.starts_at.toISOString()
    const finishes = new Date(row.starts_at.getTime() + 1_800_000).toISOString()
    await bridge.practice('POST', '/visits', { ...there, begins, finishes, external_reference: 'vorher' })
    await bridge.pulled()
    expect((await bridge.appointment(appointment)).patient_id).toBe(known)
    await bridge.t.look('update data_sources set writing_stopped_at = null')
    await bridge.t.look(`insert into wakes (work_id) select id from work where kind = 'push'`)
    expect((await bridge.settled(appointment)).insertion).toMatchObject({ status: 'complete' })
    expect((await api.ask('GET', `/patients/${id}`)).body.data.id).toBe(known)
  })

  it('is not asked for while an earlier attempt may still take effect', async () => {
    await deskEnters(person('Jay', 'Whitfield', '2008-01-15', '5035550152'))
    await bridge.stopWorker()
    const appointment = await bookFor(
      await placeholder(person('Kay', 'Whitfield', '2008-01-15', '5035550152')),
    )
    await crashed(appointment, 'now()')
    bridge.startWorker()
    bridge.wake()
    await until('the wait', [], async () => {
      const { insertion } = await bridge.appointment(appointment)
      return insertion?.message?.includes('earlier attempt') ? insertion : null
    })
    expect((await bridge.appointment(appointment)).insertion).toMatchObject({ status: 'unknown', code: null })
    await crashed(appointment, "now() - interval '1 hour'")
    await bridge.t.look(`insert into wakes (work_id) select id from work where kind = 'push'`)
    expect(await waits(appointment)).toMatchObject({ code: 'patient_ambiguous' })
    await resolve(await writeOf(appointment), { give_up: true })
  })

  it('refuses what is no decision, one of another noun, and one about a write that waits for none', async () => {
    const appointment = await bookFor(await placeholder(person('Ona', 'Klar', '1999-09-09', '5035550199')))
    await bridge.settled(appointment)
    const write = await writeOf(appointment)
    const refused = async (body: object, id = write) => {
      const { status, body: said } = await resolve(id, body)
      return [status, said.error?.[0]]
    }
    expect(await refused({ give_up: true })).toEqual([400, expect.stringContaining('does not wait')])
    expect(await refused({})).toEqual([400, expect.stringContaining('exactly one')])
    expect(await refused({ give_up: true, create_new: true })).toEqual([
      400,
      expect.stringContaining('exactly one'),
    ])
    expect((await refused({ create_new: false }))[0]).toBe(400)
    expect(await refused({ patient_id: 2_000_000_000 })).toEqual([404, 'Patient not found'])
    expect(await refused({ give_up: true }, 999_999_999)).toEqual([404, 'Write not found'])
  })
})

describe('what the desk merges', () => {
  it('answers a question that a person was asked: the booking goes on by itself', async () => {
    const who = person('Otto', 'Zweifach', '1950-05-05', '5035550555')
    const [one, other] = [await deskEnters(who), await deskEnters(who)]
    const appointment = await bookFor(await placeholder(who))
    await waits(appointment)
    await bridge.practice('POST', '/desk/merge', { person_id: one, into: other })
    const survivor = await ours(other)
    expect(await bridge.settled(appointment)).toMatchObject({
      patient_id: survivor,
      insertion: { status: 'complete' },
    })
  })

  it('is followed through a chain, by bookings that wait as well, told, and undone when the desk undoes it', async () => {
    const [a, b, c] = [
      await deskEnters(person('Ada', 'Kette', '1960-01-01', '5035550401')),
      await deskEnters(person('Ada', 'Kettel', '1960-02-01', '5035550402')),
      await deskEnters(person('Adah', 'Kettel', '1960-03-01', '5035550403')),
    ]
    const [oursA, oursB, oursC] = [await ours(a), await ours(b), await ours(c)]
    const written = await bookFor(oursA)
    await bridge.settled(written)
    await bridge.t.look('update data_sources set writing_stopped_at = now()')
    const pending = await bookFor(oursA)
    await bridge.practice('POST', '/desk/merge', { person_id: a, into: b })
    await bridge.practice('POST', '/desk/merge', { person_id: b, into: c })
    await bridge.pulled()
    for (const id of [oursA, oursB])
      for (const version of ['v2', 'v20240412'])
        expect((await api.ask('GET', `/patients/${id}`, undefined, version)).body.data.id).toBe(oursC)
    for (const id of [written, pending]) {
      expect((await bridge.appointment(id)).patient_id).toBe(oursC)
      expect((await eventsOf(id)).at(-1)).toMatchObject({ name: 'appointment_updated' })
    }
    const late = await bookFor(oursA)
    expect((await bridge.appointment(late)).patient_id).toBe(oursC)
    const span = `start=2000-01-01&end=2100-01-01&location_id=${bridge.locationId}&per_page=50`
    const listed = (await api.ask('GET', `/appointments?${span}&patient_id=${oursA}`)).body.data
    expect(listed.map(({ id }: { id: number }) => id)).toEqual(
      expect.arrayContaining([written, pending, late]),
    )
    expect((await eventsOf(oursA, 'patient')).filter(({ name }) => name === 'patient_merged')).toHaveLength(1)

    // The desk takes the first merge back: what was booked for the first is the first one's again, written or not.
    await bridge.practice('POST', '/desk/merge', { person_id: a })
    await bridge.pulled()
    await bridge.pulled()
    expect((await api.ask('GET', `/patients/${oursA}`)).body.data.id).toBe(oursA)
    for (const id of [written, pending]) expect((await bridge.appointment(id)).patient_id).toBe(oursA)
    expect((await bridge.appointment(late)).patient_id).toBe(oursC)
    await bridge.t.look('update data_sources set writing_stopped_at = null')
    await bridge.t.look(`insert into wakes (work_id) select id from work where kind = 'push'`)
    for (const [id, foreignId] of [
      [pending, a],
      [late, c],
    ] as const) {
      const { insertion, foreign_id } = await bridge.settled(id)
      expect(insertion).toMatchObject({ status: 'complete' })
      const { body } = await bridge.practice('GET', `/visits/${foreign_id}`)
      expect((body.visit as { person_id: string }).person_id).toBe(foreignId)
    }
  })

  it('while a booking for the loser is on its way is no difference', async () => {
    const [a, b] = [
      await deskEnters(person('Uwe', 'Unter', '1961-01-01', '5035550411')),
      await deskEnters(person('Uwe', 'Untern', '1961-01-02', '5035550412')),
    ]
    const [loser, winner] = [await ours(a), await ours(b)]
    await bridge.stopWorker()
    const id = await bookFor(loser)
    await bridge.practice('POST', '/desk/merge', { person_id: a, into: b })
    // The write was prepared, and its worker died; the merge comes first, the read-back after it.
    bridge.startWorker()
    await bridge.pulled()
    expect(await bridge.settled(id)).toMatchObject({ patient_id: winner, insertion: { status: 'complete' } })
  })
})

// Last: the moved clock leaves instants behind that lie in the future.
it('a patient whom nobody can tell is given up, cancelled by the client, or ends at the deadline, and is never created', async () => {
  await deskEnters(person('Ivo', 'Brandt', '1976-03-04', '5035550180'))
  const transposed = await placeholder(person('Ivo', 'Brandt', '1976-04-03', '5035550180'))
  const [given, cancelled, late] = [
    await bookFor(transposed),
    await bookFor(transposed),
    await bookFor(transposed),
  ]
  for (const appointment of [given, cancelled, late]) await waits(appointment)
  await resolve(await writeOf(given), { give_up: true })
  expect(await bridge.appointment(given)).toMatchObject({
    cancelled: true,
    insertion: { status: 'failed', code: 'patient_ambiguous', retriable: false },
  })
  await api.ask('PATCH', `/appointments/${cancelled}`, { appt: { cancelled: true } })
  expect((await bridge.appointment(cancelled)).insertion).toMatchObject({ code: 'cancelled_first' })
  await bridge.t.moveClock(60 * 24 * 3_600_000)
  await bridge.t.look(`insert into wakes (work_id) select id from work where kind = 'push'`)
  const ended = await bridge.settled(late)
  await bridge.t.moveClock(0)
  expect(ended.insertion).toMatchObject({ status: 'timed_out', code: 'deadline_passed', candidates: null })
  expect(await there('Brandt')).toHaveLength(1)
})
