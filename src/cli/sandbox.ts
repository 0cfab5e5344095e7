/** `sandbox desk`: the front desk of the simulated practice, by hand. */
import { Failure } from '../model/failures.ts'
import { SANDBOX_KEY } from '../sandbox/key.ts'
import { wallOf, wallToMs } from '../sandbox/practice-day.ts'
import { type Command, type Input, UsageError, type Values } from './command.ts'
import { readDemoFile } from './demo-file.ts'
import { table } from './terminal.ts'

const TIMEOUT_MS = 10_000

type Json = Record<string, unknown>
type Cell = string | number | boolean | null

/** What each act sends; `id` is the visit's, the closure's or the person's, `start` an instant. */
interface Act {
  /** The field that the id goes into; null where the act takes none. */
  id: string | null
  body: (values: Values, start: string | undefined) => Json
}

function place(values: Values): Json {
  return { chair_id: values.text('chair'), clinician_id: values.text('clinician') }
}

function time(values: Values, start: string | undefined): Json {
  const overbook = values.flag('overbook') ? true : undefined
  return { begins: start, minutes: values.whole('minutes', 5, 527_040), overbook }
}

const nothing = (): Json => ({})

const ACTS: Record<string, Act> = {
  book: {
    id: null,
    body: (values, start) => ({
      ...place(values),
      ...time(values, start),
      person_id: values.text('person'),
      remark: values.text('remark'),
    }),
  },
  move: { id: 'visit_id', body: (values, start) => ({ ...place(values), ...time(values, start) }) },
  cancel: { id: 'visit_id', body: nothing },
  confirm: { id: 'visit_id', body: nothing },
  arrive: { id: 'visit_id', body: nothing },
  delete: { id: 'visit_id', body: nothing },
  block: {
    id: null,
    body: (values, start) => {
      const closing = { ...place(values), ...time(values, start) }
      const everything = values.flag('everything') ? true : undefined
      return { ...closing, everything, reason: values.text('remark') }
    },
  },
  unblock: { id: 'closure_id', body: nothing },
  rename: {
    id: 'person_id',
    body: (values) => ({ first_name: values.text('first'), last_name: values.text('last') }),
  },
}

/** Which practice, and how it is shown. */
export const practiceOptions: Command['options'] = {
  url: {
    type: 'string',
    value: '<url>',
    about: 'The practice (default: that of the demo in the data directory)',
  },
  'practice-key': {
    type: 'string',
    value: '<key>',
    about: 'Its key, where it was given another than its usual one',
  },
  json: { type: 'boolean', about: 'Print the practice’s own JSON' },
}

export const sandboxDesk: Command = {
  name: 'sandbox desk',
  about: 'Act as the front desk of the simulated practice',
  positionals: ['<act>', '[id]'],
  options: {
    start: {
      type: 'string',
      value: '<time>',
      about: 'book, move, block: ISO 8601; without an offset by the clocks of the practice',
    },
    minutes: {
      type: 'string',
      value: '<n>',
      about: 'book, move, block: length (book 30, block 60, move as it was)',
    },
    chair: {
      type: 'string',
      value: '<id>',
      about: 'book, move, block: chair, as the operatory’s foreign id (book: 1)',
    },
    clinician: {
      type: 'string',
      value: '<id>',
      about: 'book, move, block: clinician, as the provider’s foreign id',
    },
    person: { type: 'string', value: '<id>', about: 'book: person, as the patient’s foreign id (default 1)' },
    remark: { type: 'string', value: '<text>', about: 'book, block: what the desk notes' },
    overbook: { type: 'boolean', about: 'book, move, block: also over what is there' },
    everything: { type: 'boolean', about: 'block: the whole practice' },
    first: { type: 'string', value: '<name>', about: 'rename: first name' },
    last: { type: 'string', value: '<name>', about: 'rename: last name' },
    day: { type: 'string', value: '<date>', about: 'list: day (default today there)' },
    ...practiceOptions,
  },
  details: [
    `Acts: ${Object.keys(ACTS).join(', ')}, list. The id is that of the visit (the appointment’s foreign id), for`,
    'unblock of the closure, for rename of the person.',
    '',
    '  ./slotbridge sandbox desk list --day 2026-12-07',
    '  ./slotbridge sandbox desk book --start 2026-12-07T09:00 --chair 1 --person 12',
    '  ./slotbridge sandbox desk move 614 --start 2026-12-07T10:30',
    '  ./slotbridge sandbox desk block --chair 2 --start 2026-12-07T15:00 --minutes 60',
    '  ./slotbridge sandbox desk unblock block_119',
    '  ./slotbridge sandbox desk rename 12 --last Larkfield',
  ].join('\n'),
  run,
}

interface Practice {
  send(method: string, path: string, body?: Json): Promise<Json>
}

async function run(input: Input): Promise<number> {
  const { positionals, values } = input
  const [name = '', typedId] = positionals
  const practice = openPractice(input)
  if (name === 'list') return showDay(input, practice)
  const act = Object.hasOwn(ACTS, name) ? ACTS[name] : undefined
  if (act === undefined) throw new UsageError(`There is no act ${name}.`, 'sandbox desk')
  if (act.id !== null && typedId === undefined)
    throw new UsageError(`Missing the id for ${name}.`, 'sandbox desk')
  if (act.id === null && typedId !== undefined) throw new UsageError(`${name} takes no id.`, 'sandbox desk')
  const start = await readStart(values, practice)
  const id = typedId?.replace(/^block_/, '')
  const answer = await practice.send('POST', `/desk/${name}`, {
    ...act.body(values, start),
    ...(act.id === null ? {} : { [act.id]: id }),
  })
  input.terminal.say(values.flag('json') ? JSON.stringify(answer, null, 2) : describe(answer))
  return 0
}

/** The practice that a command speaks to. @throws Failure where none is known */
export function openPractice({ config, values }: Input): Practice {
  const url = values.text('url') ?? readDemoFile(config.dataDir)?.sandbox_url
  if (url === undefined) {
    throw new Failure(
      'invalid_request',
      `No demo runs on ${config.dataDir}: give --url, or start ./slotbridge demo.`,
    )
  }
  const key = values.text('practice-key') ?? SANDBOX_KEY
  return {
    async send(method, path, body) {
      const response = await reach(new URL(path, url), key, method, body)
      const json = (await response.json().catch(() => null)) as Json | null
      if (response.ok && json !== null) return json
      const sentence =
        typeof json?.sentence === 'string' ? json.sentence : `The practice answered ${response.status}.`
      throw new Failure(response.status === 404 ? 'not_found' : 'invalid_request', sentence)
    },
  }
}

async function reach(url: URL, key: string, method: string, body?: Json): Promise<Response> {
  try {
    return await fetch(url, {
      method,
      headers: { 'x-practice-key': key, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch {
    throw new Failure('unavailable', `The practice at ${url.origin} does not answer.`)
  }
}

async function zoneOf(practice: Practice): Promise<string> {
  return String((await practice.send('GET', '/status')).zone)
}

/** `--start` as an instant; a time without an offset is read by the clocks of the practice. */
async function readStart(values: Values, practice: Practice): Promise<string | undefined> {
  const start = values.text('start')
  if (start === undefined) return undefined
  const wall = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:00)?$/.exec(start)
  if (wall === null) return start
  const [, day = '', clock = ''] = wall
  try {
    return new Date(wallToMs(day, clock, await zoneOf(practice))).toISOString()
  } catch (error) {
    if (error instanceof RangeError) throw new Failure('invalid_request', `--start ${start} is no time.`)
    throw error
  }
}

/** One line about what the desk did; ids and times, no names. */
function describe(answer: Json): string {
  for (const noun of ['visit', 'closure', 'person']) {
    const row = answer[noun] as Json | undefined
    if (row === undefined) continue
    const what = `${noun} ${row[`${noun}_id`]}`
    if (noun === 'person') return `${what} is renamed`
    const where = [
      row.chair_id && `chair ${row.chair_id}`,
      row.clinician_id && `clinician ${row.clinician_id}`,
    ]
    const state = noun === 'visit' ? row.state : 'closed'
    return [`${what} is ${state}: ${row.begins} to ${row.finishes}`, ...where.filter(Boolean)].join(', ')
  }
  return `${answer.deleted} is deleted`
}

async function showDay({ terminal, values }: Input, practice: Practice): Promise<number> {
  const day = values.text('day')
  const answer = await practice.send(
    'GET',
    `/desk/list${day === undefined ? '' : `?day=${encodeURIComponent(day)}`}`,
  )
  if (values.flag('json')) {
    terminal.say(JSON.stringify(answer, null, 2))
    return 0
  }
  const zone = await zoneOf(practice)
  const clock = (value: unknown): string => wallOf(Date.parse(String(value)), zone)
  const cell = (value: unknown): Cell => (value === null || value === undefined ? null : String(value))
  const rows = [...((answer.visits as Json[]) ?? []), ...((answer.closures as Json[]) ?? [])]
    .sort((one, other) => (String(one.begins) < String(other.begins) ? -1 : 1))
    .map((row) => [
      cell(row.visit_id ?? `block_${row.closure_id}`),
      clock(row.begins),
      clock(row.finishes),
      cell(row.chair_id),
      cell(row.clinician_id),
      cell(row.state ?? (row.lifted_at === null ? 'closed' : 'lifted')),
      cell(row.person_id),
      cell(row.person ?? row.reason),
    ])
  terminal.say(`${answer.day}, clocks of ${zone}`)
  const headings = ['id', 'from', 'to', 'chair', 'clinician', 'state', 'person', 'name or reason']
  terminal.say(rows.length === 0 ? 'nothing' : table(headings, rows))
  return 0
}
