/** A whole bridge for a test: a database, a simulated practice over a real socket, and the work loop between them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectors } from '../../src/connectors/registry.ts'
import { inGlobal, inTenant, type Tenant } from '../../src/db/database.ts'
import type { ShownAppointment } from '../../src/model/appointment.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/start-sandbox.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { findAppointment } from '../../src/store/appointments.ts'
import { addDataSource, findDataSource, now, wakeUnit } from '../../src/store/data-sources.ts'
import { listEvents, type StoredEvent } from '../../src/store/events.ts'
import { createInstitution } from '../../src/store/institutions.ts'
import { createLocation } from '../../src/store/locations.ts'
import { pullHandler } from '../../src/sync/pull.ts'
import { pushHandler } from '../../src/sync/push.ts'
import { sequenceHandler } from '../../src/sync/sequence.ts'
import { openSystems } from '../../src/sync/systems.ts'
import { startWork } from '../../src/work/loop.ts'
import { openWake } from '../../src/work/wake.ts'
import { type TestDatabase, testDatabase } from './database.ts'
import { demandEvents } from './every-change-told.ts'

export interface Practice {
  institutionId: number
  sourceId: number
  locationId: number
  apiKeyId: number
  apiKey: string
  subdomain: string
}

/** A database and the work loop, linked to one record system. */
export interface Link extends AsyncDisposable, Practice {
  t: TestDatabase
  /** A tenant transaction. */
  tenant<T>(run: (tx: Tenant) => Promise<T>): Promise<T>
  /** Wakes the work loop of this process, as a route does after its commit. */
  wake(): void
  /** A pull that begins after this call has completed when the promise ends. */
  pulled(): Promise<void>
  appointment(id: number): Promise<ShownAppointment>
  /** Waits until the insertion and every other write of the appointment has ended. */
  settled(id: number): Promise<ShownAppointment>
  /** Positioned events, oldest first, once everything committed so far has its position. */
  events(names?: string[]): Promise<StoredEvent[]>
  startWorker(): void
  stopWorker(): Promise<void>
}

/** A link to a simulated practice of its own. */
export interface Bridge extends Link {
  sandbox: Sandbox
  /** A call of the practice's own interface. */
  practice(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }>
}

/** Makes an account, an institution, a data source and a location. */
export async function setUpPractice(
  t: TestDatabase,
  source: Source,
  subdomain = 'willow-creek',
): Promise<Practice> {
  const { accountId, key } = await inGlobal(t.database, async (tx) => {
    const accountId = await createAccount(tx, `account of ${subdomain}`)
    const scopes = [
      'admin',
      'appointments:read',
      'appointments:write',
      'patients:read',
      'patients:write',
      'webhooks',
    ]
    return {
      accountId,
      key: await createKey(tx, { accountId, name: 'test', scopes, institutionIds: null } as never),
    }
  })
  const institutionId = await createInstitution(t.database, {
    accountId,
    subdomain,
    name: 'Willow Creek Dental',
  })
  const factory = connectors[source.connector]
  if (!factory) throw new Error(`no connector ${source.connector}`)
  return await inTenant(t.database, institutionId, async (tx) => {
    const sourceId = await addDataSource(tx, {
      name: factory.displayName,
      connector: factory.name,
      foreignIdPrefix: `${factory.adapter}-${factory.system}`,
      configuration: source.configuration,
      pollSeconds: source.pollSeconds ?? 1,
    })
    const locationId = await createLocation(tx, {
      name: 'Main Street',
      tz: source.zone ?? 'America/New_York',
      data_source_id: sourceId,
    })
    return { institutionId, sourceId, locationId, apiKeyId: key.id, apiKey: key.key, subdomain }
  })
}

export interface BridgeOptions extends Omit<SandboxOptions, 'file' | 'key'> {
  /** What the data source is told besides address and key. */
  source?: Record<string, unknown>
}

export interface Source {
  connector: string
  configuration: unknown
  pollSeconds?: number
  /** Zone of the location; New York unless given. */
  zone?: string
  /** Runs before anything is read; answers what it changed. */
  prepare?: (t: TestDatabase, practice: Practice) => Promise<Partial<Practice>>
}

/** Sets a practice up on a record system, starts the work loop, and waits for the first load. */
export async function startLink(source: Source): Promise<Link> {
  const stack = new AsyncDisposableStack()
  const t = stack.use(await testDatabase())
  await demandEvents(t)
  const practice = await setUpPractice(t, source)
  if (source.prepare) Object.assign(practice, await source.prepare(t, practice))
  const wake = stack.use(openWake(t.database.pool, null))
  const systems = stack.use(openSystems(connectors, t.clock))
  const errors: unknown[] = []
  const log = { error: (fields: Record<string, unknown>) => void errors.push(fields) }
  const handlers = { pull: pullHandler(systems), push: pushHandler(systems), sequence: sequenceHandler() }
  let work: ReturnType<typeof startWork> | undefined
  const tenant: Link['tenant'] = (run) => inTenant(t.database, practice.institutionId, run)
  const link: Link = {
    ...practice,
    t,
    tenant,
    wake: () => wake.wake(),
    startWorker() {
      work = startWork({
        database: t.database,
        clock: t.clock,
        wake,
        log,
        handlers,
        slots: 8,
        leaseMs: 2_000,
      })
    },
    async stopWorker() {
      await work?.stop(5_000)
      work = undefined
    },
    async pulled() {
      const begun = await tenant(async (tx) => {
        await wakeUnit(tx, 'pull', practice.sourceId)
        return await now(tx)
      })
      wake.wake()
      await until('a pull', errors, async () => {
        const source = await tenant((tx) => findDataSource(tx, practice.sourceId))
        return source?.pull_started_at && source.pull_started_at > begun ? source : null
      })
    },
    async appointment(id) {
      const row = await tenant((tx) => findAppointment(tx, id))
      if (!row) throw new Error(`no appointment ${id}`)
      return row
    },
    async settled(id) {
      wake.wake()
      await until(`the writes of appointment ${id}`, errors, async () => {
        const rows = await t.look(
          'select id, state, code, message from writes where appointment_id = $1 and ended_at is null',
          [id],
        )
        return rows.length === 0 ? true : null
      })
      return await link.appointment(id)
    },
    async events(names) {
      wake.wake()
      await until('positions', errors, async () => {
        const rows = await t.look('select 1 from event_order where position is null limit 1')
        return rows.length === 0 ? true : null
      })
      return await tenant((tx) => listEvents(tx, null, 10_000, { names: names ?? null }))
    },
    [Symbol.asyncDispose]: async () => {
      await link.stopWorker()
      await stack.disposeAsync()
    },
  }
  link.startWorker()
  await until('the first load', errors, async () => {
    const source = await tenant((tx) => findDataSource(tx, practice.sourceId))
    return source?.loaded_at ?? null
  })
  return link
}

/** Starts a simulated practice and a link to it. */
export async function startBridge({ source, ...options }: BridgeOptions = {}): Promise<Bridge> {
  const stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'bridge-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  const sandbox = stack.use(
    await startSandbox({ file: join(folder, 'practice.db'), key: 'test-key', ...options }),
  )
  const configuration = { url: sandbox.url, key: 'test-key', ...source }
  const link = stack.use(await startLink({ connector: 'sandbox', configuration }))
  return {
    ...link,
    sandbox,
    async practice(method, path, body) {
      const answer = await fetch(sandbox.url + path, {
        method,
        headers: { 'x-practice-key': 'test-key', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Waits for something; when it does not come, the loop's errors say why. */
export async function until<T>(what: string, errors: unknown[], look: () => Promise<T | null>): Promise<T> {
  const limit = Date.now() + 60_000
  for (;;) {
    const found = await look()
    if (found !== null) return found
    if (Date.now() > limit) throw new Error(`${what} did not come`, { cause: errors.at(-1) })
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
