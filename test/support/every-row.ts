/** What an import must bring over: the rows of every table that is moved, but for what a restore changes and tells of itself. */
import { STAYS } from '../../src/store/transfer.ts'
import type { TestDatabase } from './database.ts'

/** What a restore changes: who works on what, what is read again, and what is owed. */
const CHANGED: Record<string, string[]> = {
  work: ['id', 'fence', 'run_at', 'leased_until', 'holder', 'crashes', 'failures'],
  installation: ['epoch'],
  data_sources: ['read_again', 'directory_read_at', 'window_read_at', 'closed_until', 'next_call_at'],
}
const OWED = "'state', 'message', 'next_attempt_at', 'last_attempt_at', 'code'"
const IMPORTS = "select id from audit where route = 'data import'"
const OF_IMPORTS: Record<string, string> = { audit: 'id', audit_unsealed: 'audit_id' }

/** Each row as JSON, by table. */
export async function everyRow({ look }: Pick<TestDatabase, 'look'>): Promise<Record<string, unknown[]>> {
  const tables = await look(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and not relispartition and relname <> all($1)`,
    [Object.keys(STAYS)],
  )
  const all: Record<string, unknown[]> = {}
  for (const { name } of tables) {
    const owed = name === 'writes' ? `- case when ended_at is null then array[${OWED}] else '{}' end` : ''
    const others = OF_IMPORTS[name] === undefined ? '' : `where ${OF_IMPORTS[name]} not in (${IMPORTS})`
    const rows = await look(
      `select (to_jsonb(x) - $1::text[] ${owed})::text as row from ${name} x ${others}`,
      [CHANGED[name] ?? []],
    )
    // In one order, whatever the server sorts by.
    all[name] = rows.map(({ row }) => row as string).sort()
  }
  return all
}
