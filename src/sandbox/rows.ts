/** Rows as the database holds them, and as they leave over HTTP: ids as text, instants as ISO 8601 in UTC. */

export interface PersonRow {
  id: number
  first_name: string
  middle_name: string | null
  last_name: string
  birth_date: string | null
  sex: string | null
  email: string | null
  phone: string | null
  street: string | null
  city: string | null
  state: string | null
  zip: string | null
  chart: string | null
  payer_id: number | null
  merged_into: number | null
  active: number
  external_reference: string | null
  version: number
  revision: number
  entered_at: number
  changed_at: number
}

export interface VisitRow {
  id: number
  person_id: number
  clinician_id: number | null
  chair_id: number | null
  kind_id: number | null
  procedure_codes: string
  begins: number
  finishes: number
  remark: string | null
  confirmed_at: number | null
  arrived_at: number | null
  left_at: number | null
  missed_at: number | null
  cancelled_at: number | null
  external_reference: string | null
  entered_by: string
  version: number
  revision: number
  entered_at: number
  changed_at: number
}

export interface ClosureRow {
  id: number
  chair_id: number | null
  clinician_id: number | null
  begins: number
  finishes: number
  reason: string | null
  lifted_at: number | null
  external_reference: string | null
  entered_by: string
  version: number
  revision: number
  entered_at: number
  changed_at: number
}

export type Noun = 'person' | 'visit' | 'closure'
export type Json = Record<string, unknown>

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

function idText(id: number | null): string | null {
  return id === null ? null : String(id)
}

/** Version, revision and instants, which all three nouns share. */
function stamps(row: PersonRow | VisitRow | ClosureRow): Json {
  return {
    external_reference: row.external_reference,
    version: row.version,
    revision: row.revision,
    entered_at: iso(row.entered_at),
    changed_at: iso(row.changed_at),
  }
}

export function personJson(row: PersonRow): Json {
  return {
    person_id: String(row.id),
    first_name: row.first_name,
    middle_name: row.middle_name,
    last_name: row.last_name,
    birth_date: row.birth_date,
    sex: row.sex,
    email: row.email,
    phone: row.phone,
    street: row.street,
    city: row.city,
    state: row.state,
    zip: row.zip,
    chart: row.chart,
    payer_id: idText(row.payer_id),
    merged_into: idText(row.merged_into),
    active: row.active === 1,
    ...stamps(row),
  }
}

/** One word for where a visit stands; what ends it outweighs what came before. */
function visitState(row: VisitRow): string {
  if (row.cancelled_at !== null) return 'cancelled'
  if (row.missed_at !== null) return 'missed'
  if (row.left_at !== null) return 'left'
  if (row.arrived_at !== null) return 'arrived'
  return row.confirmed_at === null ? 'booked' : 'confirmed'
}

export function visitJson(row: VisitRow): Json {
  return {
    visit_id: String(row.id),
    person_id: String(row.person_id),
    clinician_id: idText(row.clinician_id),
    chair_id: idText(row.chair_id),
    kind_id: idText(row.kind_id),
    procedure_codes: JSON.parse(row.procedure_codes) as string[],
    begins: iso(row.begins),
    finishes: iso(row.finishes),
    state: visitState(row),
    remark: row.remark,
    confirmed_at: iso(row.confirmed_at),
    arrived_at: iso(row.arrived_at),
    left_at: iso(row.left_at),
    missed_at: iso(row.missed_at),
    cancelled_at: iso(row.cancelled_at),
    entered_by: row.entered_by,
    ...stamps(row),
  }
}

export function closureJson(row: ClosureRow): Json {
  return {
    closure_id: String(row.id),
    chair_id: idText(row.chair_id),
    clinician_id: idText(row.clinician_id),
    begins: iso(row.begins),
    finishes: iso(row.finishes),
    reason: row.reason,
    lifted_at: iso(row.lifted_at),
    entered_by: row.entered_by,
    ...stamps(row),
  }
}
