/** `writes`: what is owed to record systems, and how each write went. */
import { Failure } from '../model/failures.ts'
import { listOwed, listWrites, type ShownWrite } from '../store/writes.ts'
import type { Command } from './command.ts'
import { ofInstitution, readId, withInstitution } from './open.ts'
import { asJson, showRows } from './output.ts'

const LIMIT = 1_000
const SHOWN = 100

export const writes: Command = {
  name: 'writes',
  about: 'List what is owed to the record systems, or all writes of one appointment',
  positionals: ['[appointment]'],
  options: {
    ...ofInstitution,
    limit: {
      type: 'string',
      value: '<n>',
      about: `How many of those owed, oldest first (default ${SHOWN}, at most ${LIMIT})`,
    },
    ...asJson,
  },
  run: async (input) => {
    const { values, positionals, terminal } = input
    const [typed] = positionals
    const rows = await withInstitution(input, async (tx) => {
      if (typed === undefined) return await listOwed(tx, values.whole('limit', 1, LIMIT) ?? SHOWN)
      const found = await listWrites(tx, readId(typed, 'appointment'))
      if (found.length === 0)
        throw new Failure('not_found', `Nothing was ever owed for appointment ${typed}.`)
      return found
    })
    showRows(input, rows, {
      id: ({ id }) => id,
      appointment: ({ appointment_id }) => appointment_id,
      kind: ({ kind }) => kind,
      state: ({ state }) => state,
      attempts: ({ attempts }) => attempts.length,
      next: ({ next_attempt_at }) => next_attempt_at,
      deadline: ({ deadline }) => deadline,
      why: whyOf,
    })
    if (typed !== undefined && !values.flag('json')) for (const row of rows) showAttempts(row, terminal.say)
    return 0
  },
}

function whyOf({ code, message, differing }: ShownWrite): string | null {
  if (code === null) return null
  const fields = differing.length > 0 ? ` (${differing.join(', ')})` : ''
  return `${code}${fields}${message ? `: ${message}` : ''}`
}

function showAttempts({ id, attempts }: ShownWrite, say: (line: string) => void): void {
  for (const { started_at, ended_at, outcome, message } of attempts)
    say(
      `write ${id}: ${started_at} → ${ended_at ?? 'now'} ${outcome ?? 'running'}${message ? `: ${message}` : ''}`,
    )
}
