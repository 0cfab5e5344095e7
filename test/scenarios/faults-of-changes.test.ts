/** Faults that meet a change of an appointment: a move, a note, a confirmation. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { changeAppointment } from '../../src/booking/change.ts'
import { listWrites, type ShownWrite } from '../../src/store/writes.ts'
import { until } from '../support/bridge.ts'
import { type FaultBridge, held, mirrored, startFaultBridge } from './fault-run.ts'

let run: FaultBridge
beforeAll(async () => {
  run = await startFaultBridge()
})
afterAll(async () => {
  await run?.[Symbol.asyncDispose]()
})

const PATCHES = 'PATCH /visits'

/** Books, changes under a fault, and answers how the change ended, with the practice's own journal of the visit. */
async function changed(fault: Record<string, unknown>, fields: Record<string, unknown>) {
  const { id } = await run.booked()
  await run.ended(id)
  await run.dial({ faults: [{ on: PATCHES, ...fault }] })
  const { bridge } = run
  await bridge.tenant((tx) =>
    changeAppointment(tx, { apiKeyId: bridge.apiKeyId, appointmentId: id, version: 'v3', fields }),
  )
  const write = await until('the end of the change', [], async (): Promise<ShownWrite | null> => {
    await run.pass(1_000)
    const last = (await bridge.tenant((tx) => listWrites(tx, id))).at(-1)
    return last?.ended_at ? last : null
  })
  expect((await bridge.practice('GET', '/faults')).body.happened).not.toEqual([])
  await run.dial({})
  await run.pass(60_000)
  await run.readAll()
  const { foreign_id } = await bridge.appointment(id)
  const { body } = await bridge.practice('GET', `/visits/${foreign_id}/history`)
  const acts = (body.entries as { by: string; act: string }[]).map(({ by, act }) => `${by} ${act}`)
  expect(await mirrored(run)).toEqual(await held(run))
  return { write, acts, appointment: await bridge.appointment(id) }
}

it.each([
  'cut_before_commit',
  'cut_after_commit',
  'no_answer',
  'applied_late',
  'applied_twice',
  'torn_answer',
  'restart',
])('does a note once under the fault %s', async (kind) => {
  const { write, acts, appointment } = await changed({ kind }, { note: `Under ${kind}` })
  expect(write).toMatchObject({ state: 'complete', code: null })
  expect(acts).toEqual(['interface book', 'interface remark'])
  expect(appointment.note).toBe(`Under ${kind}`)
})

it('says which fields differ of a move that was stored at another time', async () => {
  const { write } = await changed({ kind: 'wrong_time' }, { start_time: run.nextStart() })
  expect(write).toMatchObject({
    state: 'incomplete',
    code: 'fields_differ',
    differing: ['start_time', 'end_time'],
  })
})

it('calls a note complete that the front desk rewrote before it was read back, by the practice’s history', async () => {
  const { write, appointment } = await changed({ kind: 'remarked_meanwhile' }, { note: 'Ours' })
  expect(write).toMatchObject({ state: 'complete', code: null, differing: [] })
  expect(appointment.note).toBe('Rewritten at the desk')
})

it('does not take an older note of ours for the one that never arrived', async () => {
  const { id } = await run.booked()
  await run.ended(id)
  const { bridge } = run
  const text = 'Twice the same words of ours'
  const note = () =>
    bridge.tenant((tx) =>
      changeAppointment(tx, {
        apiKeyId: bridge.apiKeyId,
        appointmentId: id,
        version: 'v3',
        fields: { note: text },
      }),
    )
  await note()
  const { foreign_id } = await bridge.settled(id)
  await bridge.practice('POST', '/desk/remark', { visit_id: foreign_id, remark: 'Theirs' })
  await run.readAll()
  await run.dial({ faults: [{ kind: 'truncated_note', on: PATCHES }] })
  await note()
  const [, , write] = await bridge.settled(id).then(() => bridge.tenant((tx) => listWrites(tx, id)))
  expect(write).toMatchObject({ state: 'incomplete', differing: ['note'] })
  await run.dial({})
})
