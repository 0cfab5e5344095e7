import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCli } from '../../src/cli/run.ts'
import { sandboxDesk } from '../../src/cli/sandbox.ts'
import { openPractice, type TestPractice } from './practice-under-test.ts'

let practice: TestPractice
beforeAll(async () => {
  practice = await openPractice()
})
afterAll(() => practice[Symbol.asyncDispose]())

/** Types the command as a person would; answers the exit code and everything shown. */
async function type(line: string): Promise<{ code: number; said: string; noted: string }> {
  const said: string[] = []
  const noted: string[] = []
  const terminal = {
    say: (text: string) => void said.push(text),
    note: (text: string) => void noted.push(text),
    readInput: async () => '',
  }
  const args = ['sandbox', 'desk', ...line.split(' '), '--url', practice.url]
  const code = await runCli(args, [sandboxDesk], terminal, {})
  return { code, said: said.join('\n'), noted: noted.join('\n') }
}

async function typed(line: string) {
  const { code, said, noted } = await type(`${line} --json`)
  expect(noted).toBe('')
  expect(code).toBe(0)
  return JSON.parse(said)
}

it('books at a time by the clocks of the practice, moves, confirms, lets arrive, cancels and deletes', async () => {
  const { visit } = await typed(
    'book --start 2027-06-01T09:00 --chair 2 --person 12 --minutes 45 --remark New',
  )
  expect(visit).toMatchObject({ begins: '2027-06-01T13:00:00.000Z', finishes: '2027-06-01T13:45:00.000Z' })
  expect(visit).toMatchObject({ chair_id: '2', clinician_id: '2', person_id: '12', remark: 'New' })
  const id = visit.visit_id
  const moved = await typed(`move ${id} --start 2027-06-01T10:00:00-04:00 --chair 1`)
  expect(moved.visit).toMatchObject({ begins: '2027-06-01T14:00:00.000Z', chair_id: '1' })
  expect((await typed(`confirm ${id}`)).visit.state).toBe('confirmed')
  expect((await typed(`arrive ${id}`)).visit.state).toBe('arrived')
  expect((await type(`cancel ${id}`)).said).toContain(`visit ${id} is cancelled`)
  expect((await typed(`delete ${id}`)).deleted).toBe(id)
})

it('blocks and unblocks by the block’s foreign id, and renames', async () => {
  const { closure } = await typed('block --everything --start 2027-06-02T09:00 --remark Fire_drill')
  expect(closure).toMatchObject({ chair_id: null, reason: 'Fire_drill' })
  expect(await typed(`unblock block_${closure.closure_id}`)).toEqual({ deleted: closure.closure_id })
  expect((await typed('rename 12 --last Larkfield')).person.last_name).toBe('Larkfield')
})

it('books over another visit only with --overbook', async () => {
  await typed('book --start 2027-06-03T09:00')
  const refused = await type('book --start 2027-06-03T09:00')
  expect(refused).toMatchObject({
    code: 1,
    noted: expect.stringMatching(/^The time is taken by visit \d+\.$/),
  })
  expect((await type('book --start 2027-06-03T09:00 --overbook')).code).toBe(0)
})

it('lists a day by the clocks of the practice', async () => {
  const { said } = await type('list --day 2026-11-23')
  expect(said).toContain('2026-11-23, clocks of America/New_York')
  expect(said).toMatch(/block_\d+\s+12:00\s+13:00\s+1 .* Lunch/)
})

it.each([
  ['dance', 2, 'There is no act dance.'],
  ['cancel', 2, 'Missing the id for cancel.'],
  ['book 12', 2, 'book takes no id.'],
  ['cancel 999999', 1, 'There is no visit 999999.'],
  ['book --start 2027-06-41T09:00', 1, '--start 2027-06-41T09:00 is no time.'],
  ['book --start soon', 1, 'begins is not an instant'],
  ['list --practice-key wrong', 1, 'x-practice-key'],
])('says what is wrong with: %s', async (line, code, why) => {
  expect(await type(line)).toMatchObject({ code, noted: expect.stringContaining(why) })
})
