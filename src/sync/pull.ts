/**
 * Reading a record system: the directory now and then, what changed since the cursor every time, and the whole truth of
 * the booking horizon in window cycles. A pull that completes undoes the local edits made before it began.
 */
import { CursorLost, type RecordSystem, Unavailable } from '../connectors/connector.ts'
import { addMs, type Instant } from '../model/time.ts'
import {
  type DataSource,
  findDataSource,
  now,
  saveProbe,
  savePullProgress,
  setStatus,
} from '../store/data-sources.ts'
import { loadDirectory } from '../store/directory-mirror.ts'
import { closedUntil } from '../store/source-pace.ts'
import type { Hold } from '../work/hold.ts'
import { hastenUnit } from '../work/lease.ts'
import type { Handler } from '../work/loop.ts'
import type { Pull } from './at-work.ts'
import { readDirectory } from './directory.ts'
import { mergePage } from './merge-page.ts'
import { heedRetryAfter, makeWay } from './pace.ts'
import { checkMarks, finishPull } from './pull-end.ts'
import type { Systems } from './systems.ts'
import { readWindow } from './window.ts'

/** The handler of `pull` units. Answers when to pull again. */
export function pullHandler(systems: Systems): Handler {
  return async (hold) => {
    const sourceId = hold.unit.subjectId ?? 0
    const begun = await hold.inTenant(async (tx) => {
      const source = await findDataSource(tx, sourceId)
      return source && { source, startedAt: await now(tx), closed: await closedUntil(tx, sourceId) }
    })
    if (!begun) return null
    if (begun.closed) return begun.closed
    try {
      const system = await systems.open(hold, begun.source)
      await pullOnce(hold, system, begun.source, begun.startedAt)
    } catch (error) {
      const until = await hold.inTenant(async (tx) => {
        await setStatus(tx, sourceId, 'read', 'red', reasonOf(error))
        return await heedRetryAfter(tx, sourceId, error)
      })
      if (until === null) throw error
      return { nextAt: until, failure: 'Unavailable' }
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
    procedures: 0,
    sizes: { patients: 0, appointments: 0, procedures: 0 },
  }
  // Without a location nothing that is read would have a place; setting one up wakes the pull.
  if (pull.maps.zones.size === 0) {
    const reason = 'No location of this data source is set up yet.'
    await hold.inTenant((tx) => setStatus(tx, source.id, 'read', 'red', reason))
    return
  }
  if (source.read_again) await beginAnew(pull)
  const directoryDue = source.read_again || due(source.directory_read_at, source.directory_seconds)
  const windowDue = !pull.quiet && due(source.window_read_at, source.window_seconds)
  if (directoryDue || windowDue) await probe(pull)
  if (directoryDue) await makeWay(pull)
  if (directoryDue) pull.maps = await readDirectory(pull)
  await readChanges(pull)
  // A window may take longer than the pause between two polls: what changed meanwhile does not wait for its end.
  let polledAt = startedAt
  const pollIfDue = async () => {
    const at = await hold.inTenant(now)
    if (addMs(polledAt, source.poll_seconds * 1000) > at) return
    polledAt = at
    await readChanges(pull)
  }
  if (windowDue) await readWindow(pull, pollIfDue)
  await finishPull(pull)
}

/** Reads everything from the start; what is asked for while this pull runs is left to the next. */
async function beginAnew({ hold, source }: Pull): Promise<void> {
  source.cursor = null
  await hold.inTenant((tx) => savePullProgress(tx, source.id, { cursor: null, read_again: false }))
}

/** Looks at the system's marks before anything of it is believed: a restored backup is no change by the front desk. */
async function probe(pull: Pull): Promise<void> {
  const { hold, system, source } = pull
  const { marks } = await system.probe()
  hold.answered()
  await checkMarks(pull, marks)
  const { capabilities } = system
  await hold.inTenant((tx) => saveProbe(tx, source.id, { capabilities, marks }))
  source.marks = marks
  await hastenPush(pull)
}

/** Pages from the cursor to the end; each is merged, and the cursor moved, in one transaction. */
async function readChanges(pull: Pull): Promise<void> {
  const { source } = pull
  try {
    await readPages(pull, source.cursor)
  } catch (error) {
    if (!(error instanceof CursorLost)) throw error
    // A backup may have been restored. Everything is read again; what did not change merges into nothing.
    await probe(pull)
    await readPages(pull, null)
  }
}

/** The next page is fetched while the last one is merged; the pages' cursors are committed in their order. */
async function readPages(pull: Pull, from: string | null): Promise<void> {
  const pages = pull.system.changes(from)[Symbol.asyncIterator]()
  const fetchNext = async () => {
    await makeWay(pull)
    // The instant before the request, so that whatever the page says was true then or later.
    const seenAt = await pull.hold.inTenant(now)
    return { seenAt, page: await pages.next() }
  }
  let ahead = fetchNext()
  try {
    for (;;) {
      if (pull.hold.signal.aborted) throw new Error('the pull was stopped')
      const { seenAt, page } = await ahead
      pull.hold.answered()
      await hastenPush(pull)
      if (page.done) return
      ahead = fetchNext()
      // Its failure is met when it is awaited, however long this page takes.
      ahead.catch(() => undefined)
      await mergePage(pull, page.value.records, seenAt, page.value)
      pull.source.cursor = page.value.cursor
    }
  } finally {
    // What was fetched ahead of a failure is let go; its own failure would only hide the first.
    await ahead.catch(() => undefined)
    await pages.return?.()
  }
}

/** The system answers again: what waits to be written does not wait out its back-off as well. */
async function hastenPush({ hold, source }: Pull): Promise<void> {
  if (source.write_status === 'green' || source.writing_stopped_at !== null) return
  source.write_status = 'green'
  // Not fenced: whoever held this unit's row while it waits for the other's would stop a renewal that waits the other way round.
  await hold.asideInWork((tx) => hastenUnit(tx, { ...hold.unit, kind: 'push' }))
}
