/** A migrated database for the tests' own to be copied from. */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { migrate } from '../../src/db/migrate.ts'
import { atDatabase } from './database-url.ts'

/** Makes it on a server; its name begins the name of every copy. */
export async function makeTemplate(serverUrl: string): Promise<string> {
  const template = `test_${randomBytes(4).toString('hex')}`
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await client.query(`create database ${template}`)
  } finally {
    await client.end()
  }
  await migrate(
    atDatabase(serverUrl, { database: template }),
    'slotbridge',
    fileURLToPath(new URL('../../migrations', import.meta.url)),
  )
  return template
}
