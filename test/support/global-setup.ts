/** One PostgreSQL for the whole run, with a migrated database in it that each test's own is copied from. */
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startTestServer, type TestServer } from './server.ts'
import { makeTemplate } from './template.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** A superuser's URL of the run's PostgreSQL. */
    serverUrl: string
    /** The migrated database to copy; its name begins every name of this run. */
    template: string
  }
}

/** Programs are started some hundred times: where they find themselves compiled, each takes half the processor time. */
const COMPILED = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'slotbridge-tests')

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Inherited by everything that the run starts.
  process.env.NODE_COMPILE_CACHE ??= COMPILED
  const server = await startServer()
  const template = await makeTemplate(server.url)
  project.provide('serverUrl', server.url)
  project.provide('template', template)
  return async () => {
    await inServer(server.url, (client) => dropAll(client, template))
    await server.stop()
  }
}

/** `TEST_DATABASE_URL`: a superuser's, to run on a PostgreSQL that is there already. */
async function startServer(): Promise<Omit<TestServer, 'restart'>> {
  const url = process.env.TEST_DATABASE_URL
  return url ? { url, stop: async () => undefined } : await startTestServer()
}

async function inServer(url: string, run: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await run(client)
  } finally {
    await client.end()
  }
}

/** The template and every copy that a killed test left behind. */
async function dropAll(client: pg.Client, template: string): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(
    'select datname from pg_database where starts_with(datname, $1)',
    [template],
  )
  for (const { datname } of rows) await client.query(`drop database ${datname} with (force)`)
}
