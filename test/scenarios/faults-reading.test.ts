/**
 * Lossless reading: seeded sequences of desk acts while the feed lies, and afterwards the mirror is what the practice is.
 * `SEEDS=1..1000` runs more of them.
 */
import { expect, it } from 'vitest'
import { type Dice, dice } from '../../src/sandbox/random.ts'
import { type FaultBridge, held, mirrored, startFaultBridge } from './fault-run.ts'
import { NaiveReader } from './naive-reader.ts'

const [, FIRST = 1, LAST = 5] = (/^(\d+)\.\.(\d+)$/.exec(process.env.SEEDS ?? '') ?? []).map(Number)
const ACTS = 10

const fault = (kind: string, chance: number, more: Record<string, unknown> = {}) => ({
  kind,
  chance,
  always: true,
  ...more,
})

const LIES = [
  fault('half_page', 0.25),
  fault('torn_page', 0.15),
  fault('repeated_page', 0.2),
  fault('out_of_order', 0.5),
  fault('poisoned_row', 0.3),
  fault('poisoned_row', 0.2, { on: 'GET /schedule' }),
  fault('error_before', 0.1, { on: 'GET /schedule' }),
  fault('rate_limited', 0.1, { on: 'GET /changes' }),
  fault('late_commit', 0.25),
]

/** One act of the desk: mostly one of its own, now and then a deletion, or one with the same id entered again. */
async function act(run: FaultBridge, throws: Dice): Promise<void> {
  const { practice } = run.bridge
  if (throws.chance(0.6)) {
    await practice('POST', '/desk/act')
    return
  }
  const rows = (await mirrored(run)).filter((row) => !row.unavailable && String(row.begins) > '2026')
  const visit_id = throws.pick(rows).id
  await practice('POST', throws.chance(0.5) ? '/desk/delete' : '/faults/recreate', { visit_id })
}

/** Everybody reads while the practice lies. */
async function readAlong(run: FaultBridge, naive: NaiveReader): Promise<void> {
  await naive.read()
  await run.bridge.t.look("insert into wakes (work_id) select id from work where kind = 'pull'")
  await run.pass(1_500)
  await new Promise((resolve) => setTimeout(resolve, 60))
}

async function play(run: FaultBridge, seed: number): Promise<{ naiveIsRight: boolean }> {
  const throws = dice(seed, 'sequence')
  const naive = new NaiveReader(run.bridge.practice)
  await naive.read()
  await run.dial({ seed, faults: LIES })
  const backup = throws.chance(0.3) ? throws.below(ACTS - 3) : null
  for (let n = 0; n < ACTS; n++) {
    if (n === backup) await run.bridge.practice('POST', '/faults/backup', {})
    await act(run, throws)
    if (throws.chance(0.5)) await readAlong(run, naive)
    if (backup !== null && n === backup + 3) await run.bridge.practice('POST', '/faults/restore', {})
  }
  await readAlong(run, naive)
  // The desk goes home, what hung commits, and the practice tells the truth again.
  await run.dial({})
  await run.pass(5_000)
  await naive.read()
  await run.readAll()
  return { naiveIsRight: await naive.isRight() }
}

it(`mirrors the practice after whatever its feed has told (seeds ${FIRST} to ${LAST}), where a naive cursor does not`, async () => {
  await using run = await startFaultBridge({ deskTouches: 'all' })
  const naiveWrong: number[] = []
  for (let seed = FIRST; seed <= LAST; seed++) {
    const { naiveIsRight } = await play(run, seed)
    if (!naiveIsRight) naiveWrong.push(seed)
    expect({ seed, rows: await mirrored(run) }).toEqual({ seed, rows: await held(run) })
  }
  expect(naiveWrong).not.toEqual([])
}, 1_200_000)

it('sets a row aside that cannot be read, finishes the window without it, and takes it back when it can', async () => {
  await using run = await startFaultBridge()
  const { bridge } = run
  const aside = async () => (await bridge.t.look('select noun, reason from set_aside')).length
  await run.dial({
    faults: [
      fault('poisoned_row', 1, { on: 'GET /schedule' }),
      // Asked for by itself it cannot be had either.
      fault('error_before', 1, { on: 'GET /visits/' }),
    ],
  })
  await run.readAll()
  expect(await aside()).toBeGreaterThan(0)
  await run.dial({})
  await run.readAll()
  expect(await aside()).toBe(0)
  expect(await mirrored(run)).toEqual(await held(run))
})
