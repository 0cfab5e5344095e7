/**
 * `bench sync merge`: rows that are in memory, merged page by page as a pull merges them, against COPY of what they became
 * into the same table in the same run.
 */
import type { Client } from 'pg'
import { inGlobal, inTenant, type Tenant } from '../db/database.ts'
import type { Installation } from '../installation.ts'
import type { AppointmentRecord, ChangeRecord } from '../model/records.ts'
import { createAccount } from '../store/accounts.ts'
import { addDataSource, now } from '../store/data-sources.ts'
import { loadDirectory, saveOperatories, saveProviders } from '../store/directory-mirror.ts'
import { createInstitution } from '../store/institutions.ts'
import { createLocation } from '../store/locations.ts'
import { noteSize } from '../store/sizes.ts'
import { mergeRecords } from '../sync/merge.ts'
import { copyAgain } from './bench-copy.ts'
import { medianOf, type Runs } from './bench-figures.ts'
import { connectAsOwner, openOwn } from './bench-own.ts'
import { dentists, makeAppointments, makePatients, rooms } from './bench-rows.ts'
import type { Input } from './command.ts'

/** Rows of one transaction, as the connectors' own pages are. */
const PAGE = 500

export interface MergeFigures {
  rows: number
  runs: number
  events: string
  merge_new_per_second: Runs
  merge_unchanged_per_second: Runs
  copy_per_second: Runs
  /** Of COPY in the same run. */
  new_ratio: Runs
  unchanged_ratio: Runs
}

/** Seconds that so many rows took, in one run. */
interface Run {
  fresh: number
  unchanged: number
  copy: number
}

/**
 * Merges `count` made-up appointments as changes of a loaded data source (an event each), again unchanged, and copies them;
 * and all of it again, from an empty table, as often as there are runs.
 */
export async function measureMerge(
  input: Pick<Input, 'config' | 'terminal'>,
  count: number,
  runs: number,
): Promise<MergeFigures> {
  await using stack = new AsyncDisposableStack()
  const installation = await openOwn(stack, input)
  const client = await connectAsOwner(installation)
  stack.defer(() => client.end())
  const practice = await setUp(installation)
  await practice.merge(makePatients(count + PAGE).map((record) => ({ kind: 'patient', record })))
  const pages = pagesOf(makeAppointments(count + PAGE))
  const measured: Run[] = []
  for (let n = 1; n <= runs; n++) {
    input.terminal.note(`Merging ${count} appointments, twice, and copying them: run ${n} of ${runs} ...`)
    measured.push(await runOnce(client, practice, pages, count))
  }
  const perSecond = (name: keyof Run) => medianOf(measured.map((run) => Math.round(count / run[name])))
  const ratios = (name: keyof Run) =>
    medianOf(measured.map((run) => Math.round((100 * run.copy) / run[name]) / 100))
  return {
    rows: count,
    runs,
    events: 'one for each new row, none for an unchanged one',
    merge_new_per_second: perSecond('fresh'),
    merge_unchanged_per_second: perSecond('unchanged'),
    copy_per_second: perSecond('copy'),
    new_ratio: ratios('fresh'),
    unchanged_ratio: ratios('unchanged'),
  }
}

async function runOnce(
  client: Client,
  { merge, noteSizes }: Practice,
  [first = [], ...pages]: ChangeRecord[][],
  count: number,
): Promise<Run> {
  // The ids of events go on from run to run, into partitions that the sequencer would make.
  await client.query('truncate appointments, events, event_order, wakes cascade; select keep_partitions()')
  // As in an installation at work, the planner knows that the tables are not empty.
  await merge(first)
  await noteSizes()
  const fresh = await timed(merge, pages)
  const unchanged = await timed(merge, pages)
  const copied = await copyAgain(client)
  if (copied.rows !== count + PAGE) throw new Error(`${copied.rows} of ${count + PAGE} rows were merged.`)
  return { fresh, unchanged, copy: (copied.seconds * count) / copied.rows }
}

type Merge = (page: ChangeRecord[]) => Promise<void>

interface Practice {
  merge: Merge
  noteSizes(): Promise<void>
}

/** A practice of which everything is known but its patients and appointments. */
async function setUp({ database }: Installation): Promise<Practice> {
  const accountId = await inGlobal(database, (tx) => createAccount(tx, 'bench'))
  const institutionId = await createInstitution(database, { accountId, subdomain: 'bench', name: 'Bench' })
  const context = await inTenant(database, institutionId, async (tx) => {
    const sourceId = await addDataSource(tx, {
      name: 'Bench',
      connector: 'sandbox',
      foreignIdPrefix: 'bench-bench',
      configuration: {},
      pollSeconds: 60,
    })
    await createLocation(tx, { name: 'Bench', tz: 'America/New_York', data_source_id: sourceId })
    const places = await loadDirectory(tx, sourceId)
    await saveProviders(tx, sourceId, dentists, places)
    await saveOperatories(tx, sourceId, rooms, places)
    return { sourceId, maps: await loadDirectory(tx, sourceId), quiet: false }
  })
  const tenant = <T>(run: (tx: Tenant) => Promise<T>) => inTenant(database, institutionId, run)
  return {
    merge: (page) =>
      tenant(async (tx) => {
        await mergeRecords(tx, { ...context, seenAt: await now(tx) }, page)
      }),
    noteSizes: async () => {
      for (const noun of ['patients', 'appointments'] as const) await tenant((tx) => noteSize(tx, noun))
    },
  }
}

function pagesOf(appointments: AppointmentRecord[]): ChangeRecord[][] {
  const pages: ChangeRecord[][] = []
  for (let at = 0; at < appointments.length; at += PAGE)
    pages.push(appointments.slice(at, at + PAGE).map((record) => ({ kind: 'appointment', record })))
  return pages
}

/** Seconds that all pages take, one after the other. */
async function timed(merge: Merge, pages: ChangeRecord[][]): Promise<number> {
  const began = performance.now()
  for (const page of pages) await merge(page)
  return (performance.now() - began) / 1000
}
