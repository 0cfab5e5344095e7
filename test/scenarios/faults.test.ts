/** Every fault of the simulated practice, each with its one outcome, through the real bridge. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FAULT_KINDS, type FaultKind, meaningOf } from '../../src/sandbox/fault-kinds.ts'
import { until } from '../support/bridge.ts'
import { deskTime, type FaultBridge, held, mirrored, outcomeOf, startFaultBridge } from './fault-run.ts'
import { EXPECTED, EXPECTED_DETECTED, type Expected } from './fault-table.ts'

/** Each meets one booking of its own. */
const OF_WRITING = FAULT_KINDS.filter(
  (kind) => meaningOf(kind).on === 'POST /visits' && meaningOf(kind).alone !== true,
)
const OF_THE_REST = FAULT_KINDS.filter((kind) => !OF_WRITING.includes(kind) && kind !== 'backup_restored')

type Outcomes = Map<FaultKind, Expected & { happened: boolean }>

/** Sets every fault of writing on a booking of its own, and waits until all is over. */
async function meetAll(run: FaultBridge): Promise<Outcomes> {
  const starts = OF_WRITING.map((kind) => ({ kind, begins: run.nextStart() }))
  await run.dial({ faults: starts })
  const booked = []
  for (const { begins } of starts) booked.push(await run.booked(begins))
  for (const { id } of booked) await run.ended(id)
  const { body } = await run.bridge.practice('GET', '/faults')
  const happened = new Set((body.happened as { kind: string }[]).map((one) => one.kind))
  await run.dial({})
  // Whatever may still take effect does, and is looked for again.
  await run.pass(100_000)
  const due = 'select 1 from writes where look_again_at is not null limit 1'
  await until('the second looks', [], async () => {
    await run.pass(1_000)
    return (await run.bridge.t.look(due)).length === 0 ? true : null
  })
  await run.readAll()
  const entries = await run.journal()
  const outcomes: Outcomes = new Map()
  for (const [at, { id, patientId }] of booked.entries()) {
    const kind = OF_WRITING[at] ?? 'slow'
    outcomes.set(kind, {
      ...(await outcomeOf(run, id, patientId, entries)),
      happened: happened.has(kind),
    })
  }
  return outcomes
}

describe('a practice that refuses a second copy itself', () => {
  let run: FaultBridge
  let outcomes: Outcomes
  beforeAll(async () => {
    run = await startFaultBridge()
    outcomes = await meetAll(run)
  }, 120_000)
  afterAll(async () => {
    await run?.[Symbol.asyncDispose]()
  })

  it.each(OF_WRITING)('ends a booking as the table says under the fault %s', (kind) => {
    expect(outcomes.get(kind)).toEqual({ ...EXPECTED[kind], happened: true })
  })

  it('is mirrored as it is after all of them', async () => {
    expect(await mirrored(run)).toEqual(await held(run))
  })

  it.each(OF_THE_REST)('books, and is mirrored as it is, after the fault %s', async (kind) => {
    await run.dial({ seed: 1, faults: [{ kind }] })
    const begins = deskTime(run, FAULT_KINDS.indexOf(kind))
    // Something for the faults of reading to happen to.
    for (let n = 0; n < 2; n++)
      await run.bridge.practice('POST', '/desk/book', { chair_id: '3', begins, overbook: true })
    const { id, patientId } = await run.booked()
    await run.ended(id)
    await run.readAll()
    const { body } = await run.bridge.practice('GET', '/faults')
    if (kind !== 'clock_skewed') expect(body.happened).not.toEqual([])
    await run.dial({})
    await run.readAll()
    expect(await outcomeOf(run, id, patientId, await run.journal())).toEqual(EXPECTED[kind])
    expect(await mirrored(run)).toEqual(await held(run))
  })
})

describe('a practice that stores references without caring, and checks no times', () => {
  let run: FaultBridge
  let outcomes: Outcomes
  beforeAll(async () => {
    run = await startFaultBridge({ manner: { references: 'stored', times: 'unchecked' } })
    outcomes = await meetAll(run)
  }, 120_000)
  afterAll(async () => {
    await run?.[Symbol.asyncDispose]()
  })

  it.each(OF_WRITING)('ends a booking as the table says under the fault %s', (kind) => {
    const expected = EXPECTED_DETECTED[kind] ?? EXPECTED[kind]
    expect(outcomes.get(kind)).toEqual({ ...expected, happened: true })
  })

  it('is mirrored as it is after all of them', async () => {
    expect(await mirrored(run)).toEqual(await held(run))
  })

  it('is told apart by its capabilities, which the data source keeps', async () => {
    const [source] = await run.bridge.t.look('select capabilities from data_sources')
    expect(source.capabilities).toMatchObject({ effect: 'detected', conflictCheck: 'advisory' })
  })

  it('looks before it resends, and not while the first copy may still take effect', async () => {
    await run.dial({ faults: [{ kind: 'applied_late', ms: 60_000 }] })
    const { id, patientId } = await run.booked()
    const write = await run.ended(id)
    expect(write).toMatchObject({ state: 'complete' })
    const [sent, found] = write.attempts
    expect([sent?.outcome, found?.outcome]).toEqual(['unknown', 'found'])
    const waited = Date.parse(found?.started_at ?? '') - Date.parse(sent?.started_at ?? '')
    expect(waited).toBeGreaterThanOrEqual(90_000)
    expect((await outcomeOf(run, id, patientId, await run.journal())).made).toBe(1)
  })

  it('cancels a copy that took effect later than it was told that any could', async () => {
    await run.dial({ faults: [{ kind: 'applied_late', ms: 300_000 }] })
    const { id, patientId } = await run.booked()
    expect(await run.ended(id)).toMatchObject({ state: 'complete', code: null })
    await run.pass(300_000)
    await expect
      .poll(
        async () => {
          await run.pass(2_000)
          return (await run.ended(id)).code
        },
        { timeout: 20_000 },
      )
      .toBe('duplicate_repaired')
    await run.readAll()
    expect(await outcomeOf(run, id, patientId, await run.journal())).toMatchObject({ made: 2, standing: 1 })
    expect(await mirrored(run)).toEqual(await held(run))
  })
})
