/** Patients, read and searched, in both versions. */
import { Type } from 'typebox'
import { Failure } from '../../model/failures.ts'
import { Day, GivenDatetime, Id, PatientId } from '../../model/wire-basics.ts'
import { PatientV2, PatientV3, SinglePatientV3, toPatientV2, toPatientV3 } from '../../model/wire-patient.ts'
import {
  countPatients,
  findPatient,
  listPatients,
  type PatientFilter,
  type PatientSort,
} from '../../store/patients.ts'
import {
  Include,
  readIncludes,
  readTimes,
  refuseForeignLocation,
  Subdomain,
  UpdatedSince,
  zoneOf,
} from '../inputs.ts'
import {
  CursorQuery,
  cursorAnswer,
  PageQuery,
  placeOf,
  ranksAnswer,
  readCursors,
  readPage,
  readRanks,
  readSort,
} from '../paging.ts'
import { type TenantInput, tenantRoute } from '../route.ts'
import { includedIn, PATIENT_INCLUDES } from '../versions/patient.ts'

const SORTS = ['id', 'updated_at', '-updated_at'] as const
const Text = Type.Optional(Type.String({ maxLength: 200 }))
const Flag = Type.Optional(Type.Boolean())

/** Filters that narrow to people. Where a request names unknown ones and none of these, nothing is found (decision 22). */
const narrowing = {
  name: Text,
  first_name: Text,
  last_name: Text,
  email: Text,
  phone_number: Text,
  date_of_birth: Type.Optional(Day),
  foreign_id: Text,
  updated_since: Type.Optional(GivenDatetime),
  new_patient: Flag,
  appointment_date_start: Type.Optional(GivenDatetime),
  appointment_date_end: Type.Optional(GivenDatetime),
}
const filters = {
  ...Subdomain,
  ...UpdatedSince,
  ...narrowing,
  location_id: Id,
  inactive: Flag,
  non_patient: Flag,
  location_strict: Flag,
  sort: Text,
}
type Filters = {
  [K in Exclude<keyof typeof narrowing, 'new_patient'>]?: string
} & {
  location_id: number
  new_patient?: boolean
  inactive?: boolean
  non_patient?: boolean
  location_strict?: boolean
  sort?: string
}

interface Search {
  filter: PatientFilter
  sort: PatientSort
  /** Nothing can be found: say so, and look for nobody. */
  empty: boolean
}

async function searchOf({ tx, query, warnings }: TenantInput<Filters>): Promise<Search> {
  await refuseForeignLocation(tx, query.location_id)
  const edges = {
    updated_since: 'first',
    appointment_date_start: 'first',
    appointment_date_end: 'last',
  } as const
  const times = readTimes(query, edges, await zoneOf(tx, query), warnings)
  const filter: PatientFilter = {
    locationId: query.location_id,
    locationStrict: query.location_strict,
    name: query.name,
    firstName: query.first_name,
    lastName: query.last_name,
    email: query.email,
    phone: query.phone_number,
    birthDate: query.date_of_birth,
    inactive: query.inactive,
    foreignId: query.foreign_id,
    newPatient: query.new_patient,
    updatedSince: times.updated_since,
    appointmentFrom: times.appointment_date_start,
    appointmentTo: times.appointment_date_end,
  }
  const sort =
    query.sort === undefined && query.name !== undefined ? 'rank' : readSort(query.sort, SORTS, warnings)
  return { filter, sort, empty: query.non_patient === true || widens(query, warnings) }
}

/** What the other version's list takes beside filters: left out by this one, it widens nothing. */
const NO_FILTERS = new Set(['include', 'start_cursor', 'end_cursor'])
const IGNORED = /^Note that following parameters are ignored: (.*)\.$/

/** Unknown filters and no known one: answering everybody would let a client take the first row for its own patient. */
function widens(query: object, warnings: string[]): boolean {
  const known = Object.keys(narrowing).some((name) => name in query)
  const ignored = warnings.flatMap((warning) => IGNORED.exec(warning)?.[1]?.split(', ') ?? [])
  if (known || ignored.every((name) => NO_FILTERS.has(name))) return false
  warnings.push('No known filter remains: the list is empty rather than everybody.')
  return true
}

const many = {
  method: 'GET',
  path: '/patients',
  by: 'subdomain',
  scope: 'patients:read',
  summary: 'Patients, searched; exact names rank first',
} as const
const one = {
  method: 'GET',
  path: '/patients/{id}',
  by: 'patient',
  scope: 'patients:read',
  summary: 'One patient; an id that was merged away answers the survivor',
  params: Type.Object({ id: PatientId }),
  query: Type.Object({ ...Subdomain, ...Include, location_id: Type.Optional(Id) }),
} as const

async function getPatient({
  tx,
  params,
  query,
  warnings,
}: TenantInput<{ include?: string[]; location_id?: number }, { id: number }>) {
  await refuseForeignLocation(tx, query.location_id)
  const patient = await findPatient(tx, params.id)
  if (!patient) throw new Failure('not_found', 'Patient not found')
  const includes = readIncludes(query.include, PATIENT_INCLUDES, warnings)
  return { patient, included: await includedIn(tx, patient, includes) }
}

export const patientRoutes = [
  tenantRoute({
    ...many,
    face: 'v2',
    query: Type.Object({ ...filters, ...PageQuery, ...Include }),
    data: Type.Object({ patients: Type.Array(PatientV2) }),
    paging: 'pages',
    async handle(input) {
      const { tx, query, warnings } = input
      const { filter, sort, empty } = await searchOf(input)
      const { page } = readPage(query, warnings)
      if (empty) return { data: { patients: [] }, count: 0 }
      const includes = readIncludes(query.include, PATIENT_INCLUDES, warnings)
      const patients = []
      for (const row of await listPatients(tx, filter, sort, page))
        patients.push({ ...toPatientV2(row), ...(await includedIn(tx, row, includes)) })
      return { data: { patients }, count: await countPatients(tx, filter) }
    },
  }),
  tenantRoute({
    ...many,
    face: 'v3',
    query: Type.Object({ ...filters, ...CursorQuery }),
    data: Type.Array(PatientV3),
    paging: 'cursors',
    async handle(input) {
      const { filter, sort, empty } = await searchOf(input)
      if (sort === 'rank') {
        const reading = readRanks(input.query, input.warnings)
        const rows = empty ? [] : await listPatients(input.tx, filter, sort, reading.page)
        return ranksAnswer(rows, reading, toPatientV3)
      }
      const reading = readCursors(input.query, sort, input.warnings)
      const rows = empty ? [] : await listPatients(input.tx, filter, sort, reading.page)
      return cursorAnswer(rows, reading, placeOf, toPatientV3)
    },
  }),
  tenantRoute({
    ...one,
    face: 'v2',
    data: PatientV2,
    async handle(input) {
      const { patient, included } = await getPatient(input)
      return { data: { ...toPatientV2(patient), ...included } }
    },
  }),
  tenantRoute({
    ...one,
    face: 'v3',
    data: SinglePatientV3,
    async handle(input) {
      const { patient, included } = await getPatient(input)
      return { data: { ...toPatientV3(patient), ...included } }
    },
  }),
]
