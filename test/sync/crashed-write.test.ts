import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { resolveWrite } from '../../src/booking/resolve.ts'
import { book, freeStarts, newPatient, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge } from '../support/bridge.ts'
import { environmentOf, type } from '../support/command-line.ts'

let bridge: Bridge
let starts: string[]
let id: number
let write: number
const set = (fields: string) => bridge.t.look(`update writes set ${fields} where id = $1`, [write])
const made = async () => {
  const { body } = await bridge.practice('GET', '/journal?after=0&limit=1000')
  const entries = body.entries as { by: string; noun: string; act: string }[]
  return entries.filter(({ by, noun, act }) => by === 'interface' && noun === 'visit' && act === 'book')
    .length
}

beforeAll(async () => {
  bridge = await startBridge()
  starts = await freeStarts(bridge, await somePlace(bridge), 10)
})
afterAll(async () => await bridge?.[Symbol.asyncDispose]())

/** A booking whose worker died of it three times: of nothing that it sent is known. */
beforeEach(async () => {
  await bridge.stopWorker()
  const place = await somePlace(bridge)
  const start = starts.shift() ?? ''
  ;({ id } = await book(bridge, { ...place, start, patientId: await newPatient(bridge) }))
  const [row] = await bridge.t.look('select id from writes where appointment_id = $1', [id])
  write = Number(row.id)
  await set("state = 'sending', attempts = 3, crashes = 3")
  await set("state = 'needs_decision', code = 'crashed_repeatedly', next_attempt_at = deadline")
})

it('looks at its deadline for a write that crashed its worker again and again, and ends it as it stands', async () => {
  await set('deadline = now(), next_attempt_at = now()')
  await bridge.t.look("insert into wakes (work_id) select id from work where kind = 'push'")
  bridge.startWorker()
  expect((await bridge.settled(id)).insertion).toMatchObject({ status: 'timed_out', code: 'deadline_passed' })
})

it('looks for it and sends it once when a person says to go on', async () => {
  const before = await made()
  const line = `writes resolve ${write} --institution willow-creek`
  const env = environmentOf(bridge.t)
  expect((await type(line, env)).said).toContain('--retry or --give-up?')
  expect((await type(`${line} --retry`, env)).code).toBe(0)
  bridge.startWorker()
  expect((await bridge.settled(id)).insertion).toMatchObject({ status: 'complete', code: null })
  expect((await made()) - before).toBe(1)
  await expect(bridge.tenant((tx) => resolveWrite(tx, write, { retry: true }))).rejects.toMatchObject({
    code: 'invalid_request',
  })
})

it('looks for it and ends it as it stands when a person gives it up', async () => {
  const before = await made()
  await bridge.tenant((tx) => resolveWrite(tx, write, { give_up: true }))
  bridge.startWorker()
  expect((await bridge.settled(id)).insertion).toMatchObject({ status: 'timed_out', code: 'deadline_passed' })
  expect(await made()).toBe(before)
})
