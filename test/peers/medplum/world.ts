/** A small practice on Medplum's engine as a world for the conformance stories; its desk books by `$book` as everyone does. */
import type { World } from '../../../src/connectors/conformance/world.ts'
import type { RecordSystem } from '../../../src/connectors/connector.ts'
import { fhirConnector } from '../../../src/connectors/fhir/fhir-connector.ts'
import { addMs, hours, type Instant } from '../../../src/model/time.ts'
import { isWrite, startCuttingGate } from '../hapi/cutting-gate.ts'
import { type Bundle, call, edit, type Resource, read } from '../hapi/fhir-rest.ts'
import { viewOf } from '../hapi/view.ts'
import { startMedplum } from './start-medplum.ts'

const FROM = '2027-06-01T08:00:00.000Z'
const SERVICE = 'https://medplum.com/fhir/service-type-reference'

export interface MedplumWorld extends World, AsyncDisposable {
  base: string
  /** Another connector on the same server. */
  open(settings?: Record<string, unknown>): Promise<RecordSystem>
  schedules: string[]
}

export async function openMedplumWorld(settings: Record<string, unknown> = {}): Promise<MedplumWorld> {
  const stack = new AsyncDisposableStack()
  const { base } = stack.use(await startMedplum())
  const gate = stack.use(await startCuttingGate(base))
  const { site, room, provider, schedules, service, patient } = await setUp(base)
  const open = (more: Record<string, unknown> = {}) =>
    fhirConnector.open({ base_url: base, ...settings, ...more }, { now: () => Date.now() })
  const system = stack.use(await open())
  const through = stack.use(await open({ base_url: gate.base }))
  let given = 0
  const change = (id: string, part: Record<string, unknown>) =>
    edit(base, `Appointment/${id}`, (resource) => Object.assign(resource, part))
  return {
    base,
    open,
    schedules,
    system,
    place: { provider, operatory: room, location: site },
    patient,
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
    async freeStart() {
      given += 1
      return addMs(FROM, hours(given))
    },
    desk: {
      async book({ patient: who, start, end }) {
        const appointment = proposed({ who, provider, room, schedules, service, start, end })
        const parameter = [{ name: 'appointment', resource: appointment }]
        const answer = await call<Bundle>(base, 'POST', 'Appointment/$book', {
          resourceType: 'Parameters',
          parameter,
        })
        return String(answer.entry?.[0]?.resource?.id)
      },
      move: async (id, start, end) => void (await change(id, { start, end })),
      cancel: async (id) => void (await change(id, { status: 'cancelled' })),
      note: async (id, comment) => void (await change(id, { comment })),
      remove: async (id) => void (await call(base, 'DELETE', `Appointment/${id}`)),
    },
    async view(foreignId) {
      const resource = await read(base, `Appointment/${foreignId}`)
      return resource === null ? null : viewOf(resource)
    },
    standingAt: async (start) => (await standingAt(base, start)).map(viewOf),
    async cutting(when, work) {
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

export async function standingAt(base: string, start: Instant): Promise<Resource[]> {
  const found = await call<Bundle>(base, 'GET', `Appointment?date=ge${start}&date=lt${addMs(start, 60_000)}`)
  return (found.entry ?? [])
    .flatMap(({ resource }) => (resource === undefined ? [] : [resource]))
    .filter(({ status }) => status !== 'cancelled')
}

/** A site, a room, a practitioner, a service, and a Schedule of one actor each, as Medplum wants it. */
async function setUp(base: string) {
  const make = async (resourceType: string, part: Record<string, unknown>) =>
    String((await call(base, 'POST', resourceType, { resourceType, ...part })).id)
  const physicalType = (code: string) => ({ coding: [{ code }] })
  const zone = {
    url: 'http://hl7.org/fhir/StructureDefinition/timezone',
    valueCode: 'America/New_York',
  }
  const site = await make('Location', {
    name: 'Quay Dental',
    physicalType: physicalType('si'),
    extension: [zone],
  })
  const partOf = { reference: `Location/${site}` }
  const room = await make('Location', { name: 'Room 1', physicalType: physicalType('ro'), partOf })
  const provider = await make('Practitioner', {
    name: [{ family: 'Larkspur', given: ['Vera'] }],
    extension: [zone],
  })
  const service = await make('HealthcareService', { name: 'Check-up' })
  const reference = { url: SERVICE, valueReference: { reference: `HealthcareService/${service}` } }
  const schedules: string[] = []
  for (const actor of [`Practitioner/${provider}`, `Location/${room}`])
    schedules.push(
      await make('Schedule', { actor: [{ reference: actor }], serviceType: [{ extension: [reference] }] }),
    )
  const patient = await make('Patient', {
    name: [{ family: 'Whitlock', given: ['Jonas'] }],
    birthDate: '1970-01-01',
  })
  return { site, room, provider, schedules, service, patient }
}

function proposed(booking: {
  who: string
  provider: string
  room: string
  schedules: string[]
  service: string
  start: Instant
  end: Instant
}) {
  const { who, provider, room, schedules, service, start, end } = booking
  const actors = [`Patient/${who}`, `Practitioner/${provider}`, `Location/${room}`]
  return {
    resourceType: 'Appointment',
    status: 'proposed',
    start,
    end,
    serviceType: [
      { extension: [{ url: SERVICE, valueReference: { reference: `HealthcareService/${service}` } }] },
    ],
    participant: actors.map((reference) => ({ actor: { reference }, status: 'needs-action' })),
    contained: schedules.map((id) => ({
      resourceType: 'Slot',
      schedule: { reference: `Schedule/${id}` },
      status: 'busy',
      start,
      end,
    })),
  }
}
