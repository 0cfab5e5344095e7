/**
 * Every table's rows as text, out of one database and into another: for a move between majors or machines. What there is comes
 * from the catalogue, so that no table can be forgotten.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Global, WorkTransaction } from '../db/database.ts'

export interface TransferTable {
  name: string
  /** Rows of one institution are seen at a time. */
  isTenant: boolean
  columns: { name: string; type: string }[]
  /** Of a log: the sequence that splits it into partitions, the column whose value says into which, and the ids of each. */
  log: { ids: string; column: string; size: number } | null
}

/** What is not moved: made anew on the other side, or worth nothing there. */
export const STAYS: Record<string, string> = {
  schema_migrations: 'the other database has its own',
  test_clock: "a test's",
  wakes: 'everything is looked at anew',
  rate_windows: 'windows begin anew',
  log_partitions: 'made as rows come in',
}

/** Has rows of its own in a database that was never used. */
const SEEDED = ['work', 'installation']
/** The other side numbers these itself, and nothing refers to them. */
const RENUMBERED = 'work'

/** Every table of ours that is moved, each after those that it refers to. */
export async function listTransferTables(tx: Pick<Global, 'db'>): Promise<TransferTable[]> {
  const { rows } = await sql<TransferTable & { needs: string[] }>`
    select c.relname as name, c.relforcerowsecurity as "isTenant",
      (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum)
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
          and not (c.relname = ${RENUMBERED} and a.attidentity <> '')) as columns,
      (select json_build_object('ids', s.sequencename, 'column',
          (select attname from pg_attribute where attrelid = c.oid and attnum = p.partattrs[0]),
          'size', log_size(s.sequencename))
        from pg_partitioned_table p, pg_sequences s where p.partrelid = c.oid and s.schemaname = 'public'
          and c.relname = any(log_tables(s.sequencename))) as log,
      array(select distinct f.confrelid::regclass::text from pg_constraint f
        where f.contype = 'f' and f.conrelid = c.oid and f.confrelid <> c.oid) as needs
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and c.relname <> all(${Object.keys(STAYS)}::text[])
    order by 1`.execute(tx.db)
  const sorted: TransferTable[] = []
  const done = new Set<string>()
  while (sorted.length < rows.length) {
    const ready = rows.filter(({ name, needs }) => !done.has(name) && needs.every((one) => done.has(one)))
    if (ready.length === 0) throw new Error('tables refer to each other in a ring')
    for (const { needs, ...table } of ready) {
      sorted.push(table)
      done.add(table.name)
    }
  }
  return sorted
}

/** Values are told as text that any PostgreSQL reads back as it was, whatever it is set to. */
export async function speakPlainly(tx: Global): Promise<void> {
  await sql`select set_config('datestyle', 'ISO, YMD', true), set_config('timezone', 'UTC', true),
    set_config('intervalstyle', 'iso_8601', true), set_config('extra_float_digits', '1', true),
    set_config('bytea_output', 'hex', true)`.execute(tx.db)
}

/** From here on this institution's rows are seen, or written. */
export async function asInstitution(tx: Global, institutionId: number | null): Promise<void> {
  await sql`select set_config('app.institution_id', ${institutionId === null ? '' : String(institutionId)}, true)`.execute(
    tx.db,
  )
}

const FETCH = 1000

/** The rows of a table that are seen now: each a JSON array of texts and nulls, in the order of the columns. */
export async function* readTable(tx: Global, table: TransferTable): AsyncGenerator<string[]> {
  const texts = table.columns.map(({ name }) => sql`${sql.ref(name)}::text`)
  await sql`declare moving no scroll cursor for
    select array_to_json(array[${sql.join(texts)}]::text[])::text as line from ${sql.table(table.name)}`.execute(
    tx.db,
  )
  for (;;) {
    const { rows } = await sql<{ line: string }>`fetch ${sql.lit(FETCH)} from moving`.execute(tx.db)
    if (rows.length > 0) yield rows.map(({ line }) => line)
    if (rows.length < FETCH) break
  }
  await sql`close moving`.execute(tx.db)
}

/** Writes rows as `readTable` told them. */
export async function writeRows(tx: Global, table: TransferTable, lines: string[]): Promise<void> {
  const { log, columns } = table
  if (log)
    await keepPartitions(
      tx,
      log,
      columns.findIndex(({ name }) => name === log.column),
      lines,
    )
  const values = columns.map(({ type }, at) => sql`(r.j ->> ${sql.lit(at)}::int)::${sql.raw(type)}`)
  const names = columns.map(({ name }) => sql.ref(name))
  const from = sql`from jsonb_array_elements(${`[${lines.join(',')}]`}::jsonb) as r(j)`
  if (table.name === 'installation') return await replaceInstallation(tx, names, values, from)
  await sql`insert into ${sql.table(table.name)} (${sql.join(names)}) overriding system value
    select ${sql.join(values)} ${from}`.execute(tx.db)
}

async function replaceInstallation(
  tx: Global,
  names: RawBuilder<unknown>[],
  values: RawBuilder<unknown>[],
  from: RawBuilder<unknown>,
): Promise<void> {
  await sql`update installation set (${sql.join(names)}) = (select ${sql.join(values)} ${from})`.execute(
    tx.db,
  )
}

async function keepPartitions(
  tx: Global,
  { ids, size }: { ids: string; size: number },
  column: number,
  lines: string[],
): Promise<void> {
  const ranges = new Set(lines.map((line) => Math.floor(Number(JSON.parse(line)[column]) / size)))
  for (const range of ranges) await sql`select keep_partition(${ids}, ${range * size}::bigint)`.execute(tx.db)
}

/** Names of tables of the installation that hold something already. Tenant tables are empty where there is no institution. */
export async function listFilled(tx: Global, tables: TransferTable[]): Promise<string[]> {
  const filled: string[] = []
  for (const { name, isTenant } of tables) {
    if (isTenant) continue
    const { rows } = SEEDED.includes(name)
      ? await sql`select from installation where id is not null`.execute(tx.db)
      : await sql`select from ${sql.table(name)} limit 1`.execute(tx.db)
    if (rows.length > 0) filled.push(name)
  }
  return filled
}

/** Takes away the units that a new database begins with: those of the other one come in their place. */
export async function clearUnits(tx: WorkTransaction): Promise<void> {
  await sql`delete from work`.execute(tx.db)
}

/** Numbers of the migrations that were applied. */
export async function listMigrations(tx: Global): Promise<number[]> {
  const { rows } = await sql<{
    number: number
  }>`select number from schema_migrations order by number`.execute(tx.db)
  return rows.map(({ number }) => number)
}
