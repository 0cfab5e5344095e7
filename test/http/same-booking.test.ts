import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { type Keyed, openKeyed, type Sent } from './keyed.ts'
import type { Served } from './served.ts'

let keyed: Keyed
let s: Served
let book: Keyed['book']
beforeAll(async () => {
  keyed = await openKeyed()
  ;({ s, book } = keyed)
})
afterAll(async () => await keyed?.[Symbol.asyncDispose]())

const apptOf = ({ body }: Sent) => body.data.appt as { id: number; start_time: string; end_time: string }
const change = (id: number, appt: object) =>
  keyed.send(`/appointments/${id}?subdomain=${s.subdomain}`, null, { appt }, { method: 'PATCH' })
const keyFor = async (accountId: number) =>
  (
    await inGlobal(s.t.database, (tx) =>
      createKey(tx, { accountId, name: 'k', scopes: ['appointments:write'], institutionIds: null }),
    )
  ).key
const endInsertion = async (id: number, state: string) => {
  await s.t.look("update writes set state = 'sending' where appointment_id = $1", [id])
  await s.t.look('update writes set state = $2, ended_at = now() where appointment_id = $1', [id, state])
}

/** Asserts that an answer is the first one's appointment, with the warning. */
async function expectSame(again: Sent, first: Sent): Promise<void> {
  expect(again.status).toBe(201)
  expect(apptOf(again).id).toBe(apptOf(first).id)
  expect(again.body.description.join(' ')).toContain(`appointment ${apptOf(first).id} is the same booking`)
  expect(await keyed.countAt(apptOf(first).start_time)).toBe(1)
}

describe('the same booking without an Idempotency-Key', () => {
  it('is answered with the appointment that stands, and a warning', async () => {
    const start = keyed.free()
    const first = await book(null, start)
    expect([first.status, first.body.description]).toEqual([201, null])
    await expectSame(await book(null, start), first)
    const said = { appointment_type_id: null, end_time: apptOf(first).end_time, note: 'Another note' }
    await expectSame(await book(null, start.replace('.000Z', '+00:00'), {}, said), first)
    await expectSame(await book(null, start, { version: 'v3.0.0' }), first)
    await expectSame(await book(null, start, { bearer: await keyFor(s.accountId) }), first)
    const events = await s.t.look(
      "select id from events where name = 'appointment_created' and subject_id = $1",
      [apptOf(first).id],
    )
    expect(events.length).toBeLessThanOrEqual(1)
  })

  it('at once is one appointment, and both are 201', async () => {
    for (let round = 0; round < 3; round++) {
      const start = keyed.free()
      const answers = await Promise.all([1, 2, 3, 4].map(() => book(null, start)))
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201])
      expect(new Set(answers.map((answer) => apptOf(answer).id)).size).toBe(1)
      expect(answers.filter(({ body }) => body.description === null)).toHaveLength(1)
      expect(await keyed.countAt(start)).toBe(1)
    }
  })

  it('is answered however late, and also where its start has passed', async () => {
    const start = keyed.free()
    const first = await book(null, start)
    const stranger = keyed.free()
    await s.t.moveClock(Date.parse(start) + 60_000 - Date.now())
    const late = { bearer: s.key }
    expect((await book(null, start, late)).body.description.join(' ')).toContain('is the same booking')
    expect(apptOf(await book(null, start, late)).id).toBe(apptOf(first).id)
    await s.t.moveClock(Date.parse(stranger) + 60_000 - Date.now())
    const past = await book(null, stranger, late)
    expect([past.status, past.body.error]).toEqual([400, ['Parameter start_time must be in the future']])
    await s.t.moveClock(0)
  })

  it('is answered where the time may be taken twice too', async () => {
    const start = keyed.free()
    const first = await book(null, start)
    // As where the location's policy lets two in: nothing is in the way.
    await s.t.look('delete from busy where appointment_id = $1', [apptOf(first).id])
    await expectSame(await book(null, start), first)
  })

  it('is answered where it came with a hold, which went with the first', async () => {
    const start = keyed.free()
    const held = await keyed.send(`/slot_holds${keyed.base}`, null, {
      slot_hold: {
        provider_id: s.providerId,
        operatory_id: s.operatoryId,
        start_time: start,
        end_time: new Date(Date.parse(start) + 40 * 60_000).toISOString(),
      },
    })
    const hold = { hold_id: held.body.data.id, appointment_type_id: null }
    const first = await book(null, start, {}, hold)
    expect([first.status, Date.parse(apptOf(first).end_time) - Date.parse(start)]).toEqual([201, 2_400_000])
    await expectSame(await book(null, start, {}, hold), first)
  })

  it("of a dependent is the dependent's", async () => {
    const start = keyed.free()
    const of = (first_name: string) => ({
      is_guardian: true,
      patient: { first_name, last_name: 'Okafor', bio: { date_of_birth: '2018-04-03' } },
    })
    const first = await book(null, start, {}, of('Noor'))
    await expectSame(await book(null, start, {}, of('Noor')), first)
    for (const other of [of('Sefa'), {}]) expect((await book(null, start, {}, other)).status).toBe(400)
    expect(await s.t.look("select id from patients where first_name = 'Sefa'")).toEqual([])
  })

  it('stands where its insertion is incomplete', async () => {
    const start = keyed.free()
    const first = await book(null, start)
    await endInsertion(apptOf(first).id, 'incomplete')
    await expectSame(await book(null, start), first)
  })
})

describe('another booking', () => {
  it('is refused: of another account, of another end, operatory, patient, or under a key', async () => {
    const start = keyed.free()
    const first = await book(null, start)
    const accountId = await inGlobal(s.t.database, (tx) => createAccount(tx, 'Also sees the practice'))
    await s.t.look('insert into account_institutions values ($1, $2)', [accountId, s.institutionId])
    const [patient] = await s.t.look(
      `insert into patients (institution_id, data_source_id, first_name, last_name, name_key, match_key)
       values ($1, $2, 'Ada', 'Other', 'ada other', 'v1|ada') returning id::int`,
      [s.institutionId, s.sourceId],
    )
    const end_time = new Date(Date.parse(start) + 35 * 60_000).toISOString()
    const others = [
      await book(null, start, { bearer: await keyFor(accountId) }),
      await book(null, start, {}, { appointment_type_id: null, end_time }),
      await book(null, start, {}, { patient_id: patient.id }),
      await book(keyed.newKey(), start),
    ]
    for (const other of others) {
      expect(other.status).toBe(400)
      expect(other.body.error.join(' ')).toContain(`appointment ${apptOf(first).id} is there`)
    }
    expect((await book(null, start, {}, { operatory_id: s.otherOperatoryId })).status).toBe(201)
  })

  it('is one after the first was cancelled or its insertion failed; a block is no visit', async () => {
    const start = keyed.free()
    const first = await book(null, start)
    await change(apptOf(first).id, { cancelled: true })
    const second = await book(null, start)
    expect([second.status, apptOf(second).id === apptOf(first).id]).toEqual([201, false])
    await endInsertion(apptOf(second).id, 'failed')
    expect((await book(null, start)).status).toBe(400)
    const block = { patient_id: null, unavailable: true, appointment_type_id: null }
    const [at, more] = [keyed.free(), { ...block, end_time: undefined }]
    expect((await book(null, at, {}, more)).status).toBe(201)
    expect((await book(null, at, {}, more)).status).toBe(400)
  })
})

describe('the same change without an Idempotency-Key', () => {
  const patch = (id: number, key: string | null, appt: object) =>
    keyed.send(
      `/appointments/${id}?subdomain=${s.subdomain}`,
      key,
      { appt },
      { method: 'PATCH', version: 'v3.0.0' },
    )
  const writesOf = async (id: number) =>
    (
      await s.t.look("select kind from writes where appointment_id = $1 and kind <> 'insert' order by id", [
        id,
      ])
    ).map(({ kind }) => kind)

  it('is owed once: while it is owed, and once it was written', async () => {
    const [start, moved, other] = [keyed.free(), keyed.free(), keyed.free()]
    const { id } = apptOf(await book(null, start))
    await endInsertion(id, 'complete')
    const move = { start_time: moved, note: 'By the window' }
    const first = await patch(id, null, move)
    expect([first.status, first.body.description]).toEqual([200, null])
    const again = await patch(id, null, move)
    expect([again.status, apptOf(again).start_time]).toEqual([200, apptOf(first).start_time])
    expect(again.body.description.join(' ')).toContain('nothing more is owed')
    await s.t.look("update writes set state = 'sending' where appointment_id = $1 and ended_at is null", [id])
    await s.t.look(
      "update writes set state = 'complete', ended_at = now() where appointment_id = $1 and ended_at is null",
      [id],
    )
    expect((await patch(id, null, move)).status).toBe(200)
    expect(await writesOf(id)).toEqual(['reschedule', 'note'])
    // Elsewhere and back is two changes more; under a key, another key is another request.
    await patch(id, null, { start_time: other })
    await patch(id, null, { start_time: moved })
    await patch(id, keyed.newKey(), { note: 'By the window' })
    expect(await writesOf(id)).toEqual(['reschedule', 'note', 'reschedule', 'reschedule', 'note'])
  })

  it('of a check-in is answered as the first, and one at another instant refused', async () => {
    const { id } = apptOf(await book(null, keyed.free()))
    await endInsertion(id, 'complete')
    const checkin_at = '2026-01-05T10:00:00.000Z'
    expect((await patch(id, null, { checkin_at })).status).toBe(200)
    expect((await patch(id, null, { checkin_at })).status).toBe(200)
    expect((await patch(id, null, { checkin_at: '2026-01-05T10:05:00.000Z' })).status).toBe(400)
    expect(await writesOf(id)).toEqual(['check_in'])
  })
})
