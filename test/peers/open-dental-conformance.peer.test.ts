/** The conformance stories on MariaDB with Open Dental's tables, under the rights that the documentation lists. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stories } from '../../src/connectors/conformance/stories.ts'
import type { World } from '../../src/connectors/conformance/world.ts'
import { definitions } from './open-dental/definitions.ts'
import { type OpenedPractice, openPractice } from './open-dental/open-practice.ts'
import { type MariaDb, startMariaDb } from './open-dental/start-mariadb.ts'
import { openWorld } from './open-dental/world.ts'

let mariaDb: MariaDb
beforeAll(async () => {
  mariaDb = await startMariaDb()
})
afterAll(async () => {
  await mariaDb?.[Symbol.asyncDispose]()
})

const PASSED_OVER = [
  'makes one appointment however often, and at once, the same insertion is sent',
  'gives a taken time to one of many who ask at once, and tells the others that it is taken',
  'says of an appointment that is not there that it is not found',
  'blocks a time, and frees it again',
  'tells from its history what we wrote from what the front desk made of it',
]

describe.each(definitions)('the Open Dental connector, on $title,', (definition) => {
  let practice: OpenedPractice
  let world: World
  beforeAll(async () => {
    practice = await openPractice(mariaDb, definition)
    world = await openWorld(practice)
  })
  afterAll(async () => {
    await practice?.[Symbol.asyncDispose]()
  })

  const told = stories.filter((story) => !PASSED_OVER.includes(story.title))
  it.each(told.map((story) => [story.title, story] as const))('%s', async (_title, story) => {
    expect(story.passedOver?.(world.system.capabilities, world) ?? null).toBeNull()
    await story.run(world)
  })

  it('is asked for nothing that the system cannot do', () => {
    const left = stories.filter((story) => story.passedOver?.(world.system.capabilities, world))
    expect(left.map((story) => story.title)).toEqual(PASSED_OVER)
  })
})
