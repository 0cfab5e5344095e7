/** What is offered can be booked, once: through the real server, on the simulated practice, with a closure of a fortnight. */
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildServer } from '../../src/http/server.ts'
import { type Bridge, startBridge, until } from '../support/bridge.ts'

interface Group {
  pid: number
  slots: { time: string; end_time: string; operatory_id: number }[]
  next_available_date: string | null
}

let bridge: Bridge
let app: ReturnType<typeof buildServer>
let url: string
let patients: number[]
let providers: number[]
/** The practice closes from the start of the one local day up to the start of the other, fourteen days later. */
let closed: { from: string; to: string }

const zone = 'America/New_York'
const dayText = new Intl.DateTimeFormat('en-CA', { timeZone: zone })
const daysAhead = (days: number) => dayText.format(bridge.t.clock.now() + days * 86_400_000)

beforeAll(async () => {
  bridge = await startBridge()
  app = buildServer({ database: bridge.t.database, clock: bridge.t.clock, connectors: [], wake: bridge.wake })
  await app.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  patients = (
    await bridge.t.look('select id from patients where foreign_id is not null order by id limit 2')
  ).map(({ id }) => Number(id))
  providers = (await bridge.t.look('select id from providers order by id')).map(({ id }) => Number(id))
  closed = { from: daysAhead(3), to: daysAhead(17) }
  const midnight = async (day: string) =>
    (
      await bridge.t.look(`select ($1::date::timestamp at time zone '${zone}') as at`, [day])
    )[0].at.toISOString()
  const { status } = await bridge.practice('POST', '/desk/block', {
    everything: true,
    begins: await midnight(closed.from),
    finishes: await midnight(closed.to),
    overbook: true,
  })
  expect(status).toBe(200)
  await bridge.pulled()
})
afterAll(async () => {
  await app?.close()
  await bridge?.[Symbol.asyncDispose]()
})

async function ask(
  method: string,
  path: string,
  query: Record<string, string | number | (string | number)[]>,
  body?: unknown,
) {
  const target = new URL(path, url)
  target.searchParams.set('subdomain', bridge.subdomain)
  for (const [name, value] of Object.entries(query))
    for (const one of [value].flat())
      target.searchParams.append(Array.isArray(value) ? `${name}[]` : name, String(one))
  const answer = await fetch(target, {
    method,
    headers: {
      authorization: bridge.apiKey,
      'nex-api-version': 'v3.0.0',
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: the test looks into whatever came back
  return { status: answer.status, body: (await answer.json()) as any }
}

async function offered(start: string, days: number): Promise<Group[]> {
  const { status, body } = await ask('GET', '/available_slots', {
    start_date: start,
    days,
    lids: [bridge.locationId],
    pids: providers,
    slot_length: 60,
  })
  expect(status).toBe(200)
  return body.data
}

const book = (slot: Group['slots'][number], pid: number, patient: number | undefined) =>
  ask(
    'POST',
    '/appointments',
    { location_id: bridge.locationId },
    {
      appt: {
        patient_id: patient,
        provider_id: pid,
        operatory_id: slot.operatory_id,
        start_time: slot.time,
        end_time: slot.end_time,
      },
    },
  )

it('every slot of three weeks can be booked, and none of them for another patient', async () => {
  const groups = await offered(daysAhead(1), 20)
  const all = groups.flatMap(({ pid, slots }) => slots.map((slot) => ({ pid, slot })))
  const within = all.filter(({ slot }) => slot.time >= closed.from && slot.time < closed.to)
  expect(within).toEqual([])
  expect(all.filter(({ slot }) => slot.time < closed.from).length).toBeGreaterThan(5)
  expect(all.filter(({ slot }) => slot.time >= closed.to).length).toBeGreaterThan(10)
  const ids: number[] = []
  for (const { pid, slot } of all) {
    const first = await book(slot, pid, patients[0])
    expect([first.status, first.body.error], slot.time).toEqual([201, null])
    const { id } = first.body.data.appt
    ids.push(id)
    const second = await book(slot, pid, patients[1])
    expect([second.status, second.body.error[0]]).toEqual([
      400,
      expect.stringContaining(`The requested time is not available: appointment ${id} is there`),
    ])
  }
  expect((await offered(daysAhead(1), 20)).flatMap(({ slots }) => slots)).toEqual([])
  await until('every insertion', [], async () => {
    const [open] = await bridge.t.look('select count(*)::int as n from writes where ended_at is null')
    return open.n === 0 ? true : null
  })
  const ended = await bridge.t.look('select state, count(*)::int as n from writes group by state')
  expect(ended).toEqual([{ state: 'complete', n: ids.length }])
})

it('the next day with a slot lies behind the closure', async () => {
  for (const group of await offered(closed.from, 14)) {
    expect(group.slots).toEqual([])
    expect(String(group.next_available_date) >= closed.to).toBe(true)
    const then = await offered(String(group.next_available_date), 1)
    expect(then.find(({ pid }) => pid === group.pid)?.slots).not.toEqual([])
  }
})

it('a cancelled time is free once the practice shows it free, and a moved one keeps the old until then', async () => {
  const next = (await offered(closed.to, 40)).find(({ slots }) => slots.length > 2)
  const [slot, later] = next?.slots ?? []
  if (!next || !slot || !later) throw new Error('nothing is offered after the closure')
  const isOffered = async (time: string) =>
    (await offered(time.slice(0, 10), 1)).some(
      ({ pid, slots }) => pid === next.pid && slots.some((one) => one.time === time),
    )
  const { id } = (await book(slot, next.pid, patients[0])).body.data.appt
  await bridge.settled(id)
  await bridge.stopWorker()
  const moved = await ask(
    'PATCH',
    `/appointments/${id}`,
    {},
    { appt: { start_time: later.time, end_time: later.end_time } },
  )
  expect(moved.status).toBe(200)
  expect([await isOffered(slot.time), await isOffered(later.time)]).toEqual([false, false])
  bridge.startWorker()
  await bridge.settled(id)
  expect([await isOffered(slot.time), await isOffered(later.time)]).toEqual([true, false])
  await bridge.stopWorker()
  expect((await ask('PATCH', `/appointments/${id}`, {}, { appt: { cancelled: true } })).status).toBe(200)
  expect(await isOffered(later.time)).toBe(false)
  bridge.startWorker()
  await bridge.settled(id)
  expect(await isOffered(later.time)).toBe(true)
})
