/** What is served is what `/openapi.json` says, judged by Schemathesis, which makes requests of the document alone. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { demoFolder } from '../support/demo-process.ts'
import { installSchemathesis } from './schemathesis/run-schemathesis.ts'

const SEED = Number(process.env.SEED ?? 20261122)
const SECONDS = Number(process.env.SECONDS ?? 75)
/** Minutes of patience: it asks for as long as it was told to, and is installed before. */
const PATIENCE_MS = 600_000

it(
  'answers whatever is asked as its document says, and never as a fault of ours',
  async () => {
    process.stderr.write(`[schemathesis] seed ${SEED}, ${SECONDS} s\n`)
    await using stack = new AsyncDisposableStack()
    const schemathesis = stack.use(await installSchemathesis())
    const folder = stack.use(demoFolder())
    const demo = await folder.start().ready()
    const headers = { authorization: demo.api_key }
    const signedIn = await fetch(`${demo.url}/authenticates`, { method: 'POST', headers })
    const { data } = (await signedIn.json()) as { data: { token: string } }
    const { report, said } = await schemathesis.judge(demo, data.token, { seed: SEED, seconds: SECONDS })
    process.stderr.write(`[schemathesis] ${report.test_cases.generated} requests\n`)
    expect(report.failures, said).toEqual([])
    expect(report.errors, said).toEqual([])
    const { paths } = (await (await fetch(`${demo.url}/openapi.json`)).json()) as { paths: object }
    const operations = Object.values(paths).flatMap((path: object) => Object.keys(path)).length
    // How many of them it comes to in its time is a matter of the machine.
    expect(report.operations.selected).toBe(operations)

    const lines = readFileSync(join(folder.dataDir, 'slotbridge.log'), 'utf8').trim().split('\n')
    const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
    expect(lines.filter((line) => line.includes('"request failed"'))).toEqual([])
    // Not all of it was turned away at the door.
    const done = requests.filter(({ status }) => status >= 200 && status < 300)
    process.stderr.write(`[schemathesis] ${requests.length} answers, ${done.length} of them successes\n`)
    expect(done.length).toBeGreaterThan(0)
  },
  PATIENCE_MS,
)
