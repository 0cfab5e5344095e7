/** Our own database goes back an hour while the practice goes on: judged from the practice's journal. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { changeAppointment } from '../../src/booking/change.ts'
import { openPool } from '../../src/db/pool.ts'
import { keepHighWater } from '../../src/high-water.ts'
import { listWrites } from '../../src/store/writes.ts'
import { holdUnit, LeaseLost } from '../../src/work/hold.ts'
import { claimUnits } from '../../src/work/lease.ts'
import { serveApi } from '../support/api.ts'
import { takeBackup } from '../support/backup.ts'
import { until } from '../support/bridge.ts'
import { environmentOf, type } from '../support/command-line.ts'
import { type FaultBridge, held, mirrored, startFaultBridge } from './fault-run.ts'

const silent = { warn: () => undefined }

interface Story extends AsyncDisposable {
  run: FaultBridge
  file: string
  command(line: string): ReturnType<typeof type>
}

async function startStory(): Promise<Story> {
  const stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'recover-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  // It refuses nothing by itself: a second copy would stand.
  const run = stack.use(await startFaultBridge({ manner: { references: 'stored', times: 'unchecked' } }))
  const file = join(folder, 'high-water.json')
  const env = { ...environmentOf(run.bridge.t), SLOTBRIDGE_HIGH_WATER: file }
  return {
    run,
    file,
    command: (line) => type(line, env),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function change({ run }: Story, id: number, fields: Record<string, unknown>): Promise<void> {
  const { bridge } = run
  await bridge.tenant((tx) =>
    changeAppointment(tx, { apiKeyId: bridge.apiKeyId, appointmentId: id, version: 'v3', fields }),
  )
}

/** Waits until nothing is owed any more; time passes quickly. */
async function settle({ run }: Story): Promise<void> {
  await until('everything to be written', [], async () => {
    await run.pass(5_000)
    return (await run.bridge.t.look('select 1 from writes where ended_at is null')).length === 0 ? true : null
  })
}

/** What we did there, each act once for each time that it took effect. */
async function ourActs({ run }: Story): Promise<string[]> {
  const entries = (await run.journal()).filter(({ by, noun }) => by === 'interface' && noun === 'visit')
  return entries.map(({ act, id }) => `${act} ${id}`).sort()
}

/** Acts of an hour that the backup knows nothing of. Answers what clients were told in it. */
async function lostHour(story: Story, known: number): Promise<{ ids: number[]; cursor: string }> {
  const { run } = story
  run.bridge.startWorker()
  await run.pass(60_000)
  const both = [await run.booked(), await run.booked()]
  for (const { id } of both) await run.ended(id)
  await until('the note', [], async () => {
    await run.pass(1_000)
    const writes = await run.bridge.tenant((tx) => listWrites(tx, known))
    return writes.every(({ ended_at }) => ended_at !== null) ? true : null
  })
  // What the desk makes of our note afterwards is the desk's.
  const { foreign_id } = await run.bridge.appointment(known)
  await run.bridge.practice('POST', '/desk/remark', { visit_id: foreign_id, remark: 'As the desk says' })
  await change(story, both[1]?.id ?? 0, { cancelled: true })
  await run.bridge.settled(both[1]?.id ?? 0)
  await run.pass(3_600_000)
  await run.bridge.events()
  await using api = await serveApi(run.bridge)
  const { body } = await api.ask('GET', '/events?per_page=1000')
  return { ids: both.map(({ id }) => id), cursor: body.page_info.end_cursor }
}

it('goes on after its database went back an hour: nothing is written twice, and no id is issued again', async () => {
  await using story = await startStory()
  const { run, command } = story
  const { bridge } = run
  const keeping = await keepHighWater({ database: bridge.t.database, file: story.file, log: silent })
  const known = await run.booked()
  await run.ended(known.id)
  await bridge.stopWorker()
  const pending = [await run.booked(), await run.booked()]
  const refused = await run.booked()
  await change(story, known.id, { confirmed: true })
  await change(story, known.id, { note: 'Rings twice' })
  // Held when the backup is taken, by a process that will not have heard of the recovery.
  const [unit] = await claimUnits(bridge.t.database, {
    holder: crypto.randomUUID(),
    kinds: ['push', 'pull'],
    limit: 1,
    leaseMs: 1,
    failing: 1,
  })
  await using backup = await takeBackup(bridge.t)

  await run.dial({ faults: [{ kind: 'busy', always: true, begins: refused.start }] })
  const lost = await lostHour(story, known.id)
  await bridge.stopWorker()
  await keeping[Symbol.asyncDispose]()
  // One more beat, as the last look of a process that serves.
  await (await keepHighWater({ database: bridge.t.database, file: story.file, log: silent }))[
    Symbol.asyncDispose
  ]()
  const acts = await ourActs(story)
  await run.dial({})
  await backup.restore()
  await bridge.t.moveClock(3_700_000)

  const start = () => keepHighWater({ database: bridge.t.database, file: story.file, log: silent })
  await expect(start()).rejects.toThrow(/recover --restored/)
  const pool = openPool({ url: bridge.t.url, max: 1, prepare: true, applicationName: 'slotbridge' })
  await pool.query('select 1')
  expect(await command('recover --restored')).toMatchObject({
    code: 1,
    noted: expect.stringContaining('1 connections'),
  })
  await pool.end()
  const done = await command('recover --restored')
  expect(done.noted).toBe('')
  expect(done.said).toContain('5 owed writes')
  await (await start())[Symbol.asyncDispose]()
  if (unit) {
    const late = holdUnit(bridge.t.database, unit, new AbortController().signal)
    await expect(late.inTenant(async () => undefined)).rejects.toThrow(LeaseLost)
  }

  // The pull comes first: it reads rows whose insertions are owed still, by all that the database knows.
  await bridge.t.look(
    "update writes set next_attempt_at = app_now() + interval '1 minute' where ended_at is null",
  )
  bridge.startWorker()
  await run.readAll()
  await settle(story)
  await run.readAll()
  const [first] = await bridge.tenant((tx) => listWrites(tx, refused.id))
  expect(first).toMatchObject({ state: 'complete' })
  const { foreign_id } = await bridge.appointment(refused.id)
  expect(await ourActs(story)).toEqual([...acts, `book ${foreign_id}`].sort())
  for (const { id } of [known, ...pending])
    for (const write of await bridge.tenant((tx) => listWrites(tx, id)))
      expect(write).toMatchObject({ state: 'complete' })
  expect(await mirrored(run)).toEqual(await held(run))
  await expectForgotten(story, lost)
  const next = await run.booked()
  expect(next.id).toBeGreaterThan(Math.max(...lost.ids))
  expect(next.patientId).toBeGreaterThan(100_000)
}, 120_000)

/** What clients were told in the lost hour: its bookings are read as ours and listed, its cursors refused. */
async function expectForgotten(
  { run, command }: Story,
  lost: { ids: number[]; cursor: string },
): Promise<void> {
  const found = JSON.parse((await command('recover --found --json')).said)
  expect(found).toHaveLength(lost.ids.length)
  expect(found.map(({ cancelled }: { cancelled: boolean }) => cancelled)).toEqual([false, true])
  for (const { id } of found) {
    expect(lost.ids).not.toContain(id)
    expect((await run.bridge.appointment(id)).misc).toMatchObject({ is_booked_on_nexhealth: true })
  }
  await using api = await serveApi(run.bridge)
  const old = await api.ask('GET', `/events?after=${lost.cursor}`)
  expect(old.status).toBe(400)
  expect(old.body.error.join(' ')).toContain('restored from a backup')
  const { body } = await api.ask('GET', '/events?per_page=1')
  expect((await api.ask('GET', `/events?after=${body.page_info.end_cursor}`)).status).toBe(200)
}
