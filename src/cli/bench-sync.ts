/** `bench sync`: the first load of a record system against merely reading the same pages, and what an idle poll costs. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config.ts'
import type { ConnectorFactory } from '../connectors/connector.ts'
import { connectors } from '../connectors/registry.ts'
import { inGlobal, inTenant } from '../db/database.ts'
import { findEmbedded } from '../db/embedded.ts'
import { asideFolder } from '../db/embedded-place.ts'
import { openInstallation } from '../installation.ts'
import { Failure } from '../model/failures.ts'
import { createAccount } from '../store/accounts.ts'
import { addDataSource, type DataSource, findDataSource } from '../store/data-sources.ts'
import { createInstitution } from '../store/institutions.ts'
import { createLocation } from '../store/locations.ts'
import { fetchOnly } from './bench-fetch.ts'
import { measureMerge } from './bench-merge.ts'
import type { Command, Input } from './command.ts'
import { asJson, showMade } from './output.ts'
import { type OwnProcess, startOwn } from './own-process.ts'
import { checkConfiguration, configurationOptions, readConfiguration } from './source-configuration.ts'
import { table } from './terminal.ts'

/** Between two looks at how far the load is, and how much memory the worker has. */
const LOOK_MS = 200
const LOAD_MAX_MS = 3_600_000
const POLL_SECONDS = 2
const IDLE_POLLS = 5
const MEGABYTE = 1024 * 1024
const MERGE_ROWS = 50_000
const MERGE_ROWS_MAX = 1_000_000
const MERGE_RUNS = 5

export const benchSync: Command = {
  name: 'bench sync',
  about: 'Measure the first load of a record system, in a database of its own that is removed again',
  positionals: ['[connector | merge]'],
  options: {
    tz: { type: 'string', value: '<zone>', about: 'Time zone of its location (default America/New_York)' },
    rows: { type: 'string', value: '<n>', about: `Appointments of \`merge\` (default ${MERGE_ROWS})` },
    runs: { type: 'string', value: '<n>', about: `Runs of \`merge\` (default ${MERGE_RUNS})` },
    ...configurationOptions,
    ...asJson,
  },
  details: [
    'First fetches what the connector (default fhir) fetches with nothing behind, then loads it with a worker of its own.',
    'With `merge`, no record system is read: made-up appointments in memory are merged as changes, each with its event, and',
    'again unchanged; beside COPY of what they became into the same table, emptied; all of it so many times in turn.',
    '',
    '  ./slotbridge bench sync fhir --set base_url=http://127.0.0.1:8080/fhir',
    '  ./slotbridge bench sync open-dental --file practice.json',
    '  ./slotbridge bench sync merge --rows 50000',
  ].join('\n'),
  run,
}

async function run(input: Input): Promise<number> {
  const { config, terminal, values, positionals } = input
  if (positionals[0] === 'merge') return await runMerge(input)
  const factory = connectors[positionals[0] ?? 'fhir']
  if (!factory)
    throw new Failure(
      'invalid_request',
      `There is no connector ${positionals[0]}: ${Object.keys(connectors).join(', ')}.`,
    )
  const given = await readConfiguration(input, factory.configuration)
  const configuration = given ?? checkConfiguration(factory.configuration, {})
  terminal.note('Fetching with nothing behind ...')
  const fetched = await fetchFrom(factory, configuration)
  terminal.note(
    `${fetched.appointments} appointments and ${fetched.patients} patients in ${fetched.pages} pages; loading them ...`,
  )
  const loaded = await loadOnce(config, factory, configuration, values.text('tz') ?? 'America/New_York')
  const records = fetched.appointments + fetched.patients
  const result = {
    appointments: fetched.appointments,
    patients: fetched.patients,
    fetch_per_second: Math.round(records / fetched.seconds),
    load_per_second: Math.round(records / loaded.seconds),
    ratio: Number((fetched.seconds / loaded.seconds).toFixed(2)),
    worker_memory_mb: Math.round(loaded.memory / MEGABYTE),
    idle_poll_ms: loaded.idlePollMs,
    events: 'one for the whole load',
  }
  showMade(input, result, table(['figure', 'value'], Object.entries(result)))
  return 0
}

async function runMerge(input: Input): Promise<number> {
  const count = input.values.whole('rows', 1, MERGE_ROWS_MAX) ?? MERGE_ROWS
  const runs = input.values.whole('runs', 1, 100) ?? MERGE_RUNS
  const result = await measureMerge(input, count, runs)
  const cells = Object.entries(result).flatMap(([name, value]) =>
    typeof value === 'object' ? [[name, value.median, `${value.least}-${value.most}`]] : [],
  )
  const figures = table(['figure', 'median', '(least-most)'], cells)
  showMade(input, result, `${figures}\n\n${count} rows, ${runs} runs; events: ${result.events}.`)
  return 0
}

async function fetchFrom(factory: ConnectorFactory, configuration: unknown) {
  await using system = await factory.open(configuration, { now: () => Date.now() })
  return await fetchOnly(system)
}

interface Loaded {
  /** From the beginning of the first pull to its end. */
  seconds: number
  /** The most that the worker held, in bytes. */
  memory: number
  /** Of a pull that finds nothing new: the middle one of some. */
  idlePollMs: number
}

async function loadOnce(
  config: Config,
  factory: ConnectorFactory,
  configuration: unknown,
  tz: string,
): Promise<Loaded> {
  await using stack = new AsyncDisposableStack()
  const parent = mkdtempSync(join(tmpdir(), 'slotbridge-bench-'))
  const dataDir = join(parent, 'data')
  stack.defer(() => {
    if (existsSync(dataDir)) rmSync(asideFolder(dataDir), { recursive: true, force: true })
    rmSync(parent, { recursive: true, force: true })
  })
  const own: Config = { ...config, dataDir, databaseUrl: null, databaseDirectUrl: null, masterKey: null }
  const ids = await setUp(own, factory, configuration, tz)
  const worker = stack.use(startOwn(['serve', '--role', 'worker', '--data-dir', dataDir]))
  const look = await openLook(own, ids, worker, stack)
  const first = await look((source) => source.loaded_at !== null, LOAD_MAX_MS)
  const idle: number[] = []
  for (let n = 0, last = first; n < IDLE_POLLS; n++) {
    const before = last.pull_completed_at
    last = await look((source) => source.pull_completed_at !== before, LOAD_MAX_MS)
    idle.push(millisecondsOf(last))
  }
  idle.sort((a, b) => a - b)
  return {
    seconds: millisecondsOf(first) / 1000,
    memory: look.memory(),
    idlePollMs: idle[Math.floor(IDLE_POLLS / 2)] ?? 0,
  }
}

interface Ids {
  institutionId: number
  sourceId: number
}

const quiet = { info: () => undefined, warn: () => undefined }

async function setUp(
  config: Config,
  factory: ConnectorFactory,
  configuration: unknown,
  tz: string,
): Promise<Ids> {
  await using installation = await openInstallation({ config, log: quiet })
  const { database } = installation
  const accountId = await inGlobal(database, (tx) => createAccount(tx, 'bench'))
  const institutionId = await createInstitution(database, { accountId, subdomain: 'bench', name: 'Bench' })
  return await inTenant(database, institutionId, async (tx) => {
    const sourceId = await addDataSource(tx, {
      name: factory.displayName,
      connector: factory.name,
      foreignIdPrefix: `${factory.adapter}-${factory.system}`,
      configuration,
      pollSeconds: POLL_SECONDS,
    })
    await createLocation(tx, { name: 'Bench', tz, data_source_id: sourceId })
    return { institutionId, sourceId }
  })
}

interface Look {
  /** Waits until the data source is so. */
  (isSo: (source: DataSource) => boolean, patienceMs: number): Promise<DataSource>
  /** The most memory seen so far. */
  memory(): number
}

/** Beside the worker, once its database answers. */
async function openLook(
  config: Config,
  ids: Ids,
  worker: OwnProcess,
  stack: AsyncDisposableStack,
): Promise<Look> {
  let memory = 0
  const installation = await openBeside(config, worker)
  stack.use(installation)
  const look = async (isSo: (source: DataSource) => boolean, patienceMs: number): Promise<DataSource> => {
    for (let waited = 0; waited < patienceMs; waited += LOOK_MS) {
      worker.mustRun()
      memory = Math.max(memory, worker.memory())
      const source = await inTenant(installation.database, ids.institutionId, (tx) =>
        findDataSource(tx, ids.sourceId),
      )
      if (source && isSo(source)) return source
      await sleep(LOOK_MS)
    }
    throw new Error('The load did not come to its end in time.')
  }
  return Object.assign(look, { memory: () => memory })
}

/** Not before the worker's own database is up: we would take the data directory from it. */
async function openBeside(config: Config, worker: OwnProcess) {
  while (findEmbedded(config.dataDir) === null) {
    worker.mustRun()
    await sleep(LOOK_MS)
  }
  return await openInstallation({ config, log: quiet, beside: true })
}

function millisecondsOf({ pull_started_at: from, pull_completed_at: to }: DataSource): number {
  return Date.parse(to ?? '') - Date.parse(from ?? '')
}
