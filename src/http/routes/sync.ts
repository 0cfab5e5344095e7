/** How the sync is doing, what each record system can do, and what happened. */
import { Type } from 'typebox'
import { EVENT_NAMES } from '../../model/events.ts'
import { Failure } from '../../model/failures.ts'
import { AppointmentTold } from '../../model/wire-appointment.ts'
import { Id, oneOf, PatientId } from '../../model/wire-basics.ts'
import { PatientTold } from '../../model/wire-patient.ts'
import { Capabilities, eventOf, SyncStatus } from '../../model/wire-sync.ts'
import { readTime } from '../../model/wire-time.ts'
import { type EventFilter, isRetired, listEvents } from '../../store/events.ts'
import { readEpoch } from '../../store/high-water.ts'
import { getLocation, listLocations } from '../../store/locations.ts'
import { listSourceStatus } from '../../store/sync-status.ts'
import { Ids, Subdomain } from '../inputs.ts'
import { openCursor, orderOfCursor, sealCursor } from '../paging.ts'
import { tenantRoute } from '../route.ts'
import { showEvent } from '../versions/event.ts'
import { showCapabilities, showSyncStatus } from '../versions/sync.ts'

const Light = Type.Optional(oneOf(['green', 'red']))
const EVENTS_DEFAULT = 100
const EVENTS_MAX = 1000
const EVENT_ORDER = 'events'
const PATIENT_EVENTS = new Set(['patient_created', 'patient_updated', 'patient_merged'])

function limitOf(asked: number | undefined, warnings: string[]): number {
  const limit = Math.min(Math.max(asked ?? EVENTS_DEFAULT, 1), EVENTS_MAX)
  if (asked !== undefined && limit !== asked)
    warnings.push(`per_page must be from 1 to ${EVENTS_MAX}; ${limit} was taken.`)
  return limit
}

/** The names asked for, without those that the key may not read; null: all. */
function namesFor(
  asked: string[] | undefined,
  mayReadPatients: boolean,
  warnings: string[],
): string[] | null {
  const unknown = (asked ?? []).filter((name) => !(EVENT_NAMES as readonly string[]).includes(name))
  if (unknown.length > 0)
    warnings.push(`No event has the name ${unknown.map((name) => name.slice(0, 60)).join(', ')}.`)
  if (mayReadPatients) return asked ?? null
  const names = (asked ?? EVENT_NAMES).filter((name) => !PATIENT_EVENTS.has(name))
  warnings.push('Events of patients are left out: the API key lacks the scope patients:read.')
  return [...names]
}

/** What event cursors are bound to: positions of another life of the database mean nothing in this one. */
function eventOrder(epoch: number): string {
  return epoch === 0 ? EVENT_ORDER : `${EVENT_ORDER}.${epoch}`
}

/** The position in a cursor of events. @throws Failure `invalid_request` where it is none, or of another life */
function openEventCursor(cursor: string, order: string): number {
  const given = orderOfCursor(cursor)
  if (given !== order && (given === EVENT_ORDER || given?.startsWith(`${EVENT_ORDER}.`)))
    throw new Failure(
      'invalid_request',
      'Parameter after is from before the database was restored from a backup: some events that it counts never happened here. Leave it out to begin with the oldest.',
    )
  return openCursor(cursor, order, 'after')[1]
}

interface About {
  appointment_id?: number
  patient_id?: number
  since?: string
}

/** One appointment or patient, and not before an instant; a time without an offset is UTC. */
function aboutWhat({ appointment_id, patient_id, since }: About, warnings: string[]): EventFilter {
  const read =
    since === undefined ? null : readTime({ name: 'since', text: since, zone: 'UTC', edge: 'first' })
  warnings.push(...(read?.warnings ?? []))
  const subjectId = appointment_id ?? patient_id
  const resourceType = appointment_id ? 'Appointment' : 'Patient'
  return { ...(subjectId === undefined ? {} : { subjectId, resourceType }), since: read?.instant }
}

export const syncRoutes = [
  tenantRoute({
    method: 'GET',
    path: '/sync_status',
    face: 'v2',
    by: 'subdomain',
    scope: null,
    summary: 'How reading and writing of each data source is doing',
    query: Type.Object({
      ...Subdomain,
      read_status: Light,
      write_status: Light,
      location_ids: Type.Optional(Ids),
    }),
    data: Type.Array(SyncStatus),
    async handle({ tx, query, context }) {
      const sources = await listSourceStatus(tx, {
        readStatus: query.read_status,
        writeStatus: query.write_status,
        locationIds: query.location_ids,
      })
      const locations = await listLocations(tx)
      const data = sources.map((source) =>
        showSyncStatus(tx.institutionId, source, locations, context.connectors),
      )
      return { data, count: data.length }
    },
  }),
  tenantRoute({
    method: 'GET',
    path: '/capabilities',
    face: 'ours',
    by: 'location',
    scope: null,
    summary: 'What the record system of a location can be told, said beforehand',
    query: Type.Object({ ...Subdomain, location_id: Id }),
    data: Capabilities,
    async handle({ tx, query }) {
      const location = await getLocation(tx, query.location_id)
      const sources = await listSourceStatus(tx, { id: location.data_source_id ?? 0 })
      return { data: showCapabilities(location, sources[0] ?? null) }
    },
  }),
  tenantRoute({
    method: 'GET',
    path: '/events',
    face: 'ours',
    by: 'subdomain',
    scope: 'appointments:read',
    summary: 'What happened, in order, from a cursor on; shaped for the version asked for',
    query: Type.Object({
      ...Subdomain,
      after: Type.Optional(Type.String({ maxLength: 500 })),
      per_page: Type.Optional(Type.Integer()),
      names: Type.Optional(Type.Array(Type.String(), { maxItems: 100 })),
      appointment_id: Type.Optional(Id),
      patient_id: Type.Optional(PatientId),
      since: Type.Optional(Type.String({ maxLength: 50 })),
    }),
    data: Type.Array(eventOf(AppointmentTold, PatientTold)),
    paging: 'cursors',
    check: ({ appointment_id, patient_id }) =>
      appointment_id && patient_id ? ['Send appointment_id or patient_id, not both'] : [],
    async handle({ tx, query, caller, context, version, institution, warnings }) {
      const order = eventOrder(await readEpoch(tx))
      const after = query.after ? openEventCursor(query.after, order) : null
      if (after !== null && (await isRetired(tx, after)))
        throw new Failure(
          'invalid_request',
          'Parameter after is older than the events that are kept: some after it are gone. Leave it out to begin with the oldest.',
        )
      const limit = limitOf(query.per_page, warnings)
      const names = namesFor(query.names, caller.scopes.includes('patients:read'), warnings)
      const rows = await listEvents(tx, after, limit + 1, { names, ...aboutWhat(query, warnings) })
      const kept = rows.slice(0, limit)
      const locations = kept.some((row) => row.resource_type === 'SyncStatus') ? await listLocations(tx) : []
      const cursorOf = (row: { position: number }) => sealCursor(['0', row.position], order)
      const data = kept.map((row) => ({
        ...showEvent(row, { version, institution, locations, connectors: context.connectors }),
        cursor: cursorOf(row),
      }))
      const [first, last] = [kept[0], kept.at(-1)]
      const pageInfo = {
        has_previous_page: after !== null,
        has_next_page: rows.length > limit,
        start_cursor: first ? cursorOf(first) : null,
        // Where nothing is new, the same cursor asks again.
        end_cursor: last ? cursorOf(last) : (query.after ?? null),
      }
      return { data, pageInfo }
    },
  }),
]
