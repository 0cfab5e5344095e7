/** The conformance stories, told with a real HAPI, by id and on a condition. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stories } from '../../src/connectors/conformance/stories.ts'
import { openHapiWorld } from './hapi/world.ts'

const MANNERS: [string, Record<string, unknown>, string[]][] = [
  [
    'under ids of ours',
    {},
    [
      'gives a taken time to one of many who ask at once, and tells the others that it is taken',
      'keeps a note of the greatest length that it says it keeps',
      'finds a copy of ours that took effect too',
    ],
  ],
  [
    'by Slots that everybody takes',
    { slots: 'everyone' },
    [
      'keeps a note of the greatest length that it says it keeps',
      'finds a copy of ours that took effect too',
    ],
  ],
  [
    'on the condition of our identifier',
    { insert_by: 'condition' },
    [
      'makes one appointment however often, and at once, the same insertion is sent',
      'gives a taken time to one of many who ask at once, and tells the others that it is taken',
      'keeps a note of the greatest length that it says it keeps',
    ],
  ],
]

describe.each(MANNERS)('the FHIR connector on HAPI, inserting %s,', (_, settings, passedOver) => {
  let world: Awaited<ReturnType<typeof openHapiWorld>>
  beforeAll(async () => {
    world = await openHapiWorld(settings)
  })
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]()
  })

  const told = stories.filter((story) => !passedOver.includes(story.title))
  it.each(told.map((story) => [story.title, story] as const))('%s', async (_title, story) => {
    expect(story.passedOver?.(world.system.capabilities, world) ?? null).toBeNull()
    await story.run(world)
  })

  it('is passed over only for what its capabilities say', () => {
    const left = stories.filter((story) => story.passedOver?.(world.system.capabilities, world))
    expect(left.map((story) => story.title)).toEqual(passedOver)
  })
})
