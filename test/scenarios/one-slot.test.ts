/** Sixty patients want one slot at once, through two server processes, while the front desk books too. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { freeStarts, newPatient, somePlace } from '../support/booking.ts'
import { startBridge, until } from '../support/bridge.ts'

const REQUESTS = 60
const SEED = Number(process.env.SEED ?? 20261122)

/** Numbers in [0, 1) from a seed (a linear congruence is random enough for waits). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
}

async function serverAt(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('a server process has no output')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('a server process ended before it listened')
}

it(`leaves at most one of ${REQUESTS} in a slot, over nobody, and refuses the others by name (seed ${SEED})`, async () => {
  await using bridge = await startBridge()
  const random = randomFrom(SEED)
  const program = fileURLToPath(new URL('../support/server-process.ts', import.meta.url))
  const key = bridge.t.database.masterKey.toString('base64')
  const children = [1, 2].map(() =>
    spawn(process.execPath, [program, bridge.t.url, key], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  try {
    const urls = await Promise.all(children.map(serverAt))
    const place = await somePlace(bridge)
    const starts = await freeStarts(bridge, place, 8)
    const patients: number[] = []
    for (let n = 0; n < REQUESTS; n++) patients.push(await newPatient(bridge))
    const [room] = await bridge.t.look('select foreign_id from operatories where id = $1', [
      place.operatoryId,
    ])
    // Twice: once the desk comes while we accept, once while we write.
    for (const [round, waitMs] of [random() * 60, 60 + random() * 240].entries()) {
      const start = new Date(starts[round * 4] ?? '').toISOString()
      const desk = new Promise((resolve) => setTimeout(resolve, waitMs)).then(() =>
        bridge.practice('POST', '/desk/book', { chair_id: String(room.foreign_id), begins: start }),
      )
      const answers = await Promise.all(
        patients.map(async (patient_id, n) => {
          const path = `/appointments?subdomain=${bridge.subdomain}&location_id=${bridge.locationId}`
          const appt = {
            patient_id,
            provider_id: place.providerId,
            operatory_id: place.operatoryId,
            start_time: start,
          }
          const answer = await fetch(`${urls[n % 2]}${path}`, {
            method: 'POST',
            headers: { authorization: bridge.apiKey, 'content-type': 'application/json' },
            body: JSON.stringify({ appt }),
          })
          // biome-ignore lint/suspicious/noExplicitAny: the test looks into whatever came back
          return { status: answer.status, body: (await answer.json()) as any }
        }),
      )
      const desks = await desk
      const accepted = answers.filter(({ status }) => status === 201)
      const refused = answers.filter(({ status }) => status === 400)
      // One that the desk was faster than is released at its end, and until the pull the next may be accepted in its place.
      expect(accepted.length + refused.length).toBe(REQUESTS)
      for (const { body } of refused) {
        expect(body.error[0]).toMatch(/^The requested time is not available: appointment \d+ is there from/)
        expect(body.data.alternatives).toHaveLength(3)
      }
      const ends = []
      for (const { body } of accepted) ends.push((await bridge.settled(body.data.appt.id)).insertion)
      const stands = ends.filter((end) => end?.status === 'complete')
      for (const end of ends)
        if (end?.status !== 'complete')
          expect(end).toMatchObject({ status: 'failed', code: 'slot_taken', alternatives: [{}, {}, {}] })
      expect(stands.length + (desks.status === 200 ? 1 : 0)).toBe(1)
      const to = new Date(Date.parse(start) + 30 * 60_000).toISOString()
      const { body } = await bridge.practice('GET', `/schedule?from=${start}&to=${to}&limit=100`)
      const there = (body.visits as { chair_id: string; cancelled_at: string | null }[]).filter(
        (one) => one.chair_id === String(room.foreign_id) && one.cancelled_at === null,
      )
      expect(there).toHaveLength(1)
    }
  } finally {
    for (const child of children) {
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
    }
  }
  await until('nothing owed', [], async () => {
    const rows = await bridge.t.look('select 1 from writes where ended_at is null')
    return rows.length === 0 ? true : null
  })
})
