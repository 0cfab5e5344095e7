/** A backup of a test's database, taken and restored as an administrator does: everybody is thrown out meanwhile. */
import pg from 'pg'
import { inject } from 'vitest'
import type { TestDatabase } from './database.ts'

export interface Backup extends AsyncDisposable {
  restore(): Promise<void>
}

/** Copies the database as it is now. */
export async function takeBackup(t: TestDatabase): Promise<Backup> {
  const name = new URL(t.directUrl).pathname.slice(1)
  const copy = `${name}_backup`
  await alone(name, (client) => client.query(`create database ${copy} template ${name}`))
  return {
    restore: () =>
      alone(name, async (client) => {
        await client.query(`drop database ${name} with (force)`)
        await client.query(`create database ${name} template ${copy}`)
      }),
    [Symbol.asyncDispose]: () => alone(copy, (client) => client.query(`drop database ${copy} with (force)`)),
  }
}

/** Runs with nobody connected to the database; a connection that comes back in between is thrown out again. */
async function alone(name: string, run: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: inject('serverUrl') })
  await client.connect()
  try {
    for (let tries = 0; ; tries++) {
      await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
      try {
        await run(client)
        return
      } catch (error) {
        const inUse = error instanceof pg.DatabaseError && error.code === '55006'
        if (!inUse || tries > 50) throw error
      }
    }
  } finally {
    await client.end()
  }
}
