/** What `include[]` adds to a patient. Insurance, ledger and alerts are not held here. */
import type { Static } from 'typebox'
import type { Tenant } from '../../db/database.ts'
import { toInstant } from '../../model/time.ts'
import type { BasicAppointment, SinglePatientV3 } from '../../model/wire-patient.ts'
import { type ShownPatient, toPerson } from '../../model/wire-people.ts'
import { type AppointmentFilter, listAppointments } from '../../store/appointments.ts'
import { now } from '../../store/data-sources.ts'
import { listPatients, showPatients } from '../../store/patients.ts'
import { listProcedures } from '../../store/procedures.ts'

export const PATIENT_INCLUDES = [
  'upcoming_appts',
  'last_visited_appointment',
  'children',
  'guarantor',
  'procedures',
  'address',
] as const
type PatientInclude = (typeof PATIENT_INCLUDES)[number]

const UPCOMING_MAX = 50
const CHILDREN_MAX = 50
const PROCEDURES_MAX = 200
/** Beyond any appointment. */
const FIRST = toInstant(0)
const LAST = '9999-12-31T23:59:59.999Z'

type Included = Pick<SinglePatientV3, PatientInclude>

/** Reads the parts asked for, and nothing else. */
export async function includedIn(
  tx: Tenant,
  patient: ShownPatient,
  includes: ReadonlySet<PatientInclude>,
): Promise<Included> {
  const parts: Included = {}
  if (includes.has('upcoming_appts')) parts.upcoming_appts = await upcoming(tx, patient.id)
  if (includes.has('last_visited_appointment'))
    parts.last_visited_appointment = await lastVisited(tx, patient.id)
  if (includes.has('children')) parts.children = await childrenOf(tx, patient.id)
  if (includes.has('guarantor')) parts.guarantor = await guarantorOf(tx, patient)
  if (includes.has('procedures')) {
    const page = { limit: PROCEDURES_MAX, offset: 0 }
    parts.procedures = await listProcedures(tx, { patientId: patient.id }, page)
  }
  if (includes.has('address')) parts.address = addressOf(patient)
  return parts
}

async function upcoming(tx: Tenant, patientId: number) {
  return await visits(
    tx,
    { start: await now(tx), end: LAST, cancelled: false, patientIds: [patientId] },
    false,
  )
}

async function lastVisited(tx: Tenant, patientId: number) {
  const filter = { start: FIRST, end: await now(tx), cancelled: false, patientIds: [patientId] }
  return (await visits(tx, filter, true)).at(-1) ?? null
}

/** `fromEnd`: the latest rows of the filter, still in the order of time. */
async function visits(
  tx: Tenant,
  filter: AppointmentFilter,
  fromEnd: boolean,
): Promise<Static<typeof BasicAppointment>[]> {
  const before = fromEnd ? ([LAST, Number.MAX_SAFE_INTEGER] as [string, number]) : undefined
  return await listAppointments(tx, filter, { limit: UPCOMING_MAX, offset: 0, sort: 'start_time', before })
}

async function childrenOf(tx: Tenant, guarantorId: number) {
  const page = { limit: CHILDREN_MAX, offset: 0 }
  return (await listPatients(tx, { guarantorId }, 'id', page)).map(toPerson)
}

async function guarantorOf(tx: Tenant, patient: ShownPatient) {
  if (patient.guarantor_id === null) return null
  const [guarantor] = await showPatients(tx, [patient.guarantor_id])
  return guarantor ? toPerson(guarantor) : null
}

function addressOf(p: ShownPatient): NonNullable<Included['address']> {
  return {
    line_1: p.address_line_1,
    line_2: p.address_line_2,
    postal_code: p.zip_code,
    city: p.city,
    region: p.state,
  }
}
