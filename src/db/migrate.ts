/** Migrations: numbered plain SQL, each in one transaction with its own row, run as `slotbridge_owner`. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { prepareDatabase } from './roles.ts'

export interface Migration {
  number: number
  name: string
  sql: string
}

/** The migrations of a folder in order. Throws where a name or the numbering is off. */
export function readMigrations(folder: string): Migration[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  const numbers = new Set<number>()
  return files.map((file) => {
    const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1])
    if (!(number > 0) || numbers.has(number))
      throw new Error(`migration ${file} has no number of four digits of its own`)
    numbers.add(number)
    return { number, name: file, sql: readFileSync(join(folder, file), 'utf8') }
  })
}

/**
 * Brings the schema up to date. Safe to run from several processes at once: each migration inserts its row first,
 * so that the second runner waits and then sees it done.
 * @param url a direct connection (not through a transaction pooler) that may prepare the database, or for which that was done (`roles.ts`)
 * @param login the role that `DATABASE_URL` logs in as; it is granted the app and work roles
 * @returns the names of the migrations that were applied
 */
export async function migrate(url: string, login: string, folder: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'slotbridge migrate' })
  await client.connect()
  try {
    await client.query("select pg_advisory_lock(hashtext('slotbridge migrate'))")
    await prepareDatabase(client, login)
    await client.query('set role slotbridge_owner')
    await client.query(
      'create table if not exists schema_migrations (number int primary key, name text not null, applied_at timestamptz not null default now())',
    )
    await client.query('grant select on schema_migrations to slotbridge_app')
    const applied: string[] = []
    for (const migration of readMigrations(folder)) {
      if (await applyOnce(client, migration)) applied.push(migration.name)
    }
    await client.query('select keep_partitions()')
    return applied
  } finally {
    await client.end()
  }
}

async function applyOnce(client: pg.Client, migration: Migration): Promise<boolean> {
  await client.query('begin')
  try {
    const inserted = await client.query(
      'insert into schema_migrations (number, name) values ($1, $2) on conflict do nothing',
      [migration.number, migration.name],
    )
    if (inserted.rowCount) await client.query(migration.sql)
    await client.query('commit')
    return Boolean(inserted.rowCount)
  } catch (error) {
    await client.query('rollback')
    throw new Error(`migration ${migration.name}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}
