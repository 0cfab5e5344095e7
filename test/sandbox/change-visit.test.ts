import { afterAll, beforeAll, expect, it } from 'vitest'
import { booking, openPractice, type TestPractice } from './practice-under-test.ts'

let practice: TestPractice
beforeAll(async () => {
  practice = await openPractice()
})
afterAll(() => practice[Symbol.asyncDispose]())

async function newVisit(hour: number): Promise<string> {
  const reply = await practice.call('POST', '/visits', booking(hour))
  expect(reply.status).toBe(201)
  return reply.json.visit.visit_id
}
const patch = (visit: string, body: unknown) => practice.call('PATCH', `/visits/${visit}`, body)

it('sets what was asked and nothing else, and raises the version', async () => {
  const visit = await newVisit(1)
  const confirmed = await patch(visit, { version: 1, confirmed: true })
  expect(confirmed.json.visit).toMatchObject({ state: 'confirmed', version: 2, remark: null })
  const arrived = await patch(visit, { version: 2, arrived_at: '2027-06-01T00:55:00.000Z' })
  expect(arrived.json.visit).toMatchObject({ state: 'arrived', arrived_at: '2027-06-01T00:55:00.000Z' })
  expect(arrived.json.visit.confirmed_at).toBe(confirmed.json.visit.confirmed_at)
})

it('lets one of ten writers with the same version win', async () => {
  const visit = await newVisit(2)
  const replies = await Promise.all(
    Array.from({ length: 10 }, (_, at) => patch(visit, { version: 1, remark: `by ${at}` })),
  )
  expect(replies.filter((reply) => reply.status === 200)).toHaveLength(1)
  expect(replies.filter((reply) => reply.status === 412)).toHaveLength(9)
})

it('wants a version from programs and none from the desk', async () => {
  const visit = await newVisit(3)
  expect(await patch(visit, { confirmed: true })).toMatchObject({
    status: 422,
    json: { reason: 'missing_field' },
  })
  expect((await practice.call('POST', '/desk/confirm', { visit_id: visit })).status).toBe(200)
})

it('refuses to move onto a taken time and leaves the visit where it was', async () => {
  const visit = await newVisit(4)
  await newVisit(5)
  const { begins, finishes } = booking(5)
  expect((await patch(visit, { version: 1, begins, finishes })).json.reason).toBe('time_taken')
  const now = await practice.call('GET', `/visits/${visit}`)
  expect(now.json.visit).toMatchObject({ version: 1, begins: booking(4).begins })
})

it('moves a visit within its own old time', async () => {
  const visit = await newVisit(6)
  const times = { begins: '2027-06-01T06:15:00.000Z', finishes: '2027-06-01T06:45:00.000Z' }
  expect((await patch(visit, { version: 1, ...times })).json.visit).toMatchObject(times)
})

it('keeps version and revision where nothing changes', async () => {
  const visit = await newVisit(7)
  const before = (await patch(visit, { version: 1, remark: 'Same' })).json.visit
  expect((await patch(visit, { version: 2, remark: 'Same' })).json.visit).toEqual(before)
})

it('takes notes but no confirmation on a cancelled visit', async () => {
  const visit = await newVisit(8)
  await patch(visit, { version: 1, cancelled: true })
  expect((await patch(visit, { version: 2, confirmed: true })).json.reason).toBe('is_cancelled')
  expect((await patch(visit, { version: 2, remark: 'Called' })).json.visit.remark).toBe('Called')
})

it('lifts a closure by the interface, which then closes nothing', async () => {
  const { begins, finishes } = booking(9)
  const { closure } = (await practice.call('POST', '/closures', { chair_id: '1', begins, finishes })).json
  expect((await practice.call('POST', '/visits', booking(9))).status).toBe(409)
  const lifted = await practice.call('PATCH', `/closures/${closure.closure_id}`, { version: 1, lifted: true })
  expect(lifted.json.closure.lifted_at).not.toBeNull()
  expect((await practice.call('POST', '/visits', booking(9))).status).toBe(201)
})

it('writes down each committed change with who made it, and no refused one', async () => {
  const { marks } = (await practice.call('GET', '/status')).json
  const external_reference = 'journal-1'
  const { visit } = (await practice.call('POST', '/visits', booking(10, { external_reference }))).json
  await practice.call('POST', '/visits', booking(10))
  await practice.call('POST', '/desk/cancel', { visit_id: visit.visit_id })
  const { entries } = (await practice.call('GET', `/journal?after=${marks.journal}`)).json
  expect(entries).toMatchObject([
    { by: 'interface', reference: external_reference, act: 'book', noun: 'visit', id: visit.visit_id },
    {
      by: 'desk',
      reference: null,
      act: 'cancel',
      before: { state: 'booked' },
      after: { state: 'cancelled' },
    },
  ])
})
