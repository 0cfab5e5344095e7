/** `data export|import`: the whole installation in one file, between majors of PostgreSQL and from a laptop to a server. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, type Global, inGlobal, inOneTransaction, inSnapshot, inWork } from '../db/database.ts'
import { readHighWater, writeHighWater } from '../high-water-file.ts'
import { openInstallation } from '../installation.ts'
import { Failure } from '../model/failures.ts'
import { appendAudit, INSTALLATION } from '../store/audit.ts'
import { type HandedOut, listHandedOut, readLife } from '../store/high-water.ts'
import { listAllInstitutionIds } from '../store/institutions.ts'
import { countConnected } from '../store/recovery.ts'
import {
  asInstitution,
  clearUnits,
  listFilled,
  listMigrations,
  listTransferTables,
  readTable,
  speakPlainly,
  type TransferTable,
  writeRows,
} from '../store/transfer.ts'
import {
  type Checked,
  checkTransfer,
  readTransfer,
  TRANSFER_FORMAT,
  type TransferEnd,
  type TransferHead,
  type TransferPart,
  writeTransfer,
} from '../transfer-file.ts'
import type { Command, Input } from './command.ts'
import { type AuditedCommand, commandRow } from './command-audit.ts'
import { withInstallation } from './open.ts'
import { beginAnew, filesOf } from './recover.ts'

const POOL_MAX = 4
/** Rows that are written by one statement. */
const BATCH = 500
/** Ids that may have been handed out after the export, by the installation that it was taken of. */
const LEAP = 500_000
const KEY_CHECK = 'slotbridge data export'

const exportData: Command = {
  name: 'data export',
  about: 'Write the whole installation into one file',
  positionals: ['<file or folder>'],
  details: [
    'One snapshot of everything, taken while the program runs or not. The file holds patients in plain: keep it as safe as the',
    'database. What is sealed stays sealed: the master key must travel too, by another way.',
  ].join('\n'),
  run: async (input) => {
    const file = nameFile(input.positionals[0] ?? '')
    await withInstallation(input, async ({ database }) => {
      // Before the snapshot: the file tells of its own making.
      const institutions = await inGlobal(database, listAllInstitutionIds)
      await inWork(database, (tx) => appendAudit(tx, rowsOf([...institutions, INSTALLATION], 'export')))
      const end = await exportTo(file, database)
      const count = Object.values(end.rows).reduce((sum, one) => sum + one, 0)
      input.terminal.say(`${file}: ${count} rows of ${Object.keys(end.rows).length} tables`)
    })
    return 0
  },
}

/** Of every patient of everybody. */
function rowsOf(institutions: number[], kind: AuditedCommand['kind']) {
  const command = kind === 'export' ? 'data export' : 'data import'
  return institutions.map((institutionId) => commandRow({ institutionId, kind, command, patientIds: null }))
}

function nameFile(typed: string): string {
  const isFolder = statSync(typed, { throwIfNoEntry: false })?.isDirectory() ?? false
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '')
  const file = isFolder ? join(typed, `slotbridge-${stamp}.jsonl.gz`) : typed
  if (existsSync(file)) throw new Failure('invalid_request', `${file} is there already.`)
  return file
}

async function exportTo(file: string, database: Database): Promise<TransferEnd> {
  return await inSnapshot(database, (joined) =>
    inGlobal(joined, async (tx) => {
      const end: TransferEnd = { rows: {}, handed_out: {}, epoch: 0 }
      await writeTransfer(file, tell(tx, end))
      return end
    }),
  )
}

/** The parts of the file, in its order; fills `end`. */
async function* tell(tx: Global, end: TransferEnd): AsyncGenerator<TransferPart> {
  await speakPlainly(tx)
  yield {
    slotbridge: 'data',
    format: TRANSFER_FORMAT,
    migrations: await listMigrations(tx),
    taken_at: new Date().toISOString(),
    key_check: tx.seal(KEY_CHECK).toString('base64'),
  } satisfies TransferHead
  // The installation has an audit of its own.
  const institutions = [INSTALLATION, ...(await listAllInstitutionIds(tx))]
  for (const table of await listTransferTables(tx)) {
    end.rows[table.name] = 0
    for (const institution of table.isTenant ? institutions : [null]) {
      await asInstitution(tx, institution)
      let isBegun = false
      for await (const rows of readTable(tx, table)) {
        if (!isBegun) yield { table: table.name, institution, columns: table.columns.map(({ name }) => name) }
        isBegun = true
        end.rows[table.name] = (end.rows[table.name] ?? 0) + rows.length
        for (const row of rows) yield { row }
      }
    }
  }
  // After the last row: no row of the file has an id above.
  end.handed_out = await listHandedOut(tx)
  end.epoch = (await readLife(tx)).epoch
  yield { end }
}

const importData: Command = {
  name: 'data import',
  about: 'Fill an empty database from such a file, and make it safe to serve',
  positionals: ['<file>'],
  options: {
    'high-water': {
      type: 'string',
      value: '<file>',
      multiple: true,
      about: 'A high-water file of the installation that was exported, where it ran on after that',
    },
  },
  details: [
    'The database must be migrated by this version and never used, the master key that of the exported installation, and that',
    'one stopped for good: two bridges on one practice would both write. It is a restore: ids leap, every owed write is looked',
    'for before it is sent, cursors of events from before are refused, and everything is read again.',
  ].join('\n'),
  run: async (input) => {
    const file = input.positionals[0] ?? ''
    if (!existsSync(file)) throw new Failure('invalid_request', `There is no file ${file}.`)
    const checked = await checkTransfer(file)
    const log = { info: input.terminal.note, warn: input.terminal.note }
    const config = { ...input.config, databasePoolMax: POOL_MAX }
    await using installation = await openInstallation({ config, log })
    await importFrom(input, file, checked, installation.database)
    return 0
  },
}

/** One transaction, recovery included: nothing of it is there until it may be served. */
async function importFrom(input: Input, file: string, checked: Checked, database: Database): Promise<void> {
  const { terminal } = input
  const { writes, sources, epoch, life, ids } = await inOneTransaction(database, async (joined) => {
    await inGlobal(joined, async (tx) => {
      const connected = await countConnected(database, tx)
      if (connected > 0)
        throw new Failure(
          'invalid_request',
          `${connected} connections of Slotbridge are open to this database: stop every process first.`,
        )
      refuseOther(checked.head, await listMigrations(tx), tx)
    })
    await inGlobal(joined, refuseFilled)
    await inWork(joined, clearUnits)
    await inGlobal(joined, (tx) => fill(tx, file, checked))
    const life = await inGlobal(joined, readLife)
    const files = filesOf(input)
    const known = files.flatMap((one) => (life.id === null ? [] : (readHighWater(one)[life.id] ?? [])))
    const ids: HandedOut = Object.fromEntries(
      Object.entries(checked.end.handed_out).map(([name, last]) => [
        name,
        Math.max(last + LEAP, ...known.map((one) => one.ids[name] ?? 0)),
      ]),
    )
    const seen = Math.max(checked.end.epoch, ...known.map((one) => one.epoch))
    const begun = await beginAnew(joined, ids, seen)
    // Under ids that were never handed out.
    const institutions = await inGlobal(joined, listAllInstitutionIds)
    await inWork(joined, (tx) => appendAudit(tx, rowsOf([...institutions, INSTALLATION], 'request')))
    return { ...begun, life, ids }
  })
  const [water] = filesOf(input)
  if (life.id !== null && water !== undefined)
    writeHighWater(water, life.id, { epoch, beat: life.beat, ids }, true)
  for (const [table, count] of Object.entries(checked.end.rows))
    if (count > 0) terminal.say(`${table}: ${count}`)
  terminal.say(`${writes} owed writes will be looked for before they are sent`)
  terminal.say(`${sources} data sources will be read from the start`)
}

function refuseOther(head: TransferHead, applied: number[], tx: Global): void {
  if (head.migrations.join() !== applied.join())
    throw new Failure(
      'invalid_request',
      `The export is of migration ${head.migrations.at(-1)}, the database of ${applied.at(-1)}: bring the exported installation to this version first.`,
    )
  try {
    if (tx.open(Buffer.from(head.key_check, 'base64')) === KEY_CHECK) return
  } catch {
    // said below
  }
  throw new Failure(
    'invalid_request',
    'The master key is not that of the exported installation: set SLOTBRIDGE_MASTER_KEY to that one (or bring its master.key).',
  )
}

async function refuseFilled(tx: Global): Promise<void> {
  const filled = await listFilled(tx, await listTransferTables(tx))
  if (filled.length > 0)
    throw new Failure(
      'invalid_request',
      `The database is not empty (${filled.join(', ')}): an import needs one that was migrated and never used.`,
    )
}

async function fill(tx: Global, file: string, { end }: Checked): Promise<void> {
  await speakPlainly(tx)
  const tables = new Map((await listTransferTables(tx)).map((table) => [table.name, table]))
  const written: Record<string, number> = Object.fromEntries([...tables.keys()].map((name) => [name, 0]))
  let table: TransferTable | null = null
  let batch: string[] = []
  const flush = async () => {
    if (!table || batch.length === 0) return
    await writeRows(tx, table, batch)
    written[table.name] = (written[table.name] ?? 0) + batch.length
    batch = []
  }
  for await (const part of readTransfer(file)) {
    if (typeof part === 'string') {
      batch.push(part)
      if (batch.length >= BATCH) await flush()
      continue
    }
    await flush()
    const known = tables.get(part.table)
    const names = known?.columns.map(({ name }) => name).join()
    if (!known || names !== part.columns.join())
      throw new Failure(
        'invalid_request',
        `The file has a table ${part.table} that this database has otherwise.`,
      )
    table = known
    await asInstitution(tx, part.institution)
  }
  await flush()
  const other = Object.keys(written).filter((name) => written[name] !== (end.rows[name] ?? 0))
  if (other.length > 0) throw new Error(`${other.join(', ')}: other counts than the file promises`)
}

export const dataCommands: Command[] = [exportData, importData]
