/** Booking over what is there: who may, and what is kept of it. */
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { createKey } from '../../src/store/accounts.ts'
import { isOverridden } from '../../src/store/overrides.ts'
import { at, type BusyMonday, block, serveMonday } from './busy-monday.ts'
import type { Served } from './served.ts'

let m: BusyMonday
let s: Served

beforeAll(async () => {
  m = await serveMonday()
  s = m.s
})
afterAll(async () => await m?.[Symbol.asyncDispose]())
beforeEach(async () => await m.clear())

const writesOf = async (id: number) =>
  (await s.ask('GET', `/appointments/${id}/writes`, { query: { subdomain: s.subdomain } })).body.data
const overbook = { reason: 'A broken tooth, and her daughter waits outside' }

describe('booking over what is there', () => {
  it('needs its own scope and a reason', async () => {
    const first = await m.book('09:00')
    const { key } = await inGlobal(s.t.database, (tx) =>
      createKey(tx, {
        accountId: s.accountId,
        name: 'plain',
        scopes: ['appointments:read', 'appointments:write'],
        institutionIds: null,
      }),
    )
    const asked = { query: m.base(), key, body: { appt: m.visit('09:00', { overbook }) } }
    const refused = await s.ask('POST', '/appointments', asked)
    expect([refused.status, refused.body.error.at(-1)]).toEqual([
      403,
      'The API key lacks the scope appointments:overbook',
    ])
    expect((await m.change(first.id, { start_time: at('10:00'), overbook }, key)).status).toBe(403)
    for (const reason of ['', '   ', 'x'.repeat(201), undefined])
      expect((await m.book('09:00', { overbook: { reason } })).status, String(reason)).toBe(400)
    expect((await m.book('09:00')).status).toBe(400)
  })

  it('is recorded with who, when, why and over what, sealed, and shown on the write', async () => {
    const first = await m.book('09:00')
    const block9 = await m.book('09:30', block)
    const { status, id, body } = await m.book('09:00', { end_time: at('10:00'), overbook })
    const said = `Booked over appointment ${first.id}, appointment ${block9.id}, as overbook asked.`
    expect([status, body.description.at(-1)]).toEqual([201, said])
    const [write] = await writesOf(id)
    expect(write.overrides).toEqual([
      {
        api_key_id: s.keyId,
        reason: overbook.reason,
        start_time: body.data.appt.start_time,
        end_time: body.data.appt.end_time,
        operatory_id: s.operatoryId,
        appointment_ids: [first.id, block9.id],
        hold_ids: [],
        created_at: expect.stringMatching(/^\d{4}-/),
      },
    ])
    const [row] = await s.t.look('select o::text as text from overrides o')
    for (const text of [overbook.reason, 'daughter']) {
      expect(row.text).not.toContain(text)
      expect(row.text).not.toContain(Buffer.from(text).toString('hex'))
    }
    const change = s.tenant((tx) =>
      sql`update overrides set api_key_id = 1 where institution_id = ${tx.institutionId}`.execute(tx.db),
    )
    await expect(change).rejects.toThrow(/permission denied/)
  })

  it('goes over a hold of another, whose holder then finds it taken', async () => {
    const asked = { provider_id: s.providerId, operatory_id: s.operatoryId, start_time: at('09:00') }
    const held = await s.ask('POST', '/slot_holds', {
      query: m.base(),
      body: { slot_hold: { ...asked, end_time: at('09:30') } },
    })
    const hold = held.body.data.id
    const over = await m.book('09:00', { overbook })
    expect(over.body.description).toContain(`Booked over hold ${hold}, as overbook asked.`)
    expect((await writesOf(over.id))[0].overrides[0].hold_ids).toEqual([hold])
    expect((await m.book('09:00', { hold_id: hold })).error[0]).toContain(`appointment ${over.id}`)
  })

  it('counts for the time that it named: a draft that is moved on is checked anew', async () => {
    await m.book('09:00')
    const other = await m.book('10:00')
    const { id } = await m.book('09:00', { overbook })
    expect((await m.change(id, { start_time: at('10:00') })).error[0]).toContain(`appointment ${other.id}`)
    const moved = await m.change(id, { start_time: at('10:00'), overbook })
    expect([moved.status, moved.body.description]).toEqual([
      200,
      [`Booked over appointment ${other.id}, as overbook asked.`],
    ])
    const [write] = await writesOf(id)
    expect(write.overrides.map((one: { appointment_ids: number[] }) => one.appointment_ids.length)).toEqual([
      1, 1,
    ])
    const span = (time: string) => ({
      ...{ location_id: s.locationId, operatory_id: s.operatoryId, provider_id: s.providerId },
      ...{
        unavailable: false,
        start_time: time,
        end_time: new Date(Date.parse(time) + 1_800_000).toISOString(),
      },
    })
    const now = moved.body.data.appt.start_time
    const later = new Date(Date.parse(now) + 3_600_000).toISOString()
    const isFor = (time: string) => s.tenant((tx) => isOverridden(tx, write.id, span(time)))
    expect([await isFor(now), await isFor(later)]).toEqual([true, false])
  })

  it('says so where nothing is in the way, and where nothing is moved', async () => {
    const { id, body } = await m.book('09:00', { overbook })
    expect(body.description.join()).toContain('overbook was not needed now')
    expect((await m.change(id, { note: 'x', overbook })).body.description.join()).toContain(
      'overbook was not taken',
    )
  })
})
