/** What the simulated practice says of itself, and what our mirror says of it, in one shape that can be compared. */

type Row = Record<string, unknown>

/** A call of the practice's own interface. */
export type AskPractice = (
  method: string,
  path: string,
  body?: unknown,
) => Promise<{ status: number; body: Row }>

/** Runs a statement as the superuser. */
export type Look = (text: string, values?: unknown[]) => Promise<Row[]>

export interface JournalEntry {
  seq: number
  by: string
  act: string
  noun: string
  id: string
  before: Row | null
  after: Row | null
}

/** The practice at `url`, asked under its key. */
export function askPractice(url: string, key = 'test-key'): AskPractice {
  return async (method, path, body) => {
    const answer = await fetch(url + path, {
      method,
      headers: { 'x-practice-key': key, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as Row }
  }
}

/** Everything that was ever committed there, oldest first. */
export async function journalOf(ask: AskPractice): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = []
  for (let after = 0; ; ) {
    const { body } = await ask('GET', `/journal?after=${after}&limit=1000`)
    const page = body.entries as JournalEntry[]
    if (page.length === 0) return entries
    entries.push(...page)
    after = Number(body.last)
  }
}

/** Its whole schedule as it stands, with the people whom the visits name. */
async function scheduleOf(ask: AskPractice): Promise<{ visits: Row[]; closures: Row[]; people: Row[] }> {
  const all = { visits: [] as Row[], closures: [] as Row[], people: [] as Row[] }
  const range = 'from=2020-01-01T00:00:00.000Z&to=2040-01-01T00:00:00.000Z&limit=1000'
  for (let after = ''; ; ) {
    const { body } = await ask('GET', `/schedule?${range}${after}`)
    for (const noun of ['visits', 'closures', 'people'] as const) all[noun].push(...(body[noun] as Row[]))
    if (body.next === null) return all
    after = `&after=${body.next}`
  }
}

const byId = (one: Row, other: Row): number => (String(one.id) < String(other.id) ? -1 : 1)

function heldVisit(one: Row): Row {
  const { begins, finishes, person_id: person, chair_id: chair, clinician_id: clinician, remark: note } = one
  const kind = one.kind_id === null ? [] : [`kind_${one.kind_id}`]
  const codes = (one.procedure_codes as string[]).map((code) => `code_${code}`)
  return {
    ...{ id: one.visit_id, begins, finishes, chair, clinician, person, note, unavailable: false },
    cancelled: one.cancelled_at !== null,
    confirmed: one.confirmed_at !== null,
    arrived: one.arrived_at,
    left: one.left_at,
    missed: one.missed_at !== null,
    descriptors: [...kind, ...codes].sort(),
  }
}

function heldClosure(one: Row): Row {
  const { begins, finishes, chair_id: chair, clinician_id: clinician, reason: note } = one
  return {
    ...{ id: `block_${one.closure_id}`, begins, finishes, chair, clinician, person: null, note },
    ...{ unavailable: true, cancelled: one.lifted_at !== null, confirmed: false },
    ...{ arrived: null, left: null, missed: false, descriptors: [] },
  }
}

/** Every visit and closure that the practice holds, in the shape of `mirrored`. */
export async function held(ask: AskPractice): Promise<Row[]> {
  const { visits, closures } = await scheduleOf(ask)
  return [...visits.map(heldVisit), ...closures.map(heldClosure)].sort(byId)
}

const MIRRORED = `select a.foreign_id as id, a.starts_at as begins, a.ends_at as finishes, a.cancelled, a.confirmed, a.note,
    a.unavailable, a.checkin_at as arrived, a.checked_out_at as left, a.patient_missed as missed,
    o.foreign_id as chair, p.foreign_id as clinician, n.foreign_id as person,
    array(select d.foreign_id from descriptors d where d.id = any(a.descriptor_ids) order by d.foreign_id) as descriptors
  from appointments a left join operatories o on o.id = a.operatory_id left join providers p on p.id = a.provider_id
  left join patients n on n.id = a.patient_id
  where not a.deleted and a.foreign_id is not null`

const iso = (value: unknown): string | null => (value === null ? null : new Date(String(value)).toISOString())

/** Every appointment and block that our mirror shows of the practice. */
export async function mirrored(look: Look): Promise<Row[]> {
  const rows = await look(MIRRORED)
  return rows
    .map((row) => ({
      ...row,
      begins: iso(row.begins),
      finishes: iso(row.finishes),
      arrived: iso(row.arrived),
      left: iso(row.left),
      // In the order of JavaScript, whatever the database's collation is.
      descriptors: [...(row.descriptors as string[])].sort(),
    }))
    .sort(byId)
}

/** The people whom the practice's visits name, in the shape of `mirroredPeople`. */
export async function heldPeople(ask: AskPractice): Promise<Row[]> {
  const { people } = await scheduleOf(ask)
  const rows = people.map(({ person_id: id, first_name, last_name, birth_date, email, phone, city }) => ({
    ...{ id, first_name, last_name, birth_date, email, phone, city },
  }))
  return [...new Map(rows.map((row) => [row.id, row])).values()].sort(byId)
}

/** The patients of these foreign ids as we hold them. */
export async function mirroredPeople(look: Look, ids: unknown[]): Promise<Row[]> {
  const rows = await look(
    `select foreign_id as id, first_name, last_name, birth_date::text, email, cell_phone as phone, city
     from patients where foreign_id = any($1)`,
    [ids],
  )
  return rows.sort(byId)
}
