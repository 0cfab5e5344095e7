/** Changes that come while an earlier one of the same appointment is still owed. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { changeAppointment } from '../../src/booking/change.ts'
import { listWrites } from '../../src/store/writes.ts'
import { book, freeStarts, newPatient, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge, until } from '../support/bridge.ts'

let bridge: Bridge
let starts: string[]
beforeAll(async () => {
  bridge = await startBridge()
  starts = await freeStarts(bridge, await somePlace(bridge), 30)
})
afterEach(async () => {
  await bridge.stopWorker()
  bridge.startWorker()
})
afterAll(async () => await bridge?.[Symbol.asyncDispose]())

const nextStart = () => new Date(starts.shift() ?? '').toISOString()
const change = async (id: number, fields: Record<string, unknown>, version: 'v2' | 'v3' = 'v3') =>
  await bridge.tenant((tx) =>
    changeAppointment(tx, { apiKeyId: bridge.apiKeyId, appointmentId: id, version, fields }),
  )
const booked = async (start = nextStart()) =>
  (await book(bridge, { patientId: await newPatient(bridge), start })).id

/** An appointment that stands in the record system, and a worker that has stopped. */
async function written() {
  const id = await booked()
  await bridge.settled(id)
  await bridge.stopWorker()
  return id
}

it('keeps the time of an owed move taken under a local edit, and shows it again when the edit is undone', async () => {
  const id = await written()
  const owed = nextStart()
  const local = nextStart()
  await change(id, { start_time: owed })
  await change(id, { start_time: local }, 'v2')
  expect((await bridge.appointment(id)).start_time).toBe(local)
  await expect(booked(owed)).rejects.toMatchObject({ code: 'slot_taken' })
  // Nothing is written, so that the pull comes first.
  await bridge.t.look('update data_sources set writing_stopped_at = now()')
  bridge.startWorker()
  await bridge.pulled()
  expect((await bridge.appointment(id)).start_time).toBe(owed)
  await bridge.t.look('update data_sources set writing_stopped_at = null')
  await bridge.t.look(`insert into wakes (work_id) select id from work where kind = 'push'`)
  expect((await bridge.settled(id)).start_time).toBe(owed)
})

const ends = async (id: number) => {
  const writes = await bridge.tenant((tx) => listWrites(tx, id))
  return writes.slice(1).map(({ kind, state, code }) => [kind, state, code])
}

it('writes two moves and two notes one after the other', async () => {
  const id = await written()
  const last = nextStart()
  await change(id, { start_time: nextStart(), note: 'first' })
  await change(id, { start_time: last, note: 'second' })
  bridge.startWorker()
  expect(await bridge.settled(id)).toMatchObject({ start_time: last, note: 'second' })
  expect(await ends(id)).toEqual([
    ['reschedule', 'complete', null],
    ['note', 'complete', null],
    ['reschedule', 'complete', null],
    ['note', 'complete', null],
  ])
})

it('leaves what the front desk made of the first one, and says so of the second', async () => {
  const id = await written()
  const { foreign_id } = await bridge.appointment(id)
  await bridge.practice('PUT', '/faults', { faults: [{ on: 'PATCH /visits', kind: 'cut_after_commit' }] })
  await change(id, { note: 'first' })
  bridge.startWorker()
  await until('the first note there', [], async () => {
    const [row] = await bridge.t.look(
      `select 1 from writes where kind = 'note' and state = 'unknown' and appointment_id = $1`,
      [id],
    )
    return row ?? null
  })
  await bridge.stopWorker()
  await bridge.practice('PUT', '/faults', {})
  await change(id, { note: 'second' })
  await bridge.practice('POST', '/desk/remark', { visit_id: foreign_id, remark: 'theirs' })
  bridge.startWorker()
  expect((await bridge.settled(id)).note).toBe('theirs')
  expect((await ends(id)).at(-1)).toEqual(['note', 'failed', 'changed_meanwhile'])
})

it('shows a confirmation that came before the insertion was sent all the way', async () => {
  await bridge.stopWorker()
  const id = await booked()
  await change(id, { confirmed: true })
  bridge.startWorker()
  await bridge.settled(id)
  const told = (await bridge.events()).flatMap(({ name, body }) => {
    const appointment = body.appointment as { id: number; confirmed: boolean } | undefined
    return appointment?.id === id ? [[name, appointment.confirmed]] : []
  })
  expect(told).toContainEqual(['appointment_insertion.complete', true])
  expect(told.slice(1).filter(([, confirmed]) => !confirmed)).toEqual([])
  expect(await ends(id)).toEqual([['confirm', 'complete', null]])
})

it('owes nothing more of a confirmation whose appointment could not be written', async () => {
  await bridge.stopWorker()
  const start = nextStart()
  const id = await booked(start)
  await change(id, { confirmed: true })
  await bridge.practice('POST', '/desk/book', { chair_id: '1', begins: start, overbook: true })
  bridge.startWorker()
  expect(await bridge.settled(id)).toMatchObject({ cancelled: true, insertion: { code: 'slot_taken' } })
  expect(await ends(id)).toEqual([['confirm', 'failed', 'superseded']])
  const [row] = await bridge.t.look('select overlay from appointments where id = $1', [id])
  expect(row.overlay).toEqual({})
})

/** A pull comes before the push's next turn. */
async function readFirst(id: number) {
  const setDue = (at: string) =>
    bridge.t.look(
      `update writes set next_attempt_at = ${at} where appointment_id = $1 and ended_at is null`,
      [id],
    )
  await setDue(`now() + interval '1 hour'`)
  bridge.startWorker()
  await bridge.pulled()
  await bridge.stopWorker()
  await setDue('now()')
  await bridge.t.look(`insert into wakes (work_id) select id from work where kind = 'push'`)
}

it.each(['before', 'after'] as const)(
  'does not write over what the front desk changed while an attempt was unknown, read %s the look',
  async (read) => {
    const id = await written()
    const { foreign_id } = await bridge.appointment(id)
    await bridge.practice('PUT', '/faults', { faults: [{ on: 'PATCH /visits', kind: 'cut_before_commit' }] })
    await change(id, { note: 'ours' })
    bridge.startWorker()
    const theNote = `from writes where kind = 'note' and appointment_id = $1`
    await until('an unknown note', [], async () => {
      const [row] = await bridge.t.look(`select 1 ${theNote} and state = 'unknown'`, [id])
      return row ?? null
    })
    await bridge.stopWorker()
    await bridge.practice('PUT', '/faults', {})
    expect(await ends(id)).toEqual([['note', 'unknown', null]])
    await bridge.practice('POST', '/desk/remark', { visit_id: foreign_id, remark: 'theirs' })
    if (read === 'before') await readFirst(id)
    bridge.startWorker()
    expect((await bridge.settled(id)).note).toBe('theirs')
    expect(await ends(id)).toEqual([['note', 'failed', 'changed_meanwhile']])
  },
)

it('calls a note complete that the front desk had written itself, word for word', async () => {
  const id = await written()
  const { foreign_id } = await bridge.appointment(id)
  await change(id, { note: 'the same' })
  await bridge.practice('POST', '/desk/remark', { visit_id: foreign_id, remark: 'the same' })
  await readFirst(id)
  bridge.startWorker()
  expect((await bridge.settled(id)).note).toBe('the same')
  expect(await ends(id)).toEqual([['note', 'complete', 'already_in_effect']])
})

it('shows what stands once the record system is read again, where the effect of a change was never found out', async () => {
  const id = await written()
  const faults = [
    { on: 'PATCH /visits', kind: 'cut_before_commit' },
    { on: 'GET /visits', kind: 'rate_limited', ms: 60_000, always: true },
  ]
  await bridge.practice('PUT', '/faults', { faults })
  await change(id, { note: 'ours' })
  bridge.startWorker()
  const inState = (state: string) =>
    until(`the note to be ${state}`, [], async () => (await ends(id)).some((end) => end[1] === state) || null)
  await inState('unknown')
  await bridge.t.look(
    `update writes set deadline = app_now(), next_attempt_at = app_now() where appointment_id = $1`,
    [id],
  )
  await bridge.t.look(`insert into wakes (work_id) select id from work where kind = 'push'`)
  await inState('incomplete')
  // The system said when it wants to be asked again: until then nobody wakes the unit, and then it must run by itself.
  const [unit] = await until('the end of the turn', [], async () => {
    const rows = await bridge.t.look(
      `select run_at = 'infinity' as waits_for_ever from work where kind = 'push' and failures > 0 and leased_until is null`,
    )
    return rows.length > 0 ? rows : null
  })
  expect(unit).toEqual({ waits_for_ever: false })
  await bridge.t.look('update data_sources set closed_until = null')
  await bridge.practice('PUT', '/faults', { faults: [] })
  await bridge.pulled()
  expect((await bridge.appointment(id)).note).not.toBe('ours')
})
