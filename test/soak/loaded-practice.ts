/** A practice with two weeks in its book and a bridge's mirror of it, loaded once, and copied for every seed. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inTenant } from '../../src/db/database.ts'
import { type SandboxOptions, startSandbox } from '../../src/sandbox/start-sandbox.ts'
import { updateDataSource } from '../../src/store/data-sources.ts'
import { type Practice, setUpPractice } from '../support/bridge.ts'
import { type Ground, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { openPuller } from './puller.ts'

export const PRACTICE_KEY = 'test-key'

export interface LoadedPractice extends AsyncDisposable {
  practice: Practice
  /** A copy of the practice's file, in `folder`. */
  copyFile(folder: string): string
  /** A copy of the mirror, which finds its practice as `configuration` says. The caller disposes of it. */
  copyMirror(configuration: Record<string, unknown>, options?: CopyOptions): Promise<TestDatabase>
}

interface CopyOptions {
  poolMax?: number
  /** Commits wait for no disk: for runs in which nothing crashes. */
  isHasty?: boolean
}

export interface LoadOptions extends Pick<SandboxOptions, 'manner' | 'deskTouches'> {
  /** The instant of both clocks, in epoch milliseconds. */
  at: number
}

export async function loadPractice(ground: Ground, options: LoadOptions): Promise<LoadedPractice> {
  const stack = new AsyncDisposableStack()
  try {
    const folder = mkdtempSync(join(tmpdir(), 'slotbridge-loaded-'))
    stack.defer(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'seeded.db')
    const base = stack.use(await openTestDatabase(ground))
    const practice = await load(base, file, options)
    // Nobody may be connected to what is copied.
    await base.leave()
    const template = new URL(base.directUrl).pathname.slice(1)
    const { masterKey } = base.database
    let copies = 0
    return {
      practice,
      copyFile(target) {
        copies += 1
        const copy = join(target, `practice-${copies}.db`)
        copyFileSync(file, copy)
        return copy
      },
      async copyMirror(configuration, { poolMax = 4, isHasty = false } = {}) {
        const t = await openTestDatabase({ ...ground, template }, { poolMax, masterKey, isHasty })
        await inTenant(t.database, practice.institutionId, (tx) =>
          updateDataSource(tx, practice.sourceId, { configuration }),
        )
        return t
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

const DAY_MS = 24 * 3_600_000

/** Seeds a practice and loads it into the mirror, with one window cycle. */
async function load(t: TestDatabase, file: string, { at, ...options }: LoadOptions): Promise<Practice> {
  const serve = () => startSandbox({ file, key: PRACTICE_KEY, clockOffsetMs: at - Date.now(), ...options })
  await (await serve()).close()
  const db = new DatabaseSync(file)
  for (const [table, noun] of [
    ['visits', 'visit'],
    ['closures', 'closure'],
  ] as const) {
    db.prepare(`delete from ${table} where finishes < ? or begins > ?`).run(at - DAY_MS, at + 15 * DAY_MS)
    // As if they had never been: who judges by the journal would take them to stand.
    db.prepare(`delete from journal where noun = ? and row_id not in (select id from ${table})`).run(noun)
  }
  db.close()
  await using sandbox = await serve()
  await t.moveClock(at - Date.now())
  const configuration = { url: sandbox.url, key: PRACTICE_KEY }
  const practice = await setUpPractice(t, { connector: 'sandbox', configuration })
  await using puller = openPuller(t)
  if (!(await puller.pull()) || !(await puller.pull())) throw new Error('the first load failed')
  // Numbers that a sequence has logged ahead are logged for this database alone: a copy that crashed would hand them out again.
  await t.look(
    "select setval(format('%I', sequencename)::regclass, last_value) from pg_sequences where last_value is not null",
  )
  return practice
}
