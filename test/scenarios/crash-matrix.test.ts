/** One small run of the crash matrix; `npm run test:soak -- --only crash` has the long ones. */
import { expect, it } from 'vitest'
import { loadForCrashes, runCrash } from '../soak/crash-run.ts'
import { startTestServer } from '../support/server.ts'
import { makeTemplate } from '../support/template.ts'

const SEED = Number(process.env.SEED ?? 7)
const REQUESTS = 8

it(`does each of ${REQUESTS} requests once through kills, crashes and cut connections, or says that it did not (seed ${SEED})`, async () => {
  const server = await startTestServer()
  try {
    const ground = {
      serverUrl: server.url,
      template: await makeTemplate(server.url),
      restart: server.restart,
    }
    await using loaded = await loadForCrashes(ground)
    const { findings, ...counts } = await runCrash(ground, loaded, SEED, { requests: REQUESTS })
    expect({ ...counts, findings }).toMatchObject({ accepted: REQUESTS, lost: 0, twice: 0, misreported: 0 })
    expect(findings.filter((text) => !text.startsWith('refused'))).toEqual([])
    const { worker_kills, server_kills, practice_kills, outages, database_restarts, cuts } = counts
    expect(worker_kills + server_kills + practice_kills + outages + database_restarts).toBeGreaterThan(0)
    expect(cuts).toBeGreaterThan(0)
  } finally {
    await server.stop()
  }
}, 300_000)
