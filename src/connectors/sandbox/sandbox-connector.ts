/** The connector for the simulated practice: it speaks to it over HTTP, as to any other record system. */
import { randomUUID } from 'node:crypto'
import { Compile } from 'typebox/compile'
import type { ConnectorContext, ConnectorFactory, RecordSystem } from '../connector.ts'
import { SandboxConfiguration } from './configuration.ts'
import { openClient } from './practice-client.ts'
import { PracticeManner } from './practice-manner.ts'
import { readHistory } from './read-history.ts'
import { PracticeReader } from './read-practice.ts'
import { changeIn, insertInto } from './write-practice.ts'

const isConfiguration = Compile(SandboxConfiguration)

/** @throws Error naming the key of the configuration that is wrong */
function readConfiguration(configuration: unknown): SandboxConfiguration {
  if (isConfiguration.Check(configuration)) return configuration
  const [first] = isConfiguration.Errors(configuration)
  throw new Error(`configuration${first?.instancePath ?? ''} ${first?.message ?? 'is wrong'}`)
}

async function openPractice(
  configuration: SandboxConfiguration,
  context: ConnectorContext,
): Promise<RecordSystem> {
  const client = openClient(configuration, context)
  const manner = new PracticeManner(client)
  const reader = new PracticeReader(client, context, manner)
  /** What is certain after a call depends on the manner, which must be known before it. */
  const knowing = async <T>(call: () => Promise<T>): Promise<T> => {
    await manner.learn()
    return await call()
  }
  await manner.learn()
  return {
    get capabilities() {
      return manner.capabilities
    },
    probe: () => reader.probe(),
    directory: () => reader.directory(),
    changes: (cursor) => reader.changes(cursor),
    window: (from, to) => reader.window(from, to),
    find: (key) => knowing(() => reader.find(key)),
    copies: (marker) => reader.copies(marker),
    history: (foreignId) => readHistory(client, foreignId),
    findPatients: (query) => reader.findPatients(query),
    findAlike: (query) => reader.findAlike(query),
    reserve: (seed) => seed ?? randomUUID(),
    insert: (request) => knowing(() => insertInto(client, request)),
    change: (request) => knowing(() => changeIn(client, request)),
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
