/**
 * Lists the ids that NexHealth gave an institution, as `./slotbridge import-ids` takes them. Reads only; no name of a patient is
 * kept. Node 24 runs it as it stands:
 *
 *   NEXHEALTH_API_KEY=… node docs/moving/list-ids.ts willow-creek > ids.csv
 *
 * Procedures have no list of all: they are asked for by patient where a client stored their ids, and left out here.
 */
const base = process.env.NEXHEALTH_URL ?? 'https://nexhealth.info'
const [subdomain = '', from = '2000-01-01', to = '2050-01-01'] = process.argv.slice(2)
const AGENT = 'slotbridge-moving'
const COLUMNS = ['noun', 'foreign_id_type', 'foreign_id', 'name', 'location_id', 'id']

// biome-ignore lint/suspicious/noExplicitAny: whatever the wire holds
type Row = any

async function ask(path: string, init: RequestInit = {}): Promise<Row> {
  for (;;) {
    const answer = await fetch(new URL(path, base), init)
    const body = await answer.json()
    if (answer.ok) return body
    if (answer.status !== 429) throw new Error(`${path.split('?')[0]}: ${answer.status} ${body?.error}`)
    const seconds = Number(answer.headers.get('retry-after')) || 1
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  }
}

const authorization = process.env.NEXHEALTH_API_KEY ?? ''
const { data } = await ask('/authenticates', {
  method: 'POST',
  headers: { authorization, 'user-agent': AGENT },
})
const headers = { authorization: `Bearer ${data.token}`, 'nex-api-version': 'v20240412', 'user-agent': AGENT }

/** All rows of a list, by cursors where it has them and by pages where not. */
async function* list(path: string, query: Record<string, string | number> = {}): AsyncGenerator<Row> {
  let next: Record<string, string | number> = { page: 1 }
  for (let page = 2, seen = 0; ; page++) {
    const given = { subdomain, per_page: 300, ...query, ...next }
    const search = new URLSearchParams(Object.entries(given).map(([name, value]) => [name, String(value)]))
    const body = await ask(`${path}?${search}`, { headers })
    const rows: Row[] = Array.isArray(body.data) ? body.data : Object.values(body.data ?? {}).flat()
    yield* rows
    seen += rows.length
    const { page_info: info } = body
    if (info ? !info.has_next_page : rows.length === 0 || seen >= (body.count ?? 0)) return
    next = info ? { end_cursor: info.end_cursor } : { page }
  }
}

const said = new Set<string>()

function say(row: Record<string, string | number | null | undefined>): void {
  const line = COLUMNS.map((name) => String(row[name] ?? ''))
    .map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
    .join(',')
  if (!said.has(line)) process.stdout.write(`${line}\n`)
  said.add(line)
}

/** What NexHealth holds without the record system has no foreign id, and means nothing elsewhere. */
function sayForeign(noun: string, row: Row, location?: number): void {
  const { id, foreign_id, foreign_id_type } = row
  if (foreign_id) say({ noun, foreign_id_type, foreign_id, location_id: location, id })
}

function nameOfHour(hour: Row): string {
  const again = hour.custom_recurrence
  const when = again
    ? `${again.num}-${again.unit}s-${again.ref}`
    : (hour.specific_date ?? (hour.days ?? []).join(','))
  return `${hour.provider_id} ${hour.operatory_id ?? '-'} ${when} ${hour.begin_time}-${hour.end_time}`
}

process.stdout.write(`${COLUMNS.join(',')}\n`)
const locations: Row[] = []
for await (const row of list('/locations')) locations.push(...(row.locations ?? [row]))
for (const { id, name } of locations) say({ noun: 'location', name, id })
for await (const row of list('/appointment_types')) {
  const location = row.parent_type === 'Location' ? row.parent_id : null
  say({ noun: 'appointment_type', name: row.name, location_id: location, id: row.id })
}
for (const inactive of ['false', 'true'])
  for await (const row of list('/providers', { inactive })) sayForeign('provider', row)
for (const { id: location_id } of locations) {
  for await (const row of list('/operatories', { location_id })) sayForeign('operatory', row)
  for await (const row of list('/patients', { location_id })) sayForeign('patient', row)
  for await (const row of list('/appointments', { location_id, start: from, end: to }))
    sayForeign('appointment', row)
  for await (const row of list(`/locations/${location_id}/appointment_descriptors`))
    sayForeign('descriptor', row, location_id)
  for await (const row of list('/working_hours', { location_id })) {
    const { id, label } = row
    say({ noun: 'working_hour', name: nameOfHour(row), location_id, id })
    if (label?.id) say({ noun: 'working_hour_label', name: label.name, location_id, id: label.id })
  }
}
