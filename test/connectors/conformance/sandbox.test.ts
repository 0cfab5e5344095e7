/** The conformance stories, told with the simulated practice in both of its manners, and with connectors that lie. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stories } from '../../../src/connectors/conformance/stories.ts'
import type { World } from '../../../src/connectors/conformance/world.ts'
import type { RecordSystem } from '../../../src/connectors/connector.ts'
import type { Manner } from '../../../src/sandbox/manner.ts'
import { openSandboxWorld } from './sandbox-world.ts'

const MANNERS: [string, Partial<Manner>, string[]][] = [
  ['that refuses copies and taken times', {}, ['finds a copy of ours that took effect too']],
  [
    'that refuses neither',
    { references: 'stored', times: 'unchecked' },
    [
      'makes one appointment however often, and at once, the same insertion is sent',
      'gives a taken time to one of many who ask at once, and tells the others that it is taken',
    ],
  ],
]

describe.each(MANNERS)('the sandbox connector, on a practice %s,', (_, manner, passedOver) => {
  let world: Awaited<ReturnType<typeof openSandboxWorld>>
  beforeAll(async () => {
    world = await openSandboxWorld(manner)
  })
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]()
  })

  const told = stories.filter((story) => !passedOver.includes(story.title))
  it.each(told.map((story) => [story.title, story] as const))('%s', async (_title, story) => {
    expect(story.passedOver?.(world.system.capabilities, world) ?? null).toBeNull()
    await story.run(world)
  })

  it('is asked for nothing that the system cannot do', () => {
    const left = stories.filter((story) => story.passedOver?.(world.system.capabilities, world))
    expect(left.map((story) => story.title)).toEqual(passedOver)
  })
})

/** Connectors with one fault each, and the story that finds it. */
const LIARS: [string, (system: RecordSystem) => Partial<RecordSystem>, string][] = [
  [
    'forgets our marker',
    (system) => ({ insert: (request) => system.insert({ ...request, marker: system.reserve() }) }),
    'makes one appointment however often, and at once, the same insertion is sent',
  ],
  [
    'says of a change that it was done and does nothing',
    (system) => ({
      change: async ({ foreignId }) => {
        const record = await system.find({ foreignId })
        return record
          ? { kind: 'written', record: { ...record, cancelled: true } }
          : { kind: 'rejected', code: 'not_found', message: '' }
      },
    }),
    'cancels, and leaves the time free',
  ],
  [
    'calls what was cut written nowhere',
    (system) => ({
      insert: async (request) => {
        const outcome = await system.insert(request)
        return outcome.kind === 'unknown' ? { kind: 'unavailable', message: outcome.message } : outcome
      },
    }),
    'calls an insertion unknown, or knows, whose connection was lost after it took effect',
  ],
  [
    'overwrites what the desk changed',
    (system) => ({ change: (request) => system.change({ ...request, version: null }) }),
    'loses a change that was decided on a version which the front desk has changed',
  ],
  [
    'leaves half of a window out',
    (system) => ({
      async *window(from, to) {
        for await (const page of system.window(from, to)) yield page.filter(({ kind }) => kind === 'patient')
      },
    }),
    'reads all of a window, and nothing that lies beside it',
  ],
]

it.each(LIARS)('a connector that %s is found out', async (_, lie, title) => {
  await using honest = await openSandboxWorld()
  const lying = (system: RecordSystem): RecordSystem =>
    Object.assign(Object.create(system) as RecordSystem, lie(system))
  const world: World = {
    ...honest,
    system: lying(honest.system),
    cutting: (when, work) => honest.cutting?.(when, (system) => work(lying(system))) as never,
  }
  const story = stories.find((one) => one.title === title)
  await expect(story?.run(honest)).resolves.toBeUndefined()
  await expect(story?.run(world)).rejects.toThrow()
})
