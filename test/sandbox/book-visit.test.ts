import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { booking, openPractice, type TestPractice } from './practice-under-test.ts'

let practice: TestPractice
beforeAll(async () => {
  practice = await openPractice()
})
afterAll(() => practice[Symbol.asyncDispose]())

const book = (hour: number, more = {}) => practice.call('POST', '/visits', booking(hour, more))

describe('a time that is taken', () => {
  it('is refused in the same chair, naming the visit in the way', async () => {
    const first = await book(1)
    expect(first.status).toBe(201)
    const begins = '2027-06-01T01:25:00.000Z'
    const second = await book(1, { begins, finishes: '2027-06-01T02:00:00.000Z', person_id: '2' })
    expect(second.status).toBe(409)
    expect(second.json.reason).toBe('time_taken')
    expect(second.json.in_the_way).toMatchObject([{ noun: 'visit', id: first.json.visit.visit_id }])
  })

  it('is free right after the visit before it, and in another chair at the same time by the same clinician', async () => {
    await book(2)
    const after = { begins: '2027-06-01T02:30:00.000Z', finishes: '2027-06-01T03:00:00.000Z' }
    expect((await book(2, after)).status).toBe(201)
    expect((await book(2, { chair_id: '2' })).status).toBe(201)
  })

  it('counts the clinician where no chair is named', async () => {
    await book(4)
    expect((await book(4, { chair_id: null })).json.reason).toBe('time_taken')
    expect((await book(4, { chair_id: null, clinician_id: '2' })).status).toBe(201)
    expect((await book(4, { chair_id: '2', clinician_id: '2' })).json.reason).toBe('time_taken')
    expect((await book(4, { chair_id: '2', clinician_id: '3' })).status).toBe(201)
  })

  it('is refused in a closure of the chair, of the clinician, and of the whole practice', async () => {
    const span = (hour: number) => {
      const { begins, finishes } = booking(hour)
      return { begins, finishes }
    }
    await practice.call('POST', '/closures', { chair_id: '1', ...span(5) })
    await practice.call('POST', '/closures', { clinician_id: '1', ...span(6) })
    await practice.call('POST', '/closures', span(7))
    for (const hour of [5, 6, 7]) expect((await book(hour)).json.in_the_way[0].noun).toBe('closure')
    const elsewhere = { chair_id: '2', clinician_id: '2' }
    expect((await book(5, elsewhere)).status).toBe(201)
    expect((await book(6, elsewhere)).status).toBe(201)
    expect((await book(7, elsewhere)).status).toBe(409)
  })

  it('is given away again when the visit in it is cancelled', async () => {
    const { visit } = (await book(8)).json
    expect((await book(8, { person_id: '2' })).status).toBe(409)
    await practice.call('PATCH', `/visits/${visit.visit_id}`, { version: 1, cancelled: true })
    expect((await book(8, { person_id: '2' })).status).toBe(201)
    const revived = await practice.call('PATCH', `/visits/${visit.visit_id}`, {
      version: 2,
      cancelled: false,
    })
    expect(revived.json.reason).toBe('time_taken')
  })

  it('is booked over only when asked to', async () => {
    await book(9)
    expect((await book(9, { overbook: true, person_id: '2' })).status).toBe(201)
  })

  it('goes to one of forty who ask at once', async () => {
    const asked = Array.from({ length: 40 }, (_, at) => book(10, { person_id: String(at + 1) }))
    const statuses = (await Promise.all(asked)).map((reply) => reply.status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(1)
    expect(statuses.filter((status) => status === 409)).toHaveLength(39)
  })
})

describe('an external reference', () => {
  it('makes one visit and one person however often and at once it is sent', async () => {
    const person = { first_name: 'Nela', last_name: 'Brightwater', external_reference: randomUUID() }
    const request = { person_id: undefined, person, external_reference: randomUUID() }
    const replies = await Promise.all(Array.from({ length: 20 }, () => book(11, request)))
    expect(replies.map((reply) => reply.status).sort()).toEqual([...Array(19).fill(200), 201])
    expect(new Set(replies.map((reply) => reply.json.visit.visit_id)).size).toBe(1)
    const found = await practice.call('POST', '/people/search', { last_name: 'BRIGHTWATER' })
    expect(found.json.people).toHaveLength(1)
  })

  it('answers the visit as it stands now, also after the desk moved it', async () => {
    const external_reference = randomUUID()
    const { visit } = (await book(12, { external_reference })).json
    const begins = '2027-06-01T14:00:00.000Z'
    await practice.call('POST', '/desk/move', { visit_id: visit.visit_id, begins })
    const again = await book(12, { external_reference })
    expect(again).toMatchObject({ status: 200, json: { visit: { visit_id: visit.visit_id, begins } } })
  })

  it('stays used after the desk deleted its visit', async () => {
    const external_reference = randomUUID()
    const { visit } = (await book(15, { external_reference })).json
    await practice.call('POST', '/desk/delete', { visit_id: visit.visit_id })
    expect(await book(15, { external_reference })).toMatchObject({
      status: 410,
      json: { reason: 'reference_spent' },
    })
    expect((await practice.call('GET', `/visits/by-reference/${external_reference}`)).status).toBe(410)
  })

  it('leaves no person behind when the time of the visit is taken', async () => {
    await book(16)
    const person = { first_name: 'Iver', last_name: 'Nowhereson' }
    expect((await book(16, { person_id: undefined, person })).status).toBe(409)
    const found = await practice.call('POST', '/people/search', { last_name: 'Nowhereson' })
    expect(found.json.people).toEqual([])
  })
})

describe('bad input', () => {
  it.each([
    ['off_grain', { begins: '2027-06-01T17:03:00.000Z' }],
    ['bad_times', { finishes: '2027-06-01T16:00:00.000Z' }],
    ['bad_instant', { begins: '2027-06-01T17:00:00' }],
    ['too_long', { remark: 'x'.repeat(501) }],
    ['too_long', { finishes: '2027-06-03T17:00:00.000Z' }],
    ['no_such_chair', { chair_id: '99' }],
    ['no_such_clinician', { clinician_id: '99' }],
    ['no_such_code', { procedure_codes: ['D9999'] }],
    ['missing_field', { person_id: undefined }],
    ['missing_field', { chair_id: null, clinician_id: null }],
    ['unknown_field', { chair: '1' }],
    ['bad_field', { chair_id: 1 }],
  ])('is refused as %s: %o', async (reason, more) => {
    const reply = await book(17, more)
    expect(reply).toMatchObject({ status: 422, json: { reason } })
  })

  it('is refused as broken, too large, or at an unknown path', async () => {
    expect((await practice.call('POST', '/visits', '{')).status).toBe(400)
    expect((await practice.call('POST', '/visits', '[]')).status).toBe(422)
    expect((await practice.call('POST', '/visits', ' '.repeat(70_000))).status).toBe(413)
    expect((await practice.call('GET', '/nothing')).status).toBe(404)
    expect((await practice.call('DELETE', '/visits')).status).toBe(405)
    const noKey = await fetch(`${practice.url}/status`)
    expect(noKey.status).toBe(401)
  })
})
