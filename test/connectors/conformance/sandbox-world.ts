/** The simulated practice as a world for the conformance stories: its desk and its rows by its own interface. */
import type { View, World } from '../../../src/connectors/conformance/world.ts'
import { addMs, hours, type Instant } from '../../../src/model/time.ts'
import type { Manner } from '../../../src/sandbox/manner.ts'
import { type Json, openPractice } from '../../sandbox/practice-under-test.ts'
import { startCuttingProxy } from '../../support/cutting-proxy.ts'
import { openConnector } from '../sandbox/open-connector.ts'

/** A month beyond the seeded days, where nothing stands. */
const FROM = '2027-06-01T08:00:00.000Z'

function viewOf(row: Json): View {
  return {
    foreignId: row.visit_id ?? `block_${row.closure_id}`,
    patient: row.person_id ?? null,
    start: row.begins,
    end: row.finishes,
    cancelled: (row.cancelled_at ?? row.lifted_at ?? null) !== null,
    confirmed: (row.confirmed_at ?? null) !== null,
    arrived: (row.arrived_at ?? null) !== null,
    note: row.remark ?? row.reason ?? null,
  }
}

export async function openSandboxWorld(manner: Partial<Manner> = {}): Promise<World & AsyncDisposable> {
  const stack = new AsyncDisposableStack()
  const practice = stack.use(await openPractice({ manner }))
  const proxy = stack.use(await startCuttingProxy(practice.url))
  const system = stack.use(await openConnector(practice.url))
  const through = stack.use(await openConnector(proxy.url, { timeout_ms: 1000 }))
  let given = 0
  const desk = async (act: string, body: unknown): Promise<Json> => {
    const { status, json } = await practice.call('POST', `/desk/${act}`, body)
    if (status !== 200) throw new Error(`the desk could not ${act}: ${json.sentence}`)
    return json
  }
  return {
    system,
    place: { provider: '1', operatory: '1', location: null },
    patient: '7',
    stranger() {
      given += 1
      return {
        firstName: `Ottoline${'abcdefghij'[given % 10]}`,
        middleName: null,
        lastName: 'Farthingale',
        birthDate: `1979-03-${String(1 + (given % 28)).padStart(2, '0')}`,
        gender: 'Female',
        email: null,
        phone: '2125550142',
      }
    },
    async freeStart(): Promise<Instant> {
      given += 1
      return addMs(FROM, hours(given))
    },
    desk: {
      async book({ patient, start, end }) {
        const body = { person_id: patient, chair_id: '1', clinician_id: '1', begins: start, finishes: end }
        return (await desk('book', body)).visit.visit_id
      },
      move: async (id, begins, finishes) => void (await desk('move', { visit_id: id, begins, finishes })),
      cancel: async (id) => void (await desk('cancel', { visit_id: id })),
      note: async (id, remark) => void (await desk('remark', { visit_id: id, remark })),
      remove: async (id) => void (await desk('delete', { visit_id: id })),
    },
    async view(foreignId) {
      const [noun, id] = foreignId.startsWith('block_')
        ? ['closure', foreignId.slice(6)]
        : ['visit', foreignId]
      const { status, json } = await practice.call('GET', `/${noun}s/${id}`)
      return status === 200 ? viewOf(json[noun]) : null
    },
    async standingAt(start) {
      const range = new URLSearchParams({ from: start, to: addMs(start, 60_000), limit: '1000' })
      const { json } = await practice.call('GET', `/schedule?${range}`)
      return json.visits.map(viewOf).filter((view: View) => view.start === start && !view.cancelled)
    },
    async cutting(when, work) {
      Object.assign(proxy, { cut: when, only: 'POST' })
      try {
        return await work(through)
      } finally {
        Object.assign(proxy, { cut: 'never', only: '' })
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
