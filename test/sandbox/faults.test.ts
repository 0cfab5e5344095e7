/** The fault dial by itself: what it is set to, that a seed tells it, and that each fault does what it says. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCli } from '../../src/cli/run.ts'
import { sandboxFault } from '../../src/cli/sandbox-fault.ts'
import { FAULT_KINDS } from '../../src/sandbox/fault-kinds.ts'
import { booking, openPractice, type TestPractice } from './practice-under-test.ts'

let practice: TestPractice
beforeAll(async () => {
  practice = await openPractice()
})
afterAll(() => practice[Symbol.asyncDispose]())

const dial = (body: unknown) => practice.call('PUT', '/faults', body)
const happened = async () => (await practice.call('GET', '/faults')).json.happened

it('knows more than two dozen kinds, each with a sentence', async () => {
  const { json } = await practice.call('GET', '/faults/kinds')
  expect(Object.keys(json.kinds)).toEqual(FAULT_KINDS)
  expect(FAULT_KINDS.length).toBeGreaterThan(24)
})

it.each([
  ['an unknown kind', { faults: [{ kind: 'gremlins' }] }, 'no_such_fault'],
  ['a chance above one', { faults: [{ kind: 'slow', chance: 2 }] }, 'bad_field'],
  ['an unknown field', { fault: [] }, 'unknown_field'],
  ['no list', { faults: {} }, 'bad_field'],
])('refuses %s, and stays as it was set', async (_, body, reason) => {
  await dial({ seed: 4 })
  expect(await dial(body)).toMatchObject({ status: 422, json: { reason } })
  expect((await practice.call('GET', '/faults')).json.seed).toBe(4)
})

it('happens as often as it was told, after as many calls as it was told', async () => {
  await dial({ faults: [{ kind: 'busy', on: 'GET /status', skip: 1, times: 2 }] })
  const statuses = []
  for (let n = 0; n < 5; n++) statuses.push((await practice.call('GET', '/status')).status)
  expect(statuses).toEqual([200, 503, 503, 200, 200])
  expect(await happened()).toEqual(Array(2).fill({ kind: 'busy', on: 'GET /status' }))
})

it('gives the same faults for the same seed and calls, and others for another seed', async () => {
  const play = async (seed: number) => {
    await dial({ seed, faults: [{ kind: 'busy', on: 'GET /status', chance: 0.5, always: true }] })
    const statuses = []
    for (let n = 0; n < 24; n++) statuses.push((await practice.call('GET', '/status')).status)
    return statuses.join()
  }
  const first = await play(7)
  expect(await play(7)).toBe(first)
  expect(await play(8)).not.toBe(first)
  expect(new Set(first.split(','))).toEqual(new Set(['200', '503']))
})

it('mixes all kinds that end with their call', async () => {
  await dial({ seed: 3, mix: 0.2 })
  for (let hour = 0; hour < 20; hour++)
    await practice.call('POST', '/visits', booking(hour)).catch(() => undefined)
  const kinds = new Set((await happened()).map((one: { kind: string }) => one.kind))
  await dial({})
  expect(kinds.size).toBeGreaterThan(4)
})

it('is set, shown and turned off by the command line', async () => {
  const said: string[] = []
  const terminal = {
    say: (line: string) => void said.push(line),
    note: () => undefined,
    readInput: async () => '',
  }
  const slotbridge = (...args: string[]) =>
    runCli(['sandbox', 'fault', ...args, '--url', practice.url], [sandboxFault], terminal, {})
  expect(await slotbridge('busy', '--on', 'GET /status')).toBe(0)
  expect((await practice.call('GET', '/status')).status).toBe(503)
  expect(await slotbridge('show')).toBe(0)
  expect(said.join()).toContain('"kind": "busy"')
  expect(await slotbridge('off')).toBe(0)
  expect((await practice.call('GET', '/faults')).json.faults).toEqual([])
  expect(await slotbridge('gremlins')).not.toBe(0)
})
