/** The connector for the simulated practice: it speaks to it over HTTP, as to any other record system. */
import { randomUUID } from 'node:crypto'
import { Compile } from 'typebox/compile'
import type { Capabilities, ConnectorContext, ConnectorFactory, RecordSystem } from '../connector.ts'
import { SandboxConfiguration } from './configuration.ts'
import { openClient } from './practice-client.ts'
import { PracticeReader } from './read-practice.ts'
import { changeIn, insertInto } from './write-practice.ts'

/** The practice refuses a second copy itself, and checks a time under the lock that takes it. */
const CAPABILITIES: Capabilities = {
  writes: {
    insert: true,
    block: true,
    new_patient: true,
    descriptors: true,
    confirm: true,
    cancel: true,
    check_in: true,
    reschedule: true,
    note: true,
  },
  reads: { blocks: true, workingHours: true, descriptors: true, procedures: true, deletions: 'told' },
  effect: 'once',
  maxInFlightMs: 90_000,
  conflictCheck: 'atomic',
  limits: { grainMinutes: 5, noteLength: 500, characters: 'unicode' },
}

const isConfiguration = Compile(SandboxConfiguration)

/** @throws Error naming the key of the configuration that is wrong */
function readConfiguration(configuration: unknown): SandboxConfiguration {
  if (isConfiguration.Check(configuration)) return configuration
  const [first] = isConfiguration.Errors(configuration)
  throw new Error(`configuration${first?.instancePath ?? ''} ${first?.message ?? 'is wrong'}`)
}

function openPractice(configuration: SandboxConfiguration, context: ConnectorContext): RecordSystem {
  const client = openClient(configuration)
  const reader = new PracticeReader(client, context)
  return {
    capabilities: CAPABILITIES,
    probe: () => reader.probe(),
    directory: () => reader.directory(),
    changes: (cursor) => reader.changes(cursor),
    window: (from, to) => reader.window(from, to),
    find: (key) => reader.find(key),
    findPatients: (query) => reader.findPatients(query),
    reserve: () => randomUUID(),
    insert: (request) => insertInto(client, request),
    change: (request) => changeIn(client, request),
    // Idle connections keep no process alive and end by themselves; there is nothing else to let go.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

export const sandboxConnector: ConnectorFactory = {
  name: 'sandbox',
  adapter: 'http',
  system: 'sandbox',
  displayName: 'Simulated practice',
  type: 'onprem',
  configuration: SandboxConfiguration,
  open: async (configuration, context) => openPractice(readConfiguration(configuration), context),
}
