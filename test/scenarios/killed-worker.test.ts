/** A worker that dies at any moment writes each booking once: judged from the practice's own journal. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { allPlaces, book, freeStarts, newPatient } from '../support/booking.ts'
import { startBridge, until } from '../support/bridge.ts'

/** `BOOKINGS=200` takes eight times as long. */
const BOOKINGS = Number(process.env.BOOKINGS ?? 24)
const SEED = Number(process.env.SEED ?? 20261122)

/** Numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

it(`writes each of ${BOOKINGS} bookings once although the worker is killed at random moments (seed ${SEED})`, async () => {
  await using bridge = await startBridge()
  await bridge.stopWorker()
  const random = randomFrom(SEED)
  const program = fileURLToPath(new URL('../support/worker-process.ts', import.meta.url))
  const key = bridge.t.database.masterKey.toString('base64')
  const start = () =>
    spawn(process.execPath, [program, bridge.t.url, bridge.t.directUrl, key, '10', 'sandbox'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    })
  const kill = async (child: ChildProcess) => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  const wanted = []
  for (const place of await allPlaces(bridge))
    for (const start of await freeStarts(bridge, place, BOOKINGS)) wanted.push({ ...place, start })
  const bookings = wanted.slice(0, BOOKINGS)
  expect(bookings.length).toBe(BOOKINGS)
  let worker = start()
  let kills = 0
  try {
    const ids: number[] = []
    // Never much more than one life is owed: however late we look, none can write them all.
    const bookUpTo = async (count: number) => {
      for (const one of bookings.slice(ids.length, count))
        ids.push((await book(bridge, { patientId: await newPatient(bridge), ...one })).id)
    }
    const ended = async () => {
      const { rows } = await bridge.tenant((tx) =>
        sql<{
          n: number
        }>`select count(*) as n from writes where institution_id = ${tx.institutionId} and ended_at is not null`.execute(
          tx.db,
        ),
      )
      return rows[0]?.n ?? 0
    }
    // Each worker lives until some more writes have ended, and dies at some moment of one of the next.
    for (let done = 0; done < BOOKINGS; ) {
      const lives = 2 + Math.floor(random() * 6)
      await bookUpTo(Math.min(done + lives + 1, BOOKINGS))
      await until('the next writes', [], async () =>
        (await ended()) >= Math.min(done + lives, BOOKINGS) ? true : null,
      )
      await new Promise((resolve) => setTimeout(resolve, random() * 40))
      await kill(worker)
      kills += 1
      worker = start()
      done = await ended()
    }
    expect(kills).toBeGreaterThan(3)
    const states = await bridge.t.look('select state, code, count(*)::int as n from writes group by 1, 2')
    expect(states).toEqual([{ state: 'complete', code: null, n: BOOKINGS }])
    await expectOnce(bridge, ids)
  } finally {
    await kill(worker)
  }
}, 240_000)

/** Exactly one visit in the practice for each appointment, by the reference that it bears. */
async function expectOnce(bridge: Awaited<ReturnType<typeof startBridge>>, ids: number[]): Promise<void> {
  const rows = await bridge.t.look('select id, foreign_id, marker from appointments where id = any($1)', [
    ids,
  ])
  expect(new Set(rows.map((row) => row.foreign_id)).size).toBe(BOOKINGS)
  const entries: { noun: string; act: string; by: string }[] = []
  for (let last = 0; ; ) {
    const { body } = await bridge.practice('GET', `/journal?after=${last}&limit=500`)
    const page = body.entries as typeof entries
    entries.push(...page)
    if (page.length === 0) break
    last = Number(body.last)
  }
  const made = entries.filter(
    (entry) => entry.by === 'interface' && entry.noun === 'visit' && entry.act === 'book',
  )
  expect(made.length).toBe(BOOKINGS)
}
