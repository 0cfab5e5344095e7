/** What `bench tenants` polls: a simulated practice with nobody in it yet, and a data source of it for each tenant. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Database, inGlobal, inTenant } from '../db/database.ts'
import { SANDBOX_KEY } from '../sandbox/key.ts'
import { createAccount } from '../store/accounts.ts'
import { addDataSource } from '../store/data-sources.ts'
import { createInstitution } from '../store/institutions.ts'
import { createLocation } from '../store/locations.ts'
import { ownFolder } from './bench-own.ts'
import { startSandboxProcess } from './sandbox-process.ts'

/** Made at once. */
const BATCH = 8

/** A practice that opens today: rooms, people who work there and hours, but no visits. Answers its URL. */
export async function startEmptyPractice(stack: AsyncDisposableStack): Promise<string> {
  const dataDir = ownFolder(stack)
  mkdirSync(dataDir, { recursive: true })
  const options = { dataDir, deskSeconds: null, onRestart: () => undefined }
  const seeded = await startSandboxProcess(options)
  await seeded.stop()
  const file = new DatabaseSync(join(dataDir, 'sandbox.db'))
  file.exec('delete from visits; delete from closures; delete from people; delete from journal')
  file.close()
  const practice = await startSandboxProcess(options)
  stack.defer(() => practice.stop())
  return practice.url
}

export interface SeededTenants {
  /** Ids of the data sources that answer. */
  living: number[]
  silent: number[]
}

/** Makes the tenants, each with a location and a data source; every so-many-th one's practice is silent later. */
export async function seedTenants(
  database: Database,
  practiceUrl: string,
  { tenants, silent, pollSeconds }: { tenants: number; silent: number; pollSeconds: number },
): Promise<SeededTenants> {
  const accountId = await inGlobal(database, (tx) => createAccount(tx, 'bench'))
  const seeded: SeededTenants = { living: [], silent: [] }
  const make = async (n: number) => {
    const subdomain = `tenant-${n}`
    const institutionId = await createInstitution(database, { accountId, subdomain, name: subdomain })
    const isSilent = Math.floor((n * silent) / tenants) > Math.floor(((n - 1) * silent) / tenants)
    await inTenant(database, institutionId, async (tx) => {
      const id = await addDataSource(tx, {
        name: 'practice',
        connector: 'sandbox',
        foreignIdPrefix: 'bench',
        configuration: { url: practiceUrl, key: SANDBOX_KEY },
        pollSeconds,
      })
      await createLocation(tx, { name: subdomain, tz: 'America/New_York', data_source_id: id })
      seeded[isSilent ? 'silent' : 'living'].push(id)
    })
  }
  for (let n = 1; n <= tenants; n += BATCH)
    await Promise.all(Array.from({ length: Math.min(BATCH, tenants - n + 1) }, (_, i) => make(n + i)))
  return seeded
}
