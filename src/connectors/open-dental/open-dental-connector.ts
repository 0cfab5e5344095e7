/** The connector for Open Dental: reads its database by SQL, writes through its API. docs/connectors/open-dental.md */
import type { Capabilities, ConnectorContext, ConnectorFactory, Outcome, RecordSystem } from '../connector.ts'
import { Api } from './api.ts'
import { changeIn } from './change.ts'
import { readChanges } from './changes.ts'
import { OpenDentalConfiguration, readSettings, type Settings } from './configuration.ts'
import { findAppointment, findCopies } from './find.ts'
import { findAlike, findPatients } from './find-patients.ts'
import { insertInto } from './insert.ts'
import { makeMarker, NOTHING_KNOWN } from './marker.ts'
import { Practice } from './practice.ts'
import { probe } from './probe.ts'
import { readDirectory } from './read-directory.ts'
import { charactersOf } from './text.ts'
import { readWindow } from './window.ts'

/** The API's own cap is 60 seconds; then what waits on its way to the practice. */
const MAX_IN_FLIGHT_MS = 90_000
/** A note is a `text` of 65,535 bytes; people's windows show less. */
const NOTE_LENGTH = 5000

export const openDentalConnector: ConnectorFactory = {
  name: 'open-dental',
  adapter: 'mysql',
  system: 'opendental',
  displayName: 'Open Dental',
  type: 'onprem',
  configuration: OpenDentalConfiguration,
  open: (configuration, context) => openPractice(readSettings(configuration), context),
}

/** @throws Unavailable where the database is not reached */
async function openPractice(settings: Settings, context: ConnectorContext): Promise<RecordSystem> {
  const practice = new Practice(settings, context)
  const api = settings.api === null ? null : new Api(settings.api)
  const schema = await practice.schema()
  // What cannot be read is for a probe to tell.
  if (schema.missing.length === 0) {
    await practice.facts()
    await practice.look()
  }
  const writing = async (write: (through: Api) => Promise<Outcome>): Promise<Outcome> =>
    api === null
      ? { kind: 'rejected', code: 'unsupported', message: 'No Open Dental API is configured.' }
      : await write(api)
  return {
    get capabilities() {
      return capabilitiesOf(practice, api)
    },
    probe: () => probe(practice, api),
    directory: () => readDirectory(practice),
    changes: (cursor) => readChanges(practice, cursor),
    window: (from, to) => readWindow(practice, from, to),
    find: (key) => findAppointment(practice, key),
    copies: (marker) => findCopies(practice, marker),
    findPatients: (query) => findPatients(practice, query),
    findAlike: (query) => findAlike(practice, query),
    reserve: (seed, sent) => makeMarker(sent ? NOTHING_KNOWN : practice.greatest, seed),
    insert: (request) => writing((through) => insertInto(practice, through, request)),
    change: (request) => writing((through) => changeIn(practice, through, request)),
    [Symbol.asyncDispose]: () => practice.database.close(),
  }
}

function capabilitiesOf(practice: Practice, api: Api | null): Capabilities {
  const writes = api !== null
  return {
    writes: {
      insert: writes,
      // Blockouts can be written from 26.3 on (a beta as this is written).
      block: false,
      new_patient: writes,
      descriptors: writes,
      confirm: writes && practice.lastFacts?.confirmAs !== null,
      cancel: writes,
      check_in: writes,
      reschedule: writes,
      note: writes,
    },
    reads: { blocks: true, workingHours: true, descriptors: true, procedures: true, deletions: 'told' },
    effect: 'detected',
    maxInFlightMs: MAX_IN_FLIGHT_MS,
    conflictCheck: 'advisory',
    limits: {
      grainMinutes: practice.lastFacts?.grainMinutes ?? 5,
      noteLength: NOTE_LENGTH,
      characters: charactersOf(practice.lastSchema?.noteCharset ?? 'utf8mb3'),
    },
  }
}
