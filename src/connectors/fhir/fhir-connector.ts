/** The connector for a FHIR R4 server: reads by search and history, writes by versioned updates. docs/connectors/fhir.md */
import { randomUUID } from 'node:crypto'
import type { ForeignId } from '../../model/records.ts'
import type { ConnectorContext, ConnectorFactory, RecordSystem } from '../connector.ts'
import { readReply } from './answers.ts'
import { makeAuthorizer } from './authenticate.ts'
import { capabilitiesOf, readFeatures } from './capability.ts'
import { change } from './change.ts'
import { type Feeding, readChanges } from './changes.ts'
import { FhirConfiguration, readSettings, type Settings } from './configuration.ts'
import { readDirectory } from './directory.ts'
import { findAlike, findAppointment, findPatients } from './find.ts'
import { FhirHttp } from './http.ts'
import { insert } from './insert.ts'
import { Places } from './places.ts'
import { probe } from './probe.ts'
import { PageReader } from './read-page.ts'
import { readWindow } from './window.ts'

export const fhirConnector: ConnectorFactory = {
  name: 'fhir',
  adapter: 'fhir',
  system: 'r4',
  displayName: 'FHIR R4',
  type: 'cloud',
  configuration: FhirConfiguration,
  open: (configuration, context) => openServer(readSettings(configuration), context),
}

/** @throws Unavailable where /metadata cannot be read; Error where it is no FHIR R4 server */
async function openServer(settings: Settings, context: ConnectorContext): Promise<RecordSystem> {
  const http = new FhirHttp(
    settings.baseUrl,
    settings.timeoutMs,
    makeAuthorizer(settings.auth, settings.timeoutMs),
    context.paced,
  )
  const { body } = await readReply(http, { method: 'GET', path: 'metadata' })
  const features = readFeatures(body, settings)
  const places = new Places(http, settings)
  const reader = new PageReader(http, settings, places)
  const feeding: Feeding = { http, settings, features, reader, context }
  let onlySite: ForeignId | null = null
  return {
    capabilities: capabilitiesOf(features),
    probe: () => probe(feeding),
    directory: async function* () {
      places.forgetMissing()
      reader.forgetSchedules()
      const sites: ForeignId[] = []
      for await (const record of readDirectory(http, settings, places)) {
        if (record.kind === 'location') sites.push(record.record.foreignId)
        yield record
      }
      onlySite = sites.length === 1 ? (sites[0] ?? null) : null
    },
    changes: (cursor) => readChanges(feeding, cursor),
    window: (from, to) => readWindow(feeding, from, to),
    find: (key) => findAppointment(feeding, key),
    findPatients: (query) => findPatients(feeding, query),
    findAlike: (query) => findAlike(feeding, query),
    reserve: (seed) => seed ?? randomUUID(),
    insert: (request) => insert(feeding, request, onlySite),
    change: (request) => change(feeding, places, request),
    // Idle connections keep no process alive and end by themselves; there is nothing else to let go.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
