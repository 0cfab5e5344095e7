/**
 * Reading a record system: the directory now and then, what changed since the cursor every time, and the whole truth of
 * the booking horizon in window cycles. A pull that completes undoes the local edits made before it began.
 */
import { CursorLost, type RecordSystem, Unavailable } from '../connectors/connector.ts'
import { addMs, type Instant } from '../model/time.ts'
import { type DataSource, findDataSource, now, saveProbe, setStatus } from '../store/data-sources.ts'
import { loadDirectory } from '../store/directory-mirror.ts'
import type { Hold } from '../work/hold.ts'
import type { Pull } from './at-work.ts'
import { readDirectory } from './directory.ts'
import { mergePage } from './merge-page.ts'
import { checkMarks, finishPull } from './pull-end.ts'
import type { Systems } from './systems.ts'
import { tellStatus } from './tell-source.ts'
import { readWindow } from './window.ts'

/** The handler of `pull` units. Answers when to pull again. */
export function pullHandler(systems: Systems) {
  return async (hold: Hold): Promise<string | null> => {
    const sourceId = hold.unit.subjectId ?? 0
    const begun = await hold.inTenant(async (tx) => {
      const source = await findDataSource(tx, sourceId)
      return source && { source, startedAt: await now(tx) }
    })
    if (!begun) return null
    try {
      const system = await systems.open(hold.unit.institutionId ?? 0, begun.source)
      await pullOnce(hold, system, begun.source, begun.startedAt)
    } catch (error) {
      await hold.inTenant(async (tx) => {
        const reason = reasonOf(error)
        if (await setStatus(tx, sourceId, 'read', 'red', reason)) await tellStatus(tx, sourceId, 'read')
      })
      throw error
    }
    return addMs(begun.startedAt, begun.source.poll_seconds * 1000)
  }
}

/** What may be shown of an error: a connector's sentence; of any other its kind alone, since its text may hold a patient's data. */
function reasonOf(error: unknown): string {
  if (error instanceof Unavailable) return error.message
  return `The pull failed (${error instanceof Error ? error.name : 'unknown error'}): the log says more.`
}

async function pullOnce(
  hold: Hold,
  system: RecordSystem,
  source: DataSource,
  startedAt: Instant,
): Promise<void> {
  const due = (readAt: Instant | null, seconds: number) =>
    readAt === null || addMs(readAt, seconds * 1000) <= startedAt
  const pull: Pull = {
    hold,
    system,
    source,
    startedAt,
    maps: await hold.inTenant((tx) => loadDirectory(tx, source.id)),
    quiet: source.loaded_at === null,
    appointments: 0,
    patients: 0,
  }
  const directoryDue = due(source.directory_read_at, source.directory_seconds)
  if (directoryDue) {
    const probe = await system.probe()
    await checkMarks(pull, probe.marks)
    const { capabilities } = system
    await hold.inTenant((tx) => saveProbe(tx, source.id, { capabilities, marks: probe.marks }))
    pull.maps = await readDirectory(pull)
  }
  await readChanges(pull)
  if (!pull.quiet && due(source.window_read_at, source.window_seconds)) await readWindow(pull)
  await finishPull(pull)
}

/** Pages from the cursor to the end; each is merged, and the cursor moved, in one transaction. */
async function readChanges(pull: Pull): Promise<void> {
  const { source } = pull
  try {
    await readPages(pull, source.cursor)
  } catch (error) {
    if (!(error instanceof CursorLost)) throw error
    // Everything is read again; what did not change merges into nothing.
    await readPages(pull, null)
  }
}

async function readPages(pull: Pull, from: string | null): Promise<void> {
  const pages = pull.system.changes(from)[Symbol.asyncIterator]()
  try {
    for (;;) {
      if (pull.hold.signal.aborted) throw new Error('the pull was stopped')
      // The instant before the request, so that whatever the page says was true then or later.
      const seenAt = await pull.hold.inTenant(now)
      const { value: page, done } = await pages.next()
      if (done) return
      await mergePage(pull, page.records, seenAt, page.cursor)
    }
  } finally {
    await pages.return?.()
  }
}
