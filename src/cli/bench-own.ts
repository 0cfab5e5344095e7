/** A database of a bench's own: embedded, in a temporary folder, and removed again. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { asideFolder } from '../db/embedded-place.ts'
import { type Installation, openInstallation } from '../installation.ts'
import type { Input } from './command.ts'

/** A data directory that goes with `stack`, with whatever ran on it. */
export function ownFolder(stack: AsyncDisposableStack): string {
  const parent = mkdtempSync(join(tmpdir(), 'slotbridge-bench-'))
  const dataDir = join(parent, 'data')
  stack.defer(() => {
    if (existsSync(dataDir)) rmSync(asideFolder(dataDir), { recursive: true, force: true })
    rmSync(parent, { recursive: true, force: true })
  })
  return dataDir
}

/** An installation in this process, for as long as `stack` lasts. */
export async function openOwn(
  stack: AsyncDisposableStack,
  { config, terminal }: Pick<Input, 'config' | 'terminal'>,
): Promise<Installation> {
  const dataDir = ownFolder(stack)
  const log = { info: terminal.note, warn: terminal.note }
  const own = { ...config, databaseUrl: null, databaseDirectUrl: null, masterKey: null, dataDir }
  return stack.use(await openInstallation({ config: own, log }))
}

/** What autovacuum and the checkpointer would have done by and by, and would do beside the measuring. */
export async function analyze(installation: Installation): Promise<void> {
  const client = await connectAsOwner(installation)
  await client.query('vacuum analyze')
  await client.query('checkpoint')
  await client.end()
}

/** As a superuser: to look at everything of its own server. */
export async function connectAsOwner({ embedded }: Installation): Promise<pg.Client> {
  if (!embedded) throw new Error('the bench has no server of its own')
  const url = new URL(embedded.url)
  url.pathname = '/slotbridge'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  return client
}

/** The environment of a process of ours that works on the same database. */
export function environmentOf({ listenUrl, database }: Installation): Record<string, string> {
  return {
    DATABASE_URL: listenUrl,
    SLOTBRIDGE_MASTER_KEY: database.masterKey.toString('base64'),
    SLOTBRIDGE_LOG_LEVEL: 'error',
  }
}
