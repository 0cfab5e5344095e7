/** Booking by operation, on Medplum's FHIR engine with our stand-in for `$book` and `$hold`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stories } from '../../src/connectors/conformance/stories.ts'
import { insertionIn } from '../../src/connectors/conformance/story.ts'
import { call, read } from './hapi/fhir-rest.ts'
import { type MedplumWorld, openMedplumWorld, standingAt } from './medplum/world.ts'

/** Where everyone books by `$book`, it is the server that checks the times. */
const settings = { slots: 'everyone' }
const passedOver = [
  'makes one appointment however often, and at once, the same insertion is sent',
  'moves to another time, and leaves the old one free',
  'keeps a note of the greatest length that it says it keeps',
  'says of an appointment that is not there that it is not found',
  'blocks a time, and frees it again',
  'tells from its history what we wrote from what the front desk made of it',
]

let world: MedplumWorld
beforeAll(async () => {
  world = await openMedplumWorld(settings)
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

describe('the FHIR connector on Medplum’s engine, booking by operation,', () => {
  const told = stories.filter((story) => !passedOver.includes(story.title))
  it.each(told.map((story) => [story.title, story] as const))('%s', async (_title, story) => {
    expect(story.passedOver?.(world.system.capabilities, world) ?? null).toBeNull()
    await story.run(world)
  })

  it('is passed over only for what its capabilities say', () => {
    const left = stories.filter((story) => story.passedOver?.(world.system.capabilities, world))
    expect(left.map((story) => story.title)).toEqual(passedOver)
  })

  const slotsOf = async (id: string) => {
    const { slot = [] } = (await read(world.base, `Appointment/${id}`)) as { slot?: { reference: string }[] }
    return Promise.all(slot.map(({ reference }) => read(world.base, reference)))
  }
  const written = async (request: Awaited<ReturnType<typeof insertionIn>>, system = world.system) => {
    const outcome = await system.insert(request)
    if (outcome.kind !== 'written') throw new Error(JSON.stringify(outcome))
    return outcome.record
  }

  it('takes a Slot of the provider and one of the room by $book, and $cancel lets both go', async () => {
    const record = await written(await insertionIn(world, { note: 'Two chairs' }))
    const slots = await slotsOf(record.foreignId)
    expect(slots.map((slot) => slot?.status)).toEqual(['busy', 'busy'])
    const { foreignId, version } = record
    expect((await world.system.change({ foreignId, version, kind: 'cancel' })).kind).toBe('written')
    expect(await read(world.base, `Appointment/${foreignId}`)).toMatchObject({ status: 'cancelled' })
    for (const slot of slots) expect(await read(world.base, `Slot/${slot?.id}`)).toBeNull()
  })

  it('refuses a time that the server says is not available, with one copy standing', async () => {
    const request = await insertionIn(world)
    await written(request)
    const other = { ...request, marker: world.system.reserve() }
    expect(await world.system.insert(other)).toMatchObject({ kind: 'rejected', code: 'slot_taken' })
    expect((await standingAt(world.base, request.start)).length).toBe(1)
  })

  it('holds where confirming is by status, and confirms by $confirm', async () => {
    const byStatus = await world.open({ confirmation: 'status' })
    const record = await written(await insertionIn(world), byStatus)
    expect(record.confirmed).toBe(false)
    expect((await slotsOf(record.foreignId)).map((slot) => slot?.status)).toEqual([
      'busy-tentative',
      'busy-tentative',
    ])
    const { foreignId, version } = record
    const confirmed = await byStatus.change({ foreignId, version, kind: 'confirm' })
    expect(confirmed).toMatchObject({ kind: 'written', record: { confirmed: true } })
    expect((await slotsOf(foreignId)).map((slot) => slot?.status)).toEqual(['busy', 'busy'])
  })

  it('names what is missing: no Schedule, or which of several services', async () => {
    const request = await insertionIn(world)
    expect(await world.system.insert({ ...request, operatory: null, provider: 'nobody' })).toMatchObject({
      kind: 'rejected',
      code: 'invalid',
      message: expect.stringContaining('Schedule'),
    })
    const extension = (id: string) => ({
      extension: [
        {
          url: 'https://medplum.com/fhir/service-type-reference',
          valueReference: { reference: `HealthcareService/${id}` },
        },
      ],
    })
    const made = await call(world.base, 'POST', 'Schedule', {
      resourceType: 'Schedule',
      actor: [{ reference: 'Practitioner/two-services' }],
      serviceType: [extension('one'), extension('two')],
    })
    expect(made.id).toBeDefined()
    const both = { ...request, operatory: null, provider: 'two-services' }
    expect(await world.system.insert(both)).toMatchObject({ message: expect.stringContaining('service') })
    const chosen = await world.open({ service: 'two' })
    const { foreignId } = await written(both, chosen)
    expect(await read(world.base, `Appointment/${foreignId}`)).toMatchObject({
      serviceType: [extension('two')],
    })
  })

  it('does not close a time, and says so', async () => {
    const request = await insertionIn(world, { patient: null, unavailable: true })
    expect(world.system.capabilities.writes).toMatchObject({ block: false, reschedule: false, insert: true })
    expect(await world.system.insert(request)).toMatchObject({ kind: 'rejected', code: 'unsupported' })
  })
})
