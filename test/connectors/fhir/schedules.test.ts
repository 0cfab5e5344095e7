/** Schedules that the server has and does not show us, and Slots that our own copy has taken. */
import { describe, expect, it } from 'vitest'
import type { Insertion, RecordSystem } from '../../../src/connectors/connector.ts'
import type { DirectoryRecord } from '../../../src/model/records.ts'
import { anAppointment } from './resources.ts'
import {
  type Answer,
  type Asked,
  bundle,
  capability,
  notFound,
  nothing,
  startSmallServer,
} from './small-server.ts'

/** A server with transactions, Slots and Schedules, which answers Schedule searches as given. */
function able(): Answer {
  const answer = capability() as { body: { rest: { resource: unknown[]; interaction?: unknown }[] } }
  const [rest] = answer.body.rest
  const interaction = ['read', 'search-type', 'update', 'create'].map((code) => ({ code }))
  rest?.resource.push(
    ...['Schedule', 'Location', 'Practitioner', 'PractitionerRole'].map((type) => ({ type, interaction })),
  )
  Object.assign(rest ?? {}, { interaction: [{ code: 'transaction' }] })
  return answer
}

const insertion: Insertion = {
  marker: 'e2f5dcd6-2ed6-4c4e-a9e9-0f9a4e0a8a11',
  patient: { foreignId: 'pat-1' },
  provider: 'prac-1',
  operatory: null,
  location: null,
  start: '2026-12-07T14:00:00.000Z',
  end: '2026-12-07T14:30:00.000Z',
  unavailable: false,
  note: null,
  descriptors: [],
  overbook: false,
}

async function directoryOf(system: RecordSystem): Promise<DirectoryRecord[]> {
  const records: DirectoryRecord[] = []
  for await (const record of system.directory()) records.push(record)
  return records
}

describe('Schedules that we may not search', () => {
  /** The appointment stands once it was put. */
  const forbidding = () => {
    let stands = false
    return startSmallServer(({ path, method }: Asked): Answer => {
      if (path === 'metadata') return able()
      if (path.startsWith('Schedule')) return { status: 403 }
      if (method === 'PUT') stands = true
      if (path === `Appointment/${insertion.marker}`)
        return stands ? { body: anAppointment({ id: insertion.marker }) } : notFound
      return nothing
    })
  }

  it('are named by the probe, and the rest goes on without them', async () => {
    await using server = await forbidding()
    const system = await server.open()
    expect((await system.probe()).missing.join()).toContain('may not search Schedule')
    expect(system.capabilities.reads.workingHours).toBe(false)
    expect(await directoryOf(system)).toEqual([])
    expect((await system.insert(insertion)).kind).toBe('written')
  })

  it('make a booking wait where the setting says that Slots are taken', async () => {
    await using server = await forbidding()
    const system = await server.open({ slots: 'take' })
    expect(await system.insert(insertion)).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('Schedules'),
    })
    expect(server.asked.every(({ method }) => method === 'GET')).toBe(true)
  })
})

it('a Slot that a copy of the same booking has just taken does not refuse it', async () => {
  let looks = 0
  const slot = {
    resourceType: 'Slot',
    id: 'slot',
    meta: { versionId: '2' },
    schedule: { reference: 'Schedule/s' },
    status: 'busy',
    start: insertion.start,
    end: insertion.end,
  }
  await using server = await startSmallServer(({ path }: Asked): Answer => {
    if (path === 'metadata') return able()
    if (path.startsWith('Schedule'))
      return bundle([{ resourceType: 'Schedule', id: 's', actor: [{ reference: 'Practitioner/prac-1' }] }])
    if (path.startsWith('Slot?')) return bundle(path.includes('status=free') ? [slot] : [])
    if (path === `Appointment/${insertion.marker}`)
      return looks++ === 0 ? notFound : { body: anAppointment({ id: insertion.marker }) }
    return nothing
  })
  const system = await server.open()
  expect(await system.insert(insertion)).toMatchObject({
    kind: 'written',
    record: { foreignId: insertion.marker },
  })
})
