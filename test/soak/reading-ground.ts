/** What every sequence of reading begins from: a practice and the bridge's mirror of it, both ready to be copied. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Sandbox, startSandbox } from '../../src/sandbox/start-sandbox.ts'
import type { Ground, TestDatabase } from '../support/database.ts'
import { type AskPractice, askPractice, type Look } from '../support/truth.ts'
import { loadPractice, PRACTICE_KEY } from './loaded-practice.ts'
import { openPuller, type Puller } from './puller.ts'

/** The instant at which every sequence begins, by both clocks, so that a seed tells all of it. */
const BEGIN = Date.parse('2026-12-01T15:00:00.000Z')

export interface Reading extends AsyncDisposable {
  ask: AskPractice
  look: Look
  puller: Puller
  /** Both clocks go on by so many milliseconds. */
  pass(ms: number): Promise<void>
}

export interface ReadingGround extends AsyncDisposable {
  /** A copy of its own of the practice, and of its mirror. */
  open(): Promise<Reading>
}

export async function openReadingGround(ground: Ground): Promise<ReadingGround> {
  const stack = new AsyncDisposableStack()
  const loaded = stack.use(await loadPractice(ground, { at: BEGIN, deskTouches: 'all' }))
  const folder = mkdtempSync(join(tmpdir(), 'slotbridge-reading-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  return {
    async open() {
      const own = new AsyncDisposableStack()
      const file = loaded.copyFile(folder)
      own.defer(() => rmSync(file, { force: true }))
      const clockOffsetMs = BEGIN - Date.now()
      const sandbox = own.use(
        await startSandbox({ file, key: PRACTICE_KEY, deskTouches: 'all', clockOffsetMs }),
      )
      const configuration = { url: sandbox.url, key: PRACTICE_KEY, timeout_ms: 2000 }
      const t = own.use(await loaded.copyMirror(configuration, { isHasty: true }))
      return await openReading(t, sandbox, own)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function openReading(t: TestDatabase, sandbox: Sandbox, own: AsyncDisposableStack): Promise<Reading> {
  const ask = askPractice(sandbox.url)
  let offset = BEGIN - Date.now()
  const { look } = t
  const setClocks = async () => {
    await look('update test_clock set offset_ms = $1', [offset])
    await t.clock.measure()
    // While the practice restarts there is nobody to tell; whoever passes time next tells it all.
    await ask('PUT', '/clock', { offset_ms: offset }).catch(() => undefined)
  }
  await setClocks()
  return {
    ask,
    look,
    puller: own.use(openPuller(t)),
    async pass(ms) {
      offset += ms
      await setClocks()
    },
    [Symbol.asyncDispose]: () => own.disposeAsync(),
  }
}
