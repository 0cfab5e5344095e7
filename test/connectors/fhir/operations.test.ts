/** Which operations a server is booked by, and what a refusal by one means. */
import { describe, expect, it } from 'vitest'
import type { Insertion } from '../../../src/connectors/connector.ts'
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

const named = { operation: [{ name: '$book', definition: 'OperationDefinition/appointment-book' }] }
/** As IHE's Scheduling profile defines it: a reference or the resource. */
const definition = {
  resourceType: 'OperationDefinition',
  code: 'book',
  resource: ['Appointment'],
  parameter: [
    { name: 'appointment-reference', use: 'in', type: 'Reference' },
    { name: 'appointment-resource', use: 'in', type: 'Resource' },
  ],
}
const schedule = { resourceType: 'Schedule', id: 's', actor: [{ reference: 'Practitioner/prac-1' }] }

/** A server with `$book`, one Schedule, and an appointment once it was booked. */
function startBooked(booked: (asked: Asked) => Answer, part: Record<string, unknown> = named) {
  let stands = false
  return startSmallServer((asked): Answer => {
    const { path } = asked
    if (path === 'metadata') return capability(part)
    if (path === 'OperationDefinition/appointment-book') return { body: definition }
    if (path.startsWith('Schedule?')) return bundle([schedule])
    if (path === 'Appointment/$book') {
      const answer = booked(asked)
      stands = answer !== 'hang' && answer !== 'cut' && (answer.status ?? 200) < 300
      return answer
    }
    if (path === 'Appointment/made' && stands) return { body: anAppointment({ id: 'made' }) }
    return path.includes('?') ? nothing : notFound
  })
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
const refusal = (code: string, text: string) => ({
  resourceType: 'OperationOutcome',
  issue: [{ severity: 'error', code, details: { text } }],
})

describe('a server that names $book', () => {
  it('is sent the proposed appointment under the name that its definition gives', async () => {
    await using server = await startBooked(() => ({
      status: 201,
      body: { resourceType: 'Parameters', parameter: [{ resource: anAppointment({ id: 'made' }) }] },
    }))
    const system = await server.open()
    expect(system.capabilities).toMatchObject({ effect: 'detected', conflictCheck: 'advisory' })
    expect(await system.insert(insertion)).toMatchObject({ kind: 'written', record: { foreignId: 'made' } })
    const sent = JSON.parse(server.asked.find(({ path }) => path === 'Appointment/$book')?.body ?? '')
    expect(sent.parameter).toMatchObject([
      {
        name: 'appointment-resource',
        resource: {
          status: 'proposed',
          identifier: [{ value: insertion.marker }],
          contained: [{ resourceType: 'Slot', schedule: { reference: 'Schedule/s' }, status: 'busy' }],
        },
      },
    ])
  })

  it.each<[string, Answer, Record<string, unknown>]>([
    [
      'a time that is taken',
      { status: 400, body: refusal('invalid', 'Requested time slot is not available') },
      { kind: 'rejected', code: 'slot_taken' },
    ],
    [
      'a conflict',
      { status: 409, body: refusal('conflict', 'Busy') },
      { kind: 'rejected', code: 'slot_taken' },
    ],
    [
      'anything else that is wrong',
      { status: 400, body: refusal('invalid', 'No timezone specified') },
      { kind: 'rejected', code: 'invalid' },
    ],
    ['an answer without the appointment', { body: { resourceType: 'Bundle' } }, { kind: 'unknown' }],
    ['a lost connection', 'cut', { kind: 'unknown' }],
    ['being turned away', { status: 503 }, { kind: 'unavailable' }],
  ])('that answers with %s', async (_, answer, outcome) => {
    await using server = await startBooked(() => answer)
    expect(await (await server.open()).insert(insertion)).toMatchObject(outcome)
  })

  it('is booked without it where the configuration says so', async () => {
    await using server = await startBooked(() => ({ status: 500 }))
    const system = await server.open({ operations: [] })
    expect(system.capabilities.effect).toBe('once')
  })
})
