/**
 * `npm run generate`: makes the files that are made from others, the types of the tables from the migrated schema and
 * the OpenAPI document from the routes. With `--check` it changes nothing and fails where a file is not what it would make.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { migrate } from '../../src/db/migrate.ts'
import { openApiDocument } from '../../src/http/openapi.ts'
import { atDatabase } from './database-url.ts'
import { startTestServer } from './server.ts'

const DATABASE = 'generate'
const root = join(import.meta.dirname, '..', '..')

/** Types of the tables, as `src/db/pool.ts` reads their columns. */
async function makeTables(): Promise<string> {
  const server = await startTestServer()
  const folder = mkdtempSync(join(tmpdir(), 'slotbridge-generate-'))
  try {
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    await client.query(`create database ${DATABASE}`)
    await client.end()
    const url = atDatabase(server.url, { database: DATABASE })
    await migrate(url, 'slotbridge', join(root, 'migrations'))
    const file = join(folder, 'tables.ts')
    const types = JSON.stringify({ timestamptz: 'string', date: 'string', int8: 'number', numeric: 'string' })
    const args = ['--dialect', 'postgres', '--url', url, '--out-file', file, '--type-mapping', types]
    execFileSync(join(root, 'node_modules/.bin/kysely-codegen'), [...args, '--exclude-pattern', '*_0'], {
      stdio: 'ignore',
    })
    return readFileSync(file, 'utf8')
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await server.stop()
  }
}

const made: Record<string, string> = {
  'src/db/tables.ts': await makeTables(),
  'docs/openapi.json': `${JSON.stringify(openApiDocument(), null, 2)}\n`,
}

const isCheck = process.argv.includes('--check')
for (const [name, text] of Object.entries(made)) {
  const file = join(root, name)
  if (!isCheck) writeFileSync(file, text)
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`${name} is not what npm run generate makes: run it, and look at what changed\n`)
    process.exitCode = 1
  }
}
