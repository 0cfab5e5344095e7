/** `source add|list|test|set|remove`: the record systems of an institution. */

import type { ConnectorFactory } from '../connectors/connector.ts'
import { connectors } from '../connectors/registry.ts'
import { inTenant, inWork, type Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { FOREIGN_ID_TYPE, FOREIGN_ID_TYPE_RULE } from '../model/stored-ids.ts'
import {
  addDataSource,
  type DataSource,
  findDataSource,
  listDataSources,
  updateDataSource,
} from '../store/data-sources.ts'
import { countMirrored, deleteDataSource, deleteUnits } from '../store/remove-data-source.ts'
import type { Command, Option, Values } from './command.ts'
import { findInstitution, ofInstitution, readId, withInstallation, withInstitution } from './open.ts'
import { asJson, showMade, showRows } from './output.ts'
import { checkConfiguration, configurationOptions, readConfiguration } from './source-configuration.ts'

const DAY_SECONDS = 86_400

const pace: Record<string, Option> = {
  'requests-per-second': {
    type: 'string',
    value: '<n|none>',
    about: 'Most requests a second, over all processes (default none: no limit)',
  },
}

/** Null: no limit. Undefined: not said. */
function readPace(values: Values): number | null | undefined {
  const text = values.text('requests-per-second')
  if (text === undefined || text === 'none') return text === undefined ? undefined : null
  const rate = Number(text)
  if (!(rate >= 0.001 && rate <= 1000))
    throw new Failure(
      'invalid_request',
      '--requests-per-second must be a number from 0.001 to 1000, or none.',
    )
  return rate
}

function readType(values: Values): string | undefined {
  const type = values.text('foreign-id-type')
  if (type !== undefined && !FOREIGN_ID_TYPE.test(type))
    throw new Failure('invalid_request', `--foreign-id-type ${FOREIGN_ID_TYPE_RULE}.`)
  return type
}

function findConnector(name: string): ConnectorFactory {
  const factory = connectors[name]
  if (!factory)
    throw new Failure(
      'invalid_request',
      `There is no connector ${name}: ${Object.keys(connectors).join(', ')}.`,
    )
  return factory
}

async function getSource(tx: Tenant, typed: string | undefined): Promise<DataSource> {
  const source = await findDataSource(tx, readId(typed, 'data source'))
  if (!source) throw new Failure('not_found', `There is no data source ${typed}.`)
  return source
}

const add: Command = {
  name: 'source add',
  about: 'Connect a record system to an institution',
  positionals: ['<connector>'],
  options: {
    ...ofInstitution,
    name: { type: 'string', about: "Name (default: the connector's)" },
    'poll-seconds': { type: 'string', value: '<n>', about: 'Pause between two pulls (default 30)' },
    'foreign-id-type': {
      type: 'string',
      value: '<type>',
      about: 'foreign_id_type that clients hold from elsewhere (default: that of the ids kept by import-ids)',
    },
    ...pace,
    ...configurationOptions,
    ...asJson,
  },
  details: `Connectors: ${Object.values(connectors)
    .map(({ name, displayName }) => `${name} (${displayName})`)
    .join(', ')}. docs/connectors tells what each wants.`,
  run: async (input) =>
    await withInstitution(input, async (tx, institution) => {
      const factory = findConnector(input.positionals[0] ?? '')
      const given = await readConfiguration(input, factory.configuration)
      const id = await addDataSource(tx, {
        name: input.values.text('name') ?? factory.displayName,
        connector: factory.name,
        foreignIdPrefix: `${factory.adapter}-${factory.system}`,
        configuration: given ?? checkConfiguration(factory.configuration, {}),
        pollSeconds: input.values.whole('poll-seconds', 1, DAY_SECONDS),
        requestsPerSecond: readPace(input.values),
        foreignIdType: readType(input.values),
      })
      showMade(input, { id, institution_id: institution.id }, `data source ${id} of ${institution.subdomain}`)
      return 0
    }),
}

const list: Command = {
  name: 'source list',
  about: 'List the record systems of an institution and how they are doing',
  options: { ...ofInstitution, ...asJson },
  run: async (input) => {
    const sources = await withInstitution(input, (tx) => listDataSources(tx))
    // The configuration holds secrets: it goes in, and is never shown.
    const rows = sources.map(({ configuration, ...row }) => row)
    showRows(input, rows, {
      id: ({ id }) => id,
      name: ({ name }) => name,
      connector: ({ connector }) => connector,
      'poll s': ({ poll_seconds }) => poll_seconds,
      read: ({ read_status }) => read_status,
      write: ({ write_status, writing_stopped_at }) => (writing_stopped_at ? 'stopped' : write_status),
      'first load': ({ loaded_at }) => loaded_at,
      'last pull': ({ pull_completed_at }) => pull_completed_at,
    })
    return 0
  },
}

const test: Command = {
  name: 'source test',
  about: 'Ask a record system whether it is there and what it allows',
  positionals: ['<id>'],
  options: { ...ofInstitution, ...asJson },
  run: async (input) =>
    await withInstallation(input, async (installation) => {
      const { id } = await findInstitution(installation, input.values.text('institution'))
      const source = await inTenant(installation.database, id, (tx) => getSource(tx, input.positionals[0]))
      await using system = await findConnector(source.connector).open(
        source.configuration,
        installation.clock,
      )
      const { systemName, version, clockSkewMs, missing } = await system.probe()
      const found = {
        system: systemName,
        version,
        clock_skew_ms: clockSkewMs,
        missing,
        capabilities: system.capabilities,
      }
      showMade(input, found, `${systemName} ${version} answers; its clock differs by ${clockSkewMs} ms`)
      if (!input.values.flag('json')) for (const sentence of missing) input.terminal.say(sentence)
      return missing.length > 0 ? 1 : 0
    }),
}

const set: Command = {
  name: 'source set',
  about: 'Change the name, pace or configuration of a data source; it is pulled at once',
  positionals: ['<id>'],
  options: {
    ...ofInstitution,
    name: { type: 'string', about: 'Name' },
    'poll-seconds': { type: 'string', value: '<n>', about: 'Pause between two pulls' },
    ...pace,
    ...configurationOptions,
  },
  run: async (input) =>
    await withInstitution(input, async (tx) => {
      const source = await getSource(tx, input.positionals[0])
      const { configuration: schema } = findConnector(source.connector)
      const present = source.configuration as Record<string, unknown>
      const configuration = await readConfiguration(input, schema, present)
      const name = input.values.text('name')
      const pollSeconds = input.values.whole('poll-seconds', 1, DAY_SECONDS)
      const requestsPerSecond = readPace(input.values)
      if (
        [configuration ?? undefined, name, pollSeconds, requestsPerSecond].every((one) => one === undefined)
      )
        throw new Failure('invalid_request', 'Say what to change: ./slotbridge source set --help lists it.')
      await updateDataSource(tx, source.id, {
        name,
        pollSeconds,
        requestsPerSecond,
        configuration: configuration ?? undefined,
      })
      input.terminal.say(`data source ${source.id} changed`)
      return 0
    }),
}

const remove: Command = {
  name: 'source remove',
  about: 'Take away a data source that nothing was read from yet',
  positionals: ['<id>'],
  options: ofInstitution,
  run: async (input) =>
    await withInstallation(input, async (installation) => {
      const institution = await findInstitution(installation, input.values.text('institution'))
      const { database } = installation
      const id = await inTenant(database, institution.id, async (tx) => {
        const source = await getSource(tx, input.positionals[0])
        const { patients, appointments, providers } = await countMirrored(tx, source.id)
        if (patients + appointments + providers > 0)
          throw new Failure(
            'invalid_request',
            `${patients} patients and ${appointments} appointments were read from data source ${source.id}: to close the practice, set its location inactive.`,
          )
        await deleteDataSource(tx, source.id)
        return source.id
      })
      await inWork(database, (tx) => deleteUnits(tx, institution.id, id))
      input.terminal.say(`data source ${id} removed`)
      return 0
    }),
}

export const sourceCommands: Command[] = [add, list, test, set, remove]
