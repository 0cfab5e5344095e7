/** The practice on HAPI as a world for the conformance stories: its desk and its rows by HAPI's own REST. */
import type { World } from '../../../src/connectors/conformance/world.ts'
import type { Instant } from '../../../src/model/time.ts'
import { desk, hapiBase, openHapi, practice, quietTimes } from './connected.ts'
import { isWrite, startCuttingGate } from './cutting-gate.ts'
import { type Bundle, call, type Resource } from './fhir-rest.ts'
import { viewOf } from './view.ts'

const [room = ''] = practice.rooms
const [provider = ''] = practice.practitioners
const [schedule = ''] = practice.schedules

/** Appointments of a room that begin at this instant and stand. */
export async function standingIn(actor: string, start: Instant): Promise<Resource[]> {
  const path = `Appointment?actor=Location/${actor}&date=${start}&_count=200`
  const found = await call<Bundle>(hapiBase, 'GET', path, undefined, { 'cache-control': 'no-cache' })
  return (found.entry ?? [])
    .flatMap(({ resource }) => (resource === undefined ? [] : [resource]))
    .filter(
      ({ status, start: begins }) =>
        status !== 'cancelled' && Date.parse(String(begins)) === Date.parse(start),
    )
}

export async function openHapiWorld(
  settings: Record<string, unknown> = {},
): Promise<World & AsyncDisposable> {
  const stack = new AsyncDisposableStack()
  const gate = stack.use(await startCuttingGate(hapiBase))
  const system = stack.use(await openHapi(settings))
  const through = stack.use(await openHapi({ ...settings, base_url: gate.base }))
  const nextTime = quietTimes('conformance')
  // Where everybody books by slots, so does this desk.
  const bySlots = settings.slots === 'everyone'
  const offered = new Map<Instant, string>()
  let people = 0
  return {
    system,
    place: { provider, operatory: room, location: practice.site },
    patient: practice.patients[7] ?? '',
    stranger() {
      people += 1
      return {
        firstName: `Ottoline${'abcdefghij'[people % 10]}`,
        middleName: null,
        lastName: `Farthingale${Math.random().toString(36).slice(2, 8).replace(/\d/g, 'x')}`,
        birthDate: `1979-03-${String(1 + (people % 28)).padStart(2, '0')}`,
        gender: 'Female',
        email: null,
        phone: '2125550142',
      }
    },
    async freeStart() {
      // An hour: the stories look at what lies beside it too.
      nextTime()
      const { start, end } = nextTime()
      if (bySlots) offered.set(start, await desk.offer(schedule, start, end))
      return start
    },
    desk: {
      book({ place, patient, start, end }) {
        const booking = { patient, practitioner: place.provider, room: place.operatory ?? room, start, end }
        return bySlots ? desk.bookSlots(booking, [offered.get(start) ?? '']) : desk.book(booking)
      },
      move: async (id, start, end) => void (await desk.move(id, start, end)),
      cancel: async (id) => void (await desk.cancel(id)),
      note: async (id, note) => void (await desk.comment(id, note)),
      remove: async (id) => void (await desk.remove(id)),
    },
    async view(foreignId) {
      const resource = await desk.see(foreignId)
      return resource === null ? null : viewOf(resource)
    },
    standingAt: async (start) => (await standingIn(room, start)).map(viewOf),
    async cutting(when, work) {
      // Only the appointment: what a story cuts is the insertion, not the look before it.
      gate.decide = (method, path) => (isWrite(method, path) ? when : 'never')
      try {
        return await work(through)
      } finally {
        gate.decide = () => 'never'
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
