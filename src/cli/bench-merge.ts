/**
 * `bench sync merge`: rows that are in memory, merged page by page as a pull merges them, against COPY of what they became
 * into the same table in the same run.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { inGlobal, inTenant, type Tenant } from '../db/database.ts'
import { asideFolder } from '../db/embedded-place.ts'
import { type Installation, openInstallation } from '../installation.ts'
import type { AppointmentRecord, ChangeRecord } from '../model/records.ts'
import { createAccount } from '../store/accounts.ts'
import { addDataSource, now } from '../store/data-sources.ts'
import { loadDirectory, saveOperatories, saveProviders } from '../store/directory-mirror.ts'
import { createInstitution } from '../store/institutions.ts'
import { createLocation } from '../store/locations.ts'
import { noteSize } from '../store/sizes.ts'
import { mergeRecords } from '../sync/merge.ts'
import { copyAgain } from './bench-copy.ts'
import { dentists, makeAppointments, patients, rooms } from './bench-rows.ts'

/** Rows of one transaction, as the connectors' own pages are. */
const PAGE = 500

export interface MergeFigures {
  rows: number
  events: string
  merge_new_per_second: number
  merge_unchanged_per_second: number
  copy_per_second: number
  /** Of COPY. */
  new_ratio: number
  unchanged_ratio: number
}

/** Merges `count` made-up appointments as changes of a loaded data source (an event each), and again unchanged. */
export async function measureMerge(config: Config, count: number): Promise<MergeFigures> {
  await using stack = new AsyncDisposableStack()
  const parent = mkdtempSync(join(tmpdir(), 'slotbridge-bench-'))
  const dataDir = join(parent, 'data')
  stack.defer(() => {
    if (existsSync(dataDir)) rmSync(asideFolder(dataDir), { recursive: true, force: true })
    rmSync(parent, { recursive: true, force: true })
  })
  const own: Config = { ...config, dataDir, databaseUrl: null, databaseDirectUrl: null, masterKey: null }
  const installation = stack.use(await openInstallation({ config: own, log: quiet }))
  const { merge, noteSizes } = await setUp(installation)
  await merge(patients.map((record) => ({ kind: 'patient', record })))
  const [first = [], ...pages] = pagesOf(makeAppointments(count + PAGE))
  // As in an installation at work, the planner knows that the tables are not empty.
  await merge(first)
  await noteSizes()
  const fresh = await timed(merge, pages)
  const unchanged = await timed(merge, pages)
  const copied = await copyAgain(superuserUrl(installation))
  if (copied.rows !== count + PAGE) throw new Error(`${copied.rows} of ${count + PAGE} rows were merged.`)
  const copy = (copied.seconds * count) / copied.rows
  const perSecond = (seconds: number) => Math.round(count / seconds)
  return {
    rows: count,
    events: 'one for each new row, none for an unchanged one',
    merge_new_per_second: perSecond(fresh),
    merge_unchanged_per_second: perSecond(unchanged),
    copy_per_second: perSecond(copy),
    new_ratio: Number((copy / fresh).toFixed(2)),
    unchanged_ratio: Number((copy / unchanged).toFixed(2)),
  }
}

const quiet = { info: () => undefined, warn: () => undefined }

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

/** The superuser's, in the application's database. */
function superuserUrl({ embedded }: Installation): string {
  const url = new URL(embedded?.url ?? '')
  url.pathname = '/slotbridge'
  return url.href
}
