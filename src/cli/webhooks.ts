/** `webhooks listen|list|replay`: seeing deliveries arrive, how they went, and telling once more. */
import { Failure } from '../model/failures.ts'
import { isDay, readTime } from '../model/wire-time.ts'
import { DELIVERY_STATES } from '../model/wire-webhooks.ts'
import { appendAudit } from '../store/audit.ts'
import { listAttempts, listDeliveries, replayDeliveries, type ShownDelivery } from '../store/delivery-log.ts'
import type { Command, Input } from './command.ts'
import { commandRow } from './command-audit.ts'
import { ofInstitution, readId, withInstitution } from './open.ts'
import { asJson, showRows } from './output.ts'
import { listenCommand } from './webhooks-listen.ts'

const LIMIT = 1_000
const SHOWN = 50
const REPLAY_MAX = 10_000
type State = ShownDelivery['state']

const chosen = {
  ...ofInstitution,
  endpoint: { type: 'string', value: '<id>', about: 'Only of this endpoint' },
  start: {
    type: 'string',
    value: '<time>',
    about: 'Only those made from then on, such as 2026-12-07T09:00Z',
  },
  end: { type: 'string', value: '<time>', about: 'Only those made until then' },
} as const

const list: Command = {
  name: 'webhooks list',
  about: 'List deliveries, the newest first, or all attempts of one',
  positionals: ['[delivery]'],
  options: {
    ...chosen,
    status: { type: 'string', value: '<status>', about: `Only ${DELIVERY_STATES.join(', ')}` },
    limit: { type: 'string', value: '<n>', about: `How many (default ${SHOWN}, at most ${LIMIT})` },
    ...asJson,
  },
  run: async (input) => {
    const { values, positionals, terminal } = input
    const [typed] = positionals
    const id = typed === undefined ? undefined : readId(typed, 'delivery')
    const { rows, attempts } = await withInstitution(input, async (tx) => {
      const filter = { accountId: null, id, state: values.text('status'), ...choiceOf(input) }
      const rows = await listDeliveries(tx, filter, { limit: values.whole('limit', 1, LIMIT) ?? SHOWN })
      return { rows, attempts: id === undefined ? [] : await listAttempts(tx, id) }
    })
    if (id !== undefined && rows.length === 0) throw new Failure('not_found', `There is no delivery ${id}.`)
    showRows(input, rows, {
      id: (row) => row.id,
      endpoint: (row) => row.webhook_endpoint_id,
      event: (row) => row.event_name,
      status: (row) => row.state,
      attempts: (row) => row.attempts,
      answer: (row) => row.response_status ?? row.error,
      ms: (row) => row.duration_ms,
      made: (row) => row.created_at,
      next: (row) => row.next_attempt_at,
    })
    if (!values.flag('json'))
      for (const { number, started_at, response_status, error, duration_ms } of attempts)
        terminal.say(`attempt ${number}: ${started_at} ${response_status ?? error} after ${duration_ms} ms`)
    return 0
  },
}

const replay: Command = {
  name: 'webhooks replay',
  about: 'Tell deliveries once more: those named, or the dead ones of a time',
  positionals: ['[delivery…]'],
  options: {
    ...chosen,
    status: {
      type: 'string',
      value: 'dead|delivered|withdrawn',
      about: 'Which of a time (default dead)',
    },
  },
  details: `They keep their ids and their order. At most ${REPLAY_MAX} at once, the oldest first.`,
  run: async (input) => {
    const { values, positionals, terminal } = input
    const ids = positionals.map((text) => readId(text, 'delivery'))
    const choice = choiceOf(input)
    if (ids.length === 0 && (choice.start === undefined || choice.end === undefined))
      throw new Failure('invalid_request', 'Name deliveries, or a time with --start and --end.')
    const states =
      ids.length > 0 ? (['dead', 'delivered', 'withdrawn'] as const) : [readState(values.text('status'))]
    const done = await withInstitution(input, async (tx) => {
      const wanted = {
        accountId: null,
        ids: ids.length > 0 ? ids : undefined,
        states: [...states],
        ...choice,
      }
      const replayed = await replayDeliveries(tx, wanted, REPLAY_MAX)
      // Whom each tells of stands in the row that its attempt leaves.
      const told = { institutionId: tx.institutionId, kind: 'request', command: 'webhooks replay' } as const
      await appendAudit(tx, [commandRow({ ...told, patientIds: [] })])
      return replayed
    })
    terminal.say(`${done.ids.length} deliveries are told once more`)
    if (done.ids.length === REPLAY_MAX) terminal.note('There may be more: run it again.')
    return 0
  },
}

function readState(text = 'dead'): State {
  const found = (['dead', 'delivered', 'withdrawn'] as const).find((state) => state === text)
  if (!found) throw new Failure('invalid_request', '--status must be one of dead, delivered, withdrawn.')
  return found
}

/** What the options narrow to. Times without an offset are UTC. */
function choiceOf({ values }: Input) {
  const timeOf = (name: 'start' | 'end') => {
    const text = values.text(name)
    if (text === undefined) return undefined
    const edge = name === 'start' || !isDay(text) ? 'first' : 'last'
    return readTime({ name: `--${name}`, text, zone: 'UTC', edge }).instant
  }
  return { endpointId: values.whole('endpoint', 1), start: timeOf('start'), end: timeOf('end') }
}

export const webhookCommands: Command[] = [listenCommand, list, replay]
