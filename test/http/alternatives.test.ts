/** A refusal for a taken time names free ones. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Alternative } from '../../src/model/appointment.ts'
import { at, type BusyMonday, block, monday, serveMonday } from './busy-monday.ts'
import { type Served, ZONE } from './served.ts'

let m: BusyMonday
let s: Served

beforeAll(async () => {
  m = await serveMonday()
  s = m.s
})
afterAll(async () => await m?.[Symbol.asyncDispose]())
beforeEach(async () => await m.clear())

describe('a refusal for a taken time', () => {
  const refusal = async (time: string, more: object = {}) => {
    const { status, body } = await m.book(time, more)
    expect([status, body.code]).toEqual([400, false])
    return body.data.alternatives as Alternative[]
  }
  const shown = (found: Alternative[]) =>
    found.map((one) => [
      new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE, dateStyle: 'short', timeStyle: 'short' })
        .format(Date.parse(one.start_time))
        .replace(`${monday} `, ''),
      one.operatory_id,
    ])

  it('names the three nearest free times of the provider, the same start elsewhere first', async () => {
    await m.book('10:00')
    const found = await refusal('10:00')
    expect(shown(found)).toEqual([
      ['10:00', s.otherOperatoryId],
      ['09:30', s.operatoryId],
      ['10:30', s.operatoryId],
    ])
    expect(found[0]).toEqual({
      start_time: new Date(found[0]?.start_time ?? '').toISOString(),
      end_time: new Date(Date.parse(found[0]?.start_time ?? '') + 30 * 60_000).toISOString(),
      operatory_id: s.otherOperatoryId,
      provider_id: s.providerId,
    })
    for (const one of found) {
      const again = { operatory_id: one.operatory_id, start_time: one.start_time, end_time: one.end_time }
      expect((await m.book('09:00', again)).status).toBe(201)
    }
  })

  it('goes beyond a full day, to the weeks around, and says none where there are no hours', async () => {
    for (const operatory_id of [s.operatoryId, s.otherOperatoryId])
      await m.book('09:00', { operatory_id, end_time: at('12:00') })
    const before = new Date(Date.parse(monday) - 7 * 86_400_000).toISOString().slice(0, 10)
    const after = new Date(Date.parse(monday) + 7 * 86_400_000).toISOString().slice(0, 10)
    expect(shown(await refusal('10:00')).map(([time]) => time)).toEqual([
      `${before} 11:30`,
      `${before} 11:00`,
      `${after} 09:00`,
    ])
    // Inside the hours that there are, also where what is missed lies outside them.
    await m.clear()
    await m.book('20:00')
    expect(shown(await refusal('20:00')).map(([time]) => String(time).slice(-5))).toEqual([
      '11:30',
      '11:00',
      '10:30',
    ])
    const [other] = await s.t.look(
      `insert into providers (institution_id, data_source_id, foreign_id, first_name, last_name, display_name)
       values ($1, $2, 'idle', 'Ida', 'Idle', 'Ida Idle') returning id`,
      [s.institutionId, s.sourceId],
    )
    expect(await refusal('20:00', { provider_id: Number(other.id) })).toEqual([])
    expect(await refusal('20:00', block)).toEqual([])
  })

  it('offers nothing past, nothing before the notice, nothing off the grain, and only hours that name the type', async () => {
    await m.book('09:00')
    await s.t.look('update locations set min_notice_minutes = $1', [
      Math.ceil((Date.parse(`${monday}T15:10Z`) - Date.now()) / 60_000),
    ])
    const late = await refusal('09:00')
    await s.t.look('update locations set min_notice_minutes = 0')
    expect(late.length).toBeGreaterThan(0)
    for (const one of late) expect(one.start_time >= `${monday}T15:09`).toBe(true)
    const typed = { appointment_type_id: s.typeId }
    // No hour names a type, so that none limits it.
    expect(await refusal('09:00', typed)).toHaveLength(3)
    const [hours] = await s.t.look('select min(id) as id from working_hours where operatory_id = $1', [
      s.otherOperatoryId,
    ])
    await s.t.look('insert into working_hour_types values ($1, $2, $3)', [
      s.institutionId,
      hours.id,
      s.typeId,
    ])
    await m.book('09:00', { operatory_id: s.otherOperatoryId, ...typed })
    const fitting = await refusal('09:00', { operatory_id: s.otherOperatoryId, ...typed })
    expect(new Set(fitting.map((one) => one.operatory_id))).toEqual(new Set([s.otherOperatoryId]))
    await s.t.look('delete from working_hour_types')
    const odd = await refusal('09:00', { end_time: at('09:25') })
    for (const one of odd) expect(Date.parse(one.start_time) % 300_000).toBe(0)
  })

  it('names them under an Idempotency-Key too, and in the replay', async () => {
    await m.book('09:00')
    const body = { appt: m.visit(at('09:00')) }
    const ask = () =>
      s.ask('POST', '/appointments', { query: m.base(), body, headers: { 'idempotency-key': 'one-of-nine' } })
    const [first, again] = [await ask(), await ask()]
    expect([first.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([
      400,
      400,
      'true',
    ])
    expect(first.body.data.alternatives).toHaveLength(3)
    expect(again.body).toEqual(first.body)
  })

  it('has no data where it is refused for anything else', async () => {
    const { status, body } = await m.book('09:00', { provider_id: 99_999 })
    expect([status, body.data]).toEqual([404, null])
  })
})
