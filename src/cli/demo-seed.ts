/** What the demo needs in the database: an institution on the simulated practice, and a key that may do everything. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectors } from '../connectors/registry.ts'
import { type Database, inGlobal, inTenant, type Tenant } from '../db/database.ts'
import { SCOPES } from '../model/wire-scopes.ts'
import { SANDBOX_KEY } from '../sandbox/key.ts'
import { admit } from '../store/access.ts'
import { createAccount, createKey, hashOf, listAccounts } from '../store/accounts.ts'
import { createAppointmentType, listAppointmentTypes } from '../store/appointment-types.ts'
import { addDataSource, listDataSources, updateDataSource } from '../store/data-sources.ts'
import { createInstitution, listInstitutions } from '../store/institutions.ts'
import { createLocation, listLocations } from '../store/locations.ts'

export const DEMO_SUBDOMAIN = 'demo'
/** Fast enough to watch; a practice of one's own wants 30. */
const POLL_SECONDS = 2
const TYPE = { name: 'Check-up', minutes: 30, bookable_online: true, location_id: null }
/** Where the simulated practice is. */
export const DEMO_ZONE = 'America/New_York'
const KEY_FILE = 'demo.key'

export interface SeededDemo {
  institutionId: number
  sourceId: number
  locationId: number
  appointmentTypeId: number
  apiKey: string
}

/** Makes what is missing and points the data source at the practice's present address. Safe to repeat. */
export async function seedDemo(database: Database, dataDir: string, sandboxUrl: string): Promise<SeededDemo> {
  const institutionId = await keepInstitution(database)
  const rows = await inTenant(database, institutionId, async (tx) => {
    const sourceId = await keepSource(tx, sandboxUrl)
    return { sourceId, locationId: await keepLocation(tx, sourceId), appointmentTypeId: await keepType(tx) }
  })
  return { institutionId, ...rows, apiKey: await keepKey(database, dataDir) }
}

async function keepInstitution(database: Database): Promise<number> {
  const [found] = await inGlobal(database, (tx) =>
    listInstitutions(
      tx,
      { accountId: null, institutionIds: null, subdomain: DEMO_SUBDOMAIN },
      { limit: 1, offset: 0 },
    ),
  )
  if (!found) {
    const accountId = await inGlobal(database, keepAccount)
    return await createInstitution(database, { accountId, subdomain: DEMO_SUBDOMAIN, name: 'Demo Dental' })
  }
  return found.id
}

async function keepAccount(tx: Parameters<typeof createAccount>[0]): Promise<number> {
  const found = (await listAccounts(tx)).find(({ name }) => name === DEMO_SUBDOMAIN)
  return found?.id ?? (await createAccount(tx, DEMO_SUBDOMAIN))
}

async function keepSource(tx: Tenant, url: string): Promise<number> {
  const configuration = { url, key: SANDBOX_KEY }
  const factory = connectors.sandbox
  if (!factory) throw new Error('there is no connector sandbox')
  const found = (await listDataSources(tx)).find(({ connector }) => connector === factory.name)
  if (found) {
    await updateDataSource(tx, found.id, { configuration, pollSeconds: POLL_SECONDS })
    return found.id
  }
  return await addDataSource(tx, {
    name: factory.displayName,
    connector: factory.name,
    foreignIdPrefix: `${factory.adapter}-${factory.system}`,
    configuration,
    pollSeconds: POLL_SECONDS,
  })
}

async function keepLocation(tx: Tenant, sourceId: number): Promise<number> {
  const [found] = await listLocations(tx, { dataSourceId: sourceId })
  if (found) return found.id
  return await createLocation(tx, { name: 'Main Street', tz: DEMO_ZONE, data_source_id: sourceId })
}

async function keepType(tx: Tenant): Promise<number> {
  const found = (await listAppointmentTypes(tx, {})).find(({ name }) => name === TYPE.name)
  return found?.id ?? (await createAppointmentType(tx, TYPE, []))
}

/** The key of the last start where it still opens everything, so that copied lines go on working; else a new one. */
async function keepKey(database: Database, dataDir: string): Promise<string> {
  const file = join(dataDir, KEY_FILE)
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  return await inGlobal(database, async (tx) => {
    const caller = kept ? await admit(tx, { hash: hashOf(kept) }, { subdomain: DEMO_SUBDOMAIN }) : null
    if (caller?.institution && SCOPES.every((scope) => caller.scopes.includes(scope))) return kept
    const accountId = await keepAccount(tx)
    const { key } = await createKey(tx, { accountId, name: 'demo', scopes: SCOPES, institutionIds: null })
    writeFileSync(file, `${key}\n`, { mode: 0o600 })
    return key
  })
}
