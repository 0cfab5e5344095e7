/** The connector for a FHIR R4 server: reads by search and history, writes by versioned updates. docs/connectors/fhir.md */
import { randomUUID } from 'node:crypto'
import type { ForeignId } from '../../model/records.ts'
import type { ConnectorContext, ConnectorFactory, RecordSystem } from '../connector.ts'
import { readReply } from './answers.ts'
import { makeAuthorizer } from './authenticate.ts'
import { capabilitiesOf, readFeatures } from './capability.ts'
import { change } from './change.ts'
import { type Feeding, readChanges } from './changes.ts'
import { FhirConfiguration, isFhirConfiguration, readSettings, type Settings } from './configuration.ts'
import { readDirectory } from './directory.ts'
import { findAlike, findAppointment, findCopies, findPatients } from './find.ts'
import { readFreeHours } from './free-hours.ts'
import { readHistory } from './history.ts'
import { FhirHttp } from './http.ts'
import { insert } from './insert.ts'
import { readOperations } from './operations.ts'
import { Places } from './places.ts'
import { probe } from './probe.ts'
import { publishedKeys } from './published-keys.ts'
import { PageReader } from './read-page.ts'
import { readWindow } from './window.ts'

export const fhirConnector: ConnectorFactory = {
  name: 'fhir',
  adapter: 'fhir',
  system: 'r4',
  displayName: 'FHIR R4',
  type: 'cloud',
  configuration: FhirConfiguration,
  publishedKeys: (configuration) => (isFhirConfiguration(configuration) ? publishedKeys(configuration) : []),
  open: (configuration, context) => openServer(readSettings(configuration), context),
}

/** @throws Unavailable where /metadata cannot be read; Error where it is no FHIR R4 server */
async function openServer(settings: Settings, context: ConnectorContext): Promise<RecordSystem> {
  const { baseUrl, timeoutMs } = settings
  const authorizer = makeAuthorizer(settings.auth, { baseUrl, timeoutMs, now: context.now })
  const http = new FhirHttp(baseUrl, timeoutMs, authorizer, context.paced)
  const { body } = await readReply(http, { method: 'GET', path: 'metadata' })
  const operations = await readOperations(http, body, settings)
  const features = readFeatures(body, settings, operations)
  const places = new Places(http, settings, features)
  const reader = new PageReader(http, settings, places)
  const feeding: Feeding = { http, settings, features, reader, places, context, schedules: null }
  let onlySite: ForeignId | null = null
  return {
    get capabilities() {
      return capabilitiesOf(features, feeding.schedules === 'some')
    },
    probe: () => probe(feeding),
    directory: async function* (zoneOf) {
      places.forgetMissing()
      reader.forgetSchedules()
      const sites: ForeignId[] = []
      for await (const record of readDirectory(http, settings, places)) {
        if (record.kind === 'location') sites.push(record.record.foreignId)
        yield record
      }
      yield* readFreeHours(feeding, zoneOf)
      onlySite = sites.length === 1 ? (sites[0] ?? null) : null
    },
    changes: (cursor) => readChanges(feeding, cursor),
    window: (from, to) => readWindow(feeding, from, to),
    find: (key) => findAppointment(feeding, key),
    copies: (marker) => findCopies(feeding, marker),
    ...(features.namesRequests && features.can('Appointment', 'history-instance')
      ? { history: (foreignId: ForeignId) => readHistory(feeding, foreignId) }
      : {}),
    findPatients: (query) => findPatients(feeding, query),
    findAlike: (query) => findAlike(feeding, query),
    reserve: (seed) => seed ?? randomUUID(),
    insert: (request) => insert(feeding, request, onlySite),
    change: (request) => change(feeding, request),
    // Idle connections keep no process alive and end by themselves; there is nothing else to let go.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
