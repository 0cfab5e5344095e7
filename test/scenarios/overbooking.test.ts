/** The policy at the instant of the write: through the whole bridge, while the front desk is faster. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changeAppointment } from '../../src/booking/change.ts'
import { toMs } from '../../src/model/time.ts'
import { updateDataSource } from '../../src/store/data-sources.ts'
import { type LocationChange, updateLocation } from '../../src/store/locations.ts'
import { listWrites } from '../../src/store/writes.ts'
import { serveApi } from '../support/api.ts'
import { book, freeStarts, newPatient, type Place, somePlace } from '../support/booking.ts'
import { type Bridge, type BridgeOptions, startBridge } from '../support/bridge.ts'
import { type Held, type MeddlingProxy, startMeddling } from '../support/meddling-proxy.ts'

const HALF_HOUR = 30 * 60_000

interface Run extends AsyncDisposable {
  bridge: Bridge
  place: Place
  chair: string
  proxy: MeddlingProxy
  nextStart(): string
  policy(change: LocationChange): Promise<void>
  /** The desk books, over whatever is there. */
  desk(start: string, minutes?: number): Promise<string>
  booked(start: string, more?: object): Promise<number>
  /** Visits and closures that stand in the chair at some instant of a half hour there. */
  standing(start: string): Promise<Standing[]>
  told(id: number, name: string): Promise<number>
}
interface Standing {
  visit_id?: string
  chair_id: string | null
  begins: string
  finishes: string
}

async function startRun(options: BridgeOptions = {}): Promise<Run> {
  const stack = new AsyncDisposableStack()
  const bridge = stack.use(await startBridge(options))
  const proxy = stack.use(await startMeddling(bridge.sandbox.url))
  await bridge.tenant((tx) =>
    updateDataSource(tx, bridge.sourceId, { configuration: { url: proxy.url, key: 'test-key' } }),
  )
  const place = await somePlace(bridge)
  // One a day, so that no test gets in another's way.
  const free = await freeStarts(bridge, place, 60)
  const starts = [...new Map(free.map((start) => [start.slice(0, 10), start])).values()]
  const [room] = await bridge.t.look('select foreign_id from operatories where id = $1', [place.operatoryId])
  const chair = String(room.foreign_id)
  return {
    bridge,
    place,
    chair,
    proxy,
    nextStart: () => new Date(starts.shift() ?? '').toISOString(),
    policy: (change) => bridge.tenant((tx) => updateLocation(tx, bridge.locationId, change)),
    async desk(begins, minutes = 30) {
      const asked = { chair_id: chair, begins, minutes, overbook: true }
      const { status, body } = await bridge.practice('POST', '/desk/book', asked)
      expect(status, JSON.stringify(body)).toBe(200)
      return (body.visit as { visit_id: string }).visit_id
    },
    async booked(start, more = {}) {
      const patientId = await newPatient(bridge)
      return (await book(bridge, { patientId, start, ...more })).id
    },
    async standing(start) {
      const to = new Date(toMs(start) + HALF_HOUR).toISOString()
      const { body } = await bridge.practice('GET', `/schedule?from=${start}&to=${to}&limit=1000`)
      const visits = (body.visits as (Standing & { cancelled_at: string | null })[]).filter(
        (one) => one.cancelled_at === null,
      )
      const closures = (body.closures as (Standing & { lifted_at: string | null })[]).filter(
        (one) => one.lifted_at === null,
      )
      return [...visits, ...closures].filter((one) => one.chair_id === chair || one.chair_id === null)
    },
    async told(id, name) {
      const events = await bridge.events([name])
      return events.filter((event) => (event.body.appointment as { id: number }).id === id).length
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

describe('a practice that checks its times', () => {
  let run: Run
  beforeAll(async () => {
    run = await startRun()
  })
  afterAll(async () => await run?.[Symbol.asyncDispose]())

  it('names free times when the desk took ours on its way, by what it holds by then', async () => {
    const { bridge } = run
    const start = run.nextStart()
    await bridge.stopWorker()
    const id = await run.booked(start)
    // From an hour before to two hours after: none of it is in our mirror yet.
    const taken = { from: toMs(start) - 2 * HALF_HOUR, to: toMs(start) + 4 * HALF_HOUR }
    await run.desk(new Date(taken.from).toISOString(), 180)
    bridge.startWorker()
    const { insertion, cancelled } = await bridge.settled(id)
    expect([cancelled, insertion?.status, insertion?.code]).toEqual([true, 'failed', 'slot_taken'])
    expect(insertion?.alternatives).toHaveLength(3)
    const away = insertion?.alternatives.map((one) => Math.abs(toMs(one.start_time) - toMs(start))) ?? []
    expect(away).toEqual(away.toSorted((a, b) => a - b))
    for (const one of insertion?.alternatives ?? []) {
      expect(toMs(one.start_time) >= taken.to || toMs(one.end_time) <= taken.from).toBe(true)
      expect(toMs(one.end_time) - toMs(one.start_time)).toBe(HALF_HOUR)
      expect(one.provider_id).toBe(run.place.providerId)
      const again = await run.booked(one.start_time, { operatoryId: one.operatory_id })
      expect((await bridge.settled(again)).insertion).toMatchObject({ status: 'complete', alternatives: [] })
    }
    const [event] = (await bridge.events(['appointment_insertion.failed'])).slice(-1)
    expect(event?.body).toMatchObject({ appointment: { id, insertion: { alternatives: [{}, {}, {}] } } })
  })

  it('is written over where a key said so, at the write too, and nowhere else', async () => {
    const { bridge } = run
    const start = run.nextStart()
    await bridge.stopWorker()
    const id = await run.booked(start, { overbook: { reason: 'Agreed by telephone' } })
    await run.desk(start)
    bridge.startWorker()
    expect((await bridge.settled(id)).insertion).toMatchObject({ status: 'complete', code: null })
    expect(await run.standing(start)).toHaveLength(2)
    await bridge.pulled()
    // Moved onto another with a reason of its own.
    const other = run.nextStart()
    await bridge.settled(await run.booked(other))
    const move = (overbook: { reason: string } | null) =>
      bridge.tenant((tx) =>
        changeAppointment(tx, {
          apiKeyId: bridge.apiKeyId,
          appointmentId: id,
          version: 'v3',
          fields: { start_time: other },
          overbook,
        }),
      )
    await expect(move(null)).rejects.toMatchObject({ code: 'slot_taken' })
    await move({ reason: 'Brothers' })
    expect((await bridge.settled(id)).start_time).toBe(other)
    expect(await run.standing(other)).toHaveLength(2)
  })

  it('holds no more than the limit: every offered slot is booked and written until none is left', async () => {
    await run.policy({ overbooking: 'limit', operatory_limit: 2, provider_limit: 2 })
    const { bridge, place } = run
    await using api = await serveApi(bridge)
    const [known] = await bridge.t.look(
      'select id from patients where foreign_id is not null order by id limit 1',
    )
    const day = new Date(toMs(run.nextStart())).toISOString().slice(0, 10)
    const path = `/available_slots?start_date=${day}&days=1&lids[]=${bridge.locationId}&pids[]=${place.providerId}&slot_length=60`
    const ids: number[] = []
    const times: string[] = []
    let rounds = 0
    for (; ; rounds++) {
      const { body } = await api.ask('GET', path, undefined, 'v3.0.0')
      const slots = body.data[0].slots as { time: string; end_time: string; operatory_id: number }[]
      if (slots.length === 0) break
      for (const slot of slots) {
        const { time: start_time, end_time, operatory_id } = slot
        const patient_id = rounds === 0 ? Number(known.id) : await newPatient(bridge)
        const appt = { patient_id, provider_id: place.providerId, start_time, end_time, operatory_id }
        const answer = await api.ask('POST', `/appointments?location_id=${bridge.locationId}`, { appt })
        expect([answer.status, answer.body.error], start_time).toEqual([201, null])
        ids.push(answer.body.data.appt.id)
        times.push(start_time)
      }
    }
    expect(rounds).toBe(2)
    expect(times.length).toBeGreaterThan(new Set(times).size)
    for (const id of ids)
      expect((await bridge.settled(id)).insertion, `appointment ${id}`).toMatchObject({ status: 'complete' })
    for (const time of new Set(times)) {
      const start = toMs(time)
      for (const at of [start, start + HALF_HOUR]) {
        const there = await run.standing(new Date(at).toISOString())
        const points = there.map((one) => toMs(one.begins))
        for (const point of [at, ...points]) {
          const now = there.filter((one) => toMs(one.begins) <= point && point < toMs(one.finishes))
          expect(now.length).toBeLessThanOrEqual(2)
        }
      }
    }
    const full = times.find((time, at) => times.indexOf(time) < at) ?? ''
    await expect(run.booked(full)).rejects.toMatchObject({ code: 'slot_taken' })
  })

  it('tells a conflict under a limit only when the limit is passed, and under open only for a closure', async () => {
    const { bridge } = run
    const start = run.nextStart()
    const id = await run.booked(start)
    await bridge.settled(id)
    const told = async () => {
      await bridge.pulled()
      return await run.told(id, 'conflict_detected')
    }
    const second = await run.desk(start)
    expect(await told()).toBe(0)
    await run.desk(start)
    expect(await told()).toBe(1)
    // What does not move takes nothing anew.
    await bridge.practice('POST', '/desk/confirm', { visit_id: second })
    expect(await told()).toBe(1)
    await run.policy({ overbooking: 'open' })
    await run.desk(start)
    expect(await told()).toBe(1)
    const closure = { chair_id: run.chair, begins: start, minutes: 30, overbook: true }
    expect((await bridge.practice('POST', '/desk/block', closure)).status).toBe(200)
    expect(await told()).toBe(2)
    expect((await bridge.appointment(id)).cancelled).toBe(false)
  })

  it('withdraws ours where the desk passes the limit between our look and our write', async () => {
    await run.policy({ overbooking: 'limit', operatory_limit: 2, provider_limit: 9 })
    const { bridge } = run
    const start = run.nextStart()
    await bridge.stopWorker()
    const id = await run.booked(start)
    await run.desk(start)
    run.proxy.before('POST /visits', async () => {
      await run.desk(start)
      // The next one is the withdrawal: by then a pull has read the row as it stood for a moment.
      run.proxy.before('PATCH /visits', () => bridge.pulled())
    })
    bridge.startWorker()
    const { insertion, cancelled } = await bridge.settled(id)
    expect([cancelled, insertion?.status, insertion?.code]).toEqual([true, 'failed', 'slot_taken'])
    expect(await run.standing(start)).toHaveLength(2)
  })
})

describe('a practice that checks no times', () => {
  let run: Run
  beforeAll(async () => {
    run = await startRun({ manner: { times: 'unchecked' } })
  })
  afterAll(async () => await run?.[Symbol.asyncDispose]())

  it('gets a move withdrawn that the desk was faster than, and keeps what the desk booked', async () => {
    const { bridge } = run
    const [start, wanted] = [run.nextStart(), run.nextStart()]
    const id = await run.booked(start)
    const { foreign_id } = await bridge.settled(id)
    let theirs = ''
    run.proxy.before('PATCH /visits', async () => {
      theirs = await run.desk(wanted)
      // The next one is the withdrawal: by then a pull has read the row where it should not be.
      run.proxy.before('PATCH /visits', () => bridge.pulled())
    })
    await bridge.tenant((tx) =>
      changeAppointment(tx, {
        apiKeyId: bridge.apiKeyId,
        appointmentId: id,
        version: 'v3',
        fields: { start_time: wanted },
      }),
    )
    // Whatever a pull has read of it meanwhile: what is shown is what was read after it was withdrawn.
    expect(await bridge.settled(id)).toMatchObject({ start_time: start, cancelled: false })
    const [, move] = await bridge.tenant((tx) => listWrites(tx, id))
    expect(move).toMatchObject({ kind: 'reschedule', state: 'failed', code: 'slot_taken' })
    expect(move?.alternatives).toHaveLength(3)
    expect(move?.alternatives.map(({ start_time }) => start_time)).not.toContain(wanted)
    const idsOf = async (at: string) => (await run.standing(at)).map((one) => one.visit_id)
    expect([await idsOf(start), await idsOf(wanted)]).toEqual([[foreign_id], [theirs]])
    expect(await run.told(id, 'appointment_updated.failed')).toBe(1)
    // It can be moved again.
    const later = run.nextStart()
    await bridge.tenant((tx) =>
      changeAppointment(tx, {
        apiKeyId: bridge.apiKeyId,
        appointmentId: id,
        version: 'v3',
        fields: { start_time: later },
      }),
    )
    await bridge.settled(id)
    expect([await idsOf(start), await idsOf(later)]).toEqual([[], [foreign_id]])
  })

  it('gets an insertion withdrawn that the desk was faster than', async () => {
    const { bridge } = run
    const start = run.nextStart()
    let theirs = ''
    run.proxy.before('POST /visits', async () => {
      theirs = await run.desk(start)
    })
    const { insertion } = await bridge.settled(await run.booked(start))
    expect([insertion?.status, insertion?.code]).toEqual(['failed', 'slot_taken'])
    expect(insertion?.alternatives).toHaveLength(3)
    expect((await run.standing(start)).map((one) => one.visit_id)).toEqual([theirs])
  })

  it('shows an insertion withdrawn, though a page that was read before is merged after', async () => {
    const { bridge, proxy } = run
    const start = run.nextStart()
    let page: Held | undefined
    proxy.before('POST /visits', async () => {
      await run.desk(start)
      // The next one is the withdrawal: just before it, a pull reads ours as it stands for a moment.
      proxy.before('PATCH /visits', async () => {
        page = proxy.hold('GET /changes')
        void bridge.pulled()
        await page.came
      })
    })
    const id = await run.booked(start)
    expect((await bridge.settled(id)).insertion?.status).toBe('failed')
    // Nothing newer is read until we have looked.
    const next = proxy.hold('GET /changes')
    page?.release()
    await expect.poll(async () => await hasMirror(bridge, id), { timeout: 10_000 }).toBe(true)
    expect(await bridge.appointment(id)).toMatchObject({ cancelled: true, insertion: { status: 'failed' } })
    next.release()
  })

  it('is withdrawn from once, though the answer to that is lost', async () => {
    const { bridge } = run
    const start = run.nextStart()
    run.proxy.calls.length = 0
    run.proxy.before('POST /visits', () => run.desk(start))
    run.proxy.lose('PATCH /visits')
    const { insertion } = await bridge.settled(await run.booked(start))
    expect([insertion?.status, insertion?.code]).toEqual(['failed', 'slot_taken'])
    expect(run.proxy.calls.filter((call) => call.startsWith('PATCH'))).toHaveLength(1)
    expect(await run.standing(start)).toHaveLength(1)
  })
})

async function hasMirror(bridge: Bridge, id: number): Promise<boolean> {
  const [row] = await bridge.t.look('select mirror is not null as met from appointments where id = $1', [id])
  return row?.met === true
}
