/** What a FHIR server says it can do: its CapabilityStatement (hl7.org/fhir/R4/capabilitystatement.html), as far as we ask. */
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Capabilities } from '../connector.ts'
import type { Settings } from './configuration.ts'
import { NO_OPERATIONS, type Operations } from './operations.ts'

const Text = Type.Optional(Type.String())
const Flag = Type.Optional(Type.Boolean())
const Statement = Type.Object({
  resourceType: Type.Literal('CapabilityStatement'),
  fhirVersion: Text,
  software: Type.Optional(Type.Object({ name: Text, version: Text })),
  rest: Type.Array(
    Type.Object({
      mode: Text,
      interaction: Type.Optional(Type.Array(Type.Object({ code: Type.String() }))),
      resource: Type.Optional(
        Type.Array(
          Type.Object({
            type: Type.String(),
            interaction: Type.Optional(Type.Array(Type.Object({ code: Type.String() }))),
            versioning: Text,
            updateCreate: Flag,
            conditionalCreate: Flag,
            searchParam: Type.Optional(Type.Array(Type.Object({ name: Type.String() }))),
            searchInclude: Type.Optional(Type.Array(Type.String())),
          }),
        ),
      ),
    }),
  ),
})
type Statement = Static<typeof Statement>
const isStatement = Compile(Statement)

/** How a create under our own id is kept from overwriting what stands there. */
export type CreateGuard = 'if-none-match' | 'if-match-zero'

export interface Features {
  systemName: string
  version: string
  /** Interactions of a type: `read`, `search-type`, `update`, `create`, `history-type`, … */
  can(type: string, interaction: string): boolean
  /** Whether a type can be searched by that parameter. */
  searches(type: string, parameter: string): boolean
  includesPatient: boolean
  /** By which we book, where the server names any. */
  operations: Operations
  /** Whether a version tells the request that made it. */
  namesRequests: boolean
  /** What our bookings do about Slots: the setting, or what the server allows. */
  slots: Settings['slots'] & string
  /** False where the server keeps no versions: we cannot compare and set, so we change nothing there. */
  versions: boolean
  /** Null: no create under our own id; `If-None-Exist` on our identifier instead. */
  createGuard: CreateGuard | null
}

/** @throws Error where this is no FHIR R4 server */
export function readFeatures(
  body: unknown,
  settings: Pick<Settings, 'insertBy' | 'slots'>,
  operations: Operations = NO_OPERATIONS,
): Features {
  if (!isStatement.Check(body)) throw new Error('base_url answers /metadata without a CapabilityStatement')
  if (!/^4\./.test(body.fhirVersion ?? '')) {
    throw new Error(`the server speaks FHIR ${body.fhirVersion ?? 'of no version'}, this connector R4`)
  }
  const types = new Map(body.rest.flatMap((rest) => rest.resource ?? []).map((type) => [type.type, type]))
  const appointment = types.get('Appointment')
  return {
    systemName: body.software?.name ?? 'FHIR server',
    version: body.software?.version ?? '',
    can: (type, code) =>
      types.get(type)?.interaction?.some((interaction) => interaction.code === code) ?? false,
    searches: (type, parameter) =>
      types.get(type)?.searchParam?.some(({ name }) => name === parameter) ?? false,
    operations,
    namesRequests: isHapi(body),
    slots: operations.has.has('book') ? (settings.slots ?? 'take') : slotsOf(body, settings.slots),
    includesPatient:
      appointment?.searchInclude?.some((i) => i === '*' || i === 'Appointment:patient') ?? false,
    versions: appointment?.versioning !== 'no-version',
    // An operation gives its own ids.
    createGuard: operations.has.has('book') ? null : createGuard(body, settings.insertBy),
  }
}

function isHapi(statement: Statement): boolean {
  return /\bHAPI\b/.test(statement.software?.name ?? '')
}

/** @throws Error where Slots are to be taken and the server cannot do that in one transaction */
function slotsOf(statement: Statement, setting: Settings['slots']): Features['slots'] {
  const types = new Map(
    statement.rest.flatMap((rest) => rest.resource ?? []).map(({ type, interaction }) => [type, interaction]),
  )
  const can = (type: string, code: string) => types.get(type)?.some((one) => one.code === code) ?? false
  const able =
    statement.rest.some(({ interaction }) => interaction?.some(({ code }) => code === 'transaction')) &&
    can('Slot', 'search-type') &&
    can('Slot', 'update') &&
    can('Schedule', 'search-type')
  if (able || setting === 'ignore') return setting ?? 'take'
  if (setting === null) return 'ignore'
  throw new Error('slots cannot be taken: the server offers no transactions, or no search or update of Slots')
}

/**
 * HAPI creates under our id without saying so, ignores `If-None-Match` on PUT, and answers 409 to an `If-Match` that is
 * not the current version of what was ever there (deleted or not): version 0, which is nobody's, makes its PUT a pure
 * create. Seen on 8.8.0. By the specification that header would fail where nothing stands, so others get `If-None-Match: *`.
 */
function createGuard(statement: Statement, insertBy: Settings['insertBy']): CreateGuard | null {
  const types = statement.rest.flatMap((rest) => rest.resource ?? [])
  const guard = isHapi(statement) ? 'if-match-zero' : 'if-none-match'
  if (insertBy !== null) return insertBy === 'id' ? guard : null
  const both = types.filter((type) => type.type === 'Appointment' || type.type === 'Patient')
  const allows = both.length === 2 && both.every((type) => type.updateCreate ?? isHapi(statement))
  return allows ? guard : null
}

/** The port's capabilities of a server with these features. */
export function capabilitiesOf(features: Features, offersHours: boolean): Capabilities {
  const byId = features.createGuard !== null
  const books = features.operations.has.has('book')
  const inserts = books || features.can('Appointment', byId ? 'update' : 'create')
  const changes = features.can('Appointment', 'update') && features.versions
  return {
    writes: {
      insert: inserts,
      // No operation closes a time, and an Appointment beside them would not keep it.
      block: inserts && !books,
      new_patient: inserts && features.can('Patient', byId ? 'update' : 'create'),
      descriptors: false,
      confirm: changes,
      cancel: changes,
      check_in: changes,
      // The Slots that an operation took would stay behind.
      reschedule: changes && !books,
      note: changes,
    },
    reads: {
      blocks: true,
      workingHours: offersHours,
      descriptors: false,
      procedures: false,
      deletions: features.can('Appointment', 'history-type') ? 'told' : 'by_window',
    },
    // A unique id refuses a second copy; a condition is checked before the insert by servers that may race with themselves.
    effect: byId ? 'once' : 'detected',
    maxInFlightMs: 90_000,
    // A plain FHIR server checks no overlap; its Slots do where nobody books but by taking them: docs/connectors/fhir.md.
    conflictCheck: features.slots === 'everyone' ? 'atomic' : 'advisory',
    limits: { grainMinutes: 1, noteLength: null, characters: 'unicode' },
  }
}
