/** A process one version older survives the migrations: whatever its statements name is still there, and asks for no more. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { expect, inject, it } from 'vitest'
import { migrate, readMigrations } from '../../src/db/migrate.ts'
import { atDatabase } from '../support/database-url.ts'

/** The newest migration of the last release. docs/operations/release.md says when it is raised. */
const RELEASED = 12

/** Rules on tables of the last release that are new or other, and why its statements meet them all the same. */
const KEPT_BY_OLDER_PROCESSES: Record<string, string> = {
  'work: work_kind_check': 'one kind more is allowed',
  'overrides: policy resealed': 'they may not update overrides at all',
  'overrides: policy destroyed': 'they may not delete overrides at all',
}

const folder = fileURLToPath(new URL('../../migrations', import.meta.url))

/** Tables that are partitions, and what belongs to extensions, are nobody's to name. */
const ours = `c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and c.relname <> 'schema_migrations'`

const COLUMNS = `select c.relname || '.' || a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
    a.attnotnull as required, a.atthasdef or a.attidentity <> '' as filled, c.relname as "table"
  from pg_attribute a join pg_class c on c.oid = a.attrelid where ${ours} and a.attnum > 0 and not a.attisdropped`

const FUNCTIONS = `select p.oid::regprocedure::text as name, pg_get_function_result(p.oid) as definition
  from pg_proc p where p.pronamespace = 'public'::regnamespace
    and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`

const GRANTS = `select 'column ' || table_name || '.' || column_name || ' ' || privilege_type || ' ' || grantee as name
    from information_schema.column_privileges where grantee in ('slotbridge_app', 'slotbridge_work')
      and table_name in (select c.relname::text from pg_class c where ${ours})
  union all select 'function ' || p.oid::regprocedure::text || ' ' || r.rolname from pg_proc p
    cross join pg_roles r where r.rolname in ('slotbridge_app', 'slotbridge_work')
      and p.pronamespace = 'public'::regnamespace and has_function_privilege(r.oid, p.oid, 'execute')`

const RULES = `select c.relname || ': ' || n.conname as name, pg_get_constraintdef(n.oid) as definition, c.relname as "table", false as widens
    from pg_constraint n join pg_class c on c.oid = n.conrelid where ${ours} and n.contype <> 'n'
  union all select c.relname || ': ' || i.relname, pg_get_indexdef(i.oid), c.relname, false
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
    where ${ours} and x.indisunique
  union all select c.relname || ': trigger ' || t.tgname, pg_get_triggerdef(t.oid), c.relname, false
    from pg_trigger t join pg_class c on c.oid = t.tgrelid where ${ours} and not t.tgisinternal
  union all select c.relname || ': policy ' || p.polname, concat_ws(' ', p.polcmd, p.polpermissive,
      pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)), c.relname, p.polpermissive
    from pg_policy p join pg_class c on c.oid = p.polrelid where ${ours}`

interface Thing {
  name: string
  table: string
  definition: string
  /** One that is new takes nothing from anybody. */
  widens: boolean
  type: string
  required: boolean
  filled: boolean
}

async function readSchema(url: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const read = async (text: string): Promise<Map<string, Thing>> =>
      new Map((await client.query<Thing>(text)).rows.map((row) => [row.name, row]))
    return {
      columns: await read(COLUMNS),
      functions: await read(FUNCTIONS),
      grants: await read(GRANTS),
      rules: await read(RULES),
    }
  } finally {
    await client.end()
  }
}

type Schema = Awaited<ReturnType<typeof readSchema>>

/** What of `after` the statements made for `before` would stumble over. */
function stumblingBlocks(before: Schema, after: Schema): string[] {
  const blocks: string[] = []
  const tables = new Set([...before.columns.values()].map(({ table }) => table))
  for (const [name, { type, required }] of before.columns) {
    const now = after.columns.get(name)
    if (!now) blocks.push(`column ${name} is gone`)
    else if (now.type !== type) blocks.push(`column ${name} was ${type}, and is ${now.type}`)
    else if (now.required && !required) blocks.push(`column ${name} must be filled now`)
  }
  for (const [name, { table, required, filled }] of after.columns)
    if (!before.columns.has(name) && tables.has(table) && required && !filled)
      blocks.push(`column ${name} is new, and must be filled`)
  for (const [name, { definition }] of before.functions)
    if (after.functions.get(name)?.definition !== definition) blocks.push(`function ${name} is gone or other`)
  for (const name of before.grants.keys())
    if (!after.grants.has(name)) blocks.push(`no more granted: ${name}`)
  for (const [name, { table, definition, widens }] of after.rules) {
    const was = before.rules.get(name)
    if (tables.has(table) && was?.definition !== definition && (was || !widens))
      blocks.push(`${name} is a new rule: ${definition}`)
  }
  return blocks
}

/** The schema after the migrations up to a number, on a database that goes with it; `more` is run on it. */
async function schemaAfter(newest: number, more = ''): Promise<Schema> {
  const serverUrl = inject('serverUrl')
  const name = `migrated_${process.pid}`
  const chosen = mkdtempSync(join(tmpdir(), 'slotbridge-migrations-'))
  const onServer = async (text: string, url = serverUrl) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(text).finally(() => client.end())
  }
  try {
    for (const migration of readMigrations(folder))
      if (migration.number <= newest) cpSync(join(folder, migration.name), join(chosen, migration.name))
    await onServer(`create database ${name}`)
    const url = atDatabase(serverUrl, { database: name })
    await migrate(url, 'slotbridge', chosen)
    if (more) await onServer(more, url)
    return await readSchema(url)
  } finally {
    await onServer(`drop database if exists ${name} with (force)`)
    rmSync(chosen, { recursive: true, force: true })
  }
}

it('no migration after the last release takes anything from a process of it, or asks it for more', async () => {
  const released = await schemaAfter(RELEASED)
  const now = await readSchema(atDatabase(inject('serverUrl'), { database: inject('template') }))
  const blocks = stumblingBlocks(released, now)
  const unknown = blocks.filter((block) => !KEPT_BY_OLDER_PROCESSES[block.split(' is a new rule: ')[0] ?? ''])
  expect(unknown).toEqual([])

  const hostile = await schemaAfter(
    RELEASED,
    `alter table patients drop column chart_id;
    alter table locations alter column name type varchar(500);
    alter table providers alter column npi set not null;
    alter table operatories add column floor int not null;
    alter table operatories add column lift int not null default 0;
    alter table appointments add constraint short_notes check (length(note) < 10);
    revoke update on patients from slotbridge_app;
    drop function app_now() cascade;`,
  ).then((after) => stumblingBlocks(released, after))
  for (const block of [
    'column patients.chart_id is gone',
    'column locations.name was text, and is character varying(500)',
    'column providers.npi must be filled now',
    'column operatories.floor is new, and must be filled',
    'appointments: short_notes is a new rule: CHECK ((length(note) < 10))',
    'no more granted: column patients.first_name UPDATE slotbridge_app',
    'function app_now() is gone or other',
  ])
    expect(hostile).toContain(block)
  expect(hostile.filter((block) => block.includes('lift'))).toEqual([])
})
