/**
 * Draws a day from real answers: what the working hours open, what takes time, and the slots that come out.
 *
 *   ./slotbridge demo --no-desk &
 *   node docs/slots/draw-day.ts .slotbridge/demo.json 2026-11-24 > docs/slots/day.svg
 */
import { readFileSync } from 'node:fs'

const [file = '', day = ''] = process.argv.slice(2)
const demo = JSON.parse(readFileSync(file, 'utf8'))

const SLOT_LENGTH = 30
const [LEFT, TOP, COLUMN, HOUR] = [64, 76, 220, 56]
const [FIRST, LAST] = [7, 18]

async function get(path: string, query: Record<string, string | number>) {
  const url = new URL(path, demo.url)
  for (const [name, value] of Object.entries({ subdomain: demo.subdomain, ...query }))
    url.searchParams.set(name, String(value))
  const headers = { authorization: demo.api_key, 'nex-api-version': 'v3.0.0' }
  const answer = await fetch(url, { headers })
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`)
  return (await answer.json()).data
}

const location_id = demo.location_id
const place = await get(`/locations/${location_id}`, {})
const operatories = await get('/operatories', { location_id, per_page: 100 })
const hours = await get('/working_hours', { location_id, per_page: 1000 })
const taken = await get('/appointments', {
  location_id,
  start: day,
  end: day,
  cancelled: 'false',
  per_page: 1000,
})
const providers = [...new Set(hours.map((hour: { provider_id: number }) => hour.provider_id))]
const question = { 'lids[]': location_id, 'pids[]': providers.join(), slot_length: SLOT_LENGTH }
const groups = await get('/available_slots', { ...question, start_date: day, days: 1 })

const clock = new Intl.DateTimeFormat('en-GB', { timeZone: place.tz, hour: '2-digit', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat('en-US', { timeZone: 'UTC', weekday: 'long' }).format(Date.parse(day))
const wall = (instant: string) => clock.format(Date.parse(instant))
const y = (time: string) => TOP + (Number(time.slice(0, 2)) + Number(time.slice(3, 5)) / 60 - FIRST) * HOUR
const x = (operatoryId: number) =>
  LEFT + operatories.findIndex((each: { id: number }) => each.id === operatoryId) * COLUMN
const round = (n: number) => Math.round(n * 10) / 10

function box(kind: string, column: number, from: string, to: string, label: string, inset: number): string {
  const [top, bottom] = [y(from), y(to)]
  const text = label && `<text x="${column + inset + 8}" y="${round((top + bottom) / 2 + 4)}">${label}</text>`
  return `<g class="${kind}"><rect x="${column + inset}" y="${round(top + 1)}" width="${COLUMN - 12 - 2 * inset}" height="${round(bottom - top - 2)}" rx="3"/>${text}</g>`
}

const shapes: string[] = []
for (let hour = FIRST; hour <= LAST; hour++) {
  const at = y(`${String(hour).padStart(2, '0')}:00`)
  shapes.push(
    `<text class="hour" x="${LEFT - 12}" y="${at + 4}">${hour}:00</text><line x1="${LEFT - 6}" x2="${LEFT + operatories.length * COLUMN}" y1="${at}" y2="${at}"/>`,
  )
}
for (const each of operatories)
  shapes.push(
    `<text class="name" x="${x(each.id)}" y="${TOP - 14}">${each.name} (operatory ${each.id})</text>`,
  )
for (const hour of hours)
  if (hour.days.includes(weekday) || hour.specific_date === day)
    shapes.push(box('open', x(hour.operatory_id), hour.begin_time, hour.end_time, '', 0))
for (const { operatory_id, provider_id, unavailable, id, start_time, end_time } of taken) {
  const isOwn = (hour: { operatory_id: number; provider_id: number }) =>
    operatory_id === null
      ? provider_id === null || hour.provider_id === provider_id
      : hour.operatory_id === operatory_id
  const columns = new Set<number>(
    hours.filter(isOwn).map((hour: { operatory_id: number }) => x(hour.operatory_id)),
  )
  const what = unavailable ? 'block' : 'appointment'
  for (const column of columns)
    shapes.push(box(what, column, wall(start_time), wall(end_time), `${what} ${id}`, 6))
}
for (const group of groups)
  for (const slot of group.slots)
    shapes.push(
      box(
        'slot',
        x(slot.operatory_id),
        slot.time.slice(11, 16),
        slot.end_time.slice(11, 16),
        slot.time.slice(11, 16),
        6,
      ),
    )

const [width, height] = [LEFT + operatories.length * COLUMN + 8, y(`${LAST}:00`) + 24]
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">
<title>Slots of a day</title>
<style>
.hour { text-anchor: end; fill: #667 } line { stroke: #dde } .name { font-weight: 600 } .title { font-size: 16px; font-weight: 600 }
.open rect { fill: #f3f6ee } .appointment rect { fill: #c9ced8 } .block rect { fill: #e6c9b8 }
.slot rect { fill: #fff; stroke: #4a8a3c } .slot text { fill: #2f6a22 }
</style>
<rect width="${width}" height="${height}" fill="#fff"/>
<text class="title" x="${LEFT}" y="28">${weekday}, ${day}: slots of ${SLOT_LENGTH} minutes (${place.tz})</text>
${shapes.join('\n')}
</svg>
`)
