/** `writes [resolve]`: what is owed to record systems, how each write went, and what a person decides of one that waits. */
import { resolveWrite } from '../booking/resolve.ts'
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { appendAudit } from '../store/audit.ts'
import { findPatientOf } from '../store/patients-mirror.ts'
import { findWriteAppointment, listOwed, listWrites, type ShownWrite } from '../store/writes.ts'
import type { Command } from './command.ts'
import { type AuditedCommand, commandRow } from './command-audit.ts'
import { ofInstitution, readId, withInstitution } from './open.ts'
import { asJson, showRows } from './output.ts'

const LIMIT = 1_000
const SHOWN = 100

const writes: Command = {
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
      const found =
        typed === undefined
          ? await listOwed(tx, values.whole('limit', 1, LIMIT) ?? SHOWN)
          : await listWrites(tx, readId(typed, 'appointment'))
      if (typed !== undefined && found.length === 0)
        throw new Failure('not_found', `Nothing was ever owed for appointment ${typed}.`)
      await audit(tx, 'export', 'writes', found.flatMap(candidatesIn))
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

const resolve: Command = {
  name: 'writes resolve',
  about: 'Say how a waiting write goes on: who its patient is, or that it is tried again or given up',
  positionals: ['<write>'],
  options: {
    ...ofInstitution,
    patient: { type: 'string', value: '<id>', about: 'This patient of ours, whom the record system holds' },
    new: { type: 'boolean', about: 'Nobody whom the record system holds: create the patient' },
    retry: {
      type: 'boolean',
      about: 'It crashed its workers: look for it there, and send it again where it is not in effect',
    },
    'give-up': {
      type: 'boolean',
      about:
        'It is not written; one that crashed its workers is looked for first, and ends as it stands there',
    },
  },
  details: 'Without one of them it shows whom the patient may be. Names stand at GET /patients/{id}.',
  run: async (input) => {
    const { values, positionals, terminal } = input
    const id = readId(positionals[0], 'write')
    const patient = values.whole('patient', 1)
    const said = {
      ...(patient === undefined ? {} : { patient_id: patient }),
      ...(values.flag('new') ? { create_new: true as const } : {}),
      ...(values.flag('retry') ? { retry: true as const } : {}),
      ...(values.flag('give-up') ? { give_up: true as const } : {}),
    }
    const lines = await withInstitution(input, async (tx) => {
      const appointment = await findWriteAppointment(tx, id)
      const booked = appointment === null ? null : await findPatientOf(tx, appointment)
      const named = [booked, patient ?? null].filter((one) => one !== null)
      if (Object.keys(said).length === 0) {
        const write = await findWrite(tx, id)
        await audit(tx, 'export', 'writes resolve', [...named, ...candidatesIn(write)])
        return candidatesOf(write)
      }
      const concerned = await resolveWrite(tx, id, said)
      await audit(tx, 'request', 'writes resolve', named)
      return concerned.map((appointment) => `appointment ${appointment} is decided`)
    })
    for (const line of lines) terminal.say(line)
    return 0
  },
}

export const writeCommands = [writes, resolve]

/** In the transaction of what was done or shown, and not where it names nobody. */
async function audit(
  tx: Tenant,
  kind: AuditedCommand['kind'],
  command: string,
  patientIds: number[],
): Promise<void> {
  const { institutionId } = tx
  if (patientIds.length > 0) await appendAudit(tx, [commandRow({ institutionId, kind, command, patientIds })])
}

function candidatesIn({ candidates }: ShownWrite): number[] {
  return (candidates ?? []).flatMap(({ patient_id }) => patient_id ?? [])
}

async function findWrite(tx: Tenant, id: number): Promise<ShownWrite> {
  const appointment = await findWriteAppointment(tx, id)
  const found = appointment === null ? [] : await listWrites(tx, appointment)
  const write = found.find((one) => one.id === id)
  if (!write) throw new Failure('not_found', `There is no write ${id}.`)
  return write
}

function candidatesOf({ id, candidates, state, code, message }: ShownWrite): string[] {
  if (state === 'needs_decision' && code === 'crashed_repeatedly')
    return [`write ${id}: ${message} --retry or --give-up?`]
  if (candidates === null) return [`write ${id} does not wait to be told who its patient is`]
  return candidates.map(
    ({ patient_id, foreign_id, agrees_on }) =>
      `patient ${patient_id ?? 'not mirrored'} (there ${foreign_id}): ${agrees_on.join(' and ')} agree`,
  )
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
