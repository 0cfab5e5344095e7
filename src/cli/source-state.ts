/** `source show|resume`: how a record system is doing, what of it could not be read, and going on after its backup. */
import { inTenant, inWork, type Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { appendAudit } from '../store/audit.ts'
import { type DataSource, findDataSource } from '../store/data-sources.ts'
import { findPatientOf } from '../store/patients-mirror.ts'
import { type Aside, listAside } from '../store/practice-restored.ts'
import { listSourceStatus } from '../store/sync-status.ts'
import { type Lost, listLost, resumeWriting, wasReadAgain } from '../sync/resume.ts'
import type { Command, Input } from './command.ts'
import { commandRow } from './command-audit.ts'
import { findInstitution, ofInstitution, readId, withInstallation } from './open.ts'
import { asJson } from './output.ts'
import { table } from './terminal.ts'

const ASIDE_MAX = 1_000

interface State {
  source: DataSource
  status: { read: string; read_reason: string | null; write: string; write_reason: string | null }
  set_aside: Aside[]
  /** What we had written and the practice lost; empty unless writing stopped. */
  lost: Lost[]
}

async function withState<T>(
  input: Input,
  command: string,
  run: (state: State, act: Act) => Promise<T>,
): Promise<T> {
  return await withInstallation(input, async (installation) => {
    const institution = await findInstitution(installation, input.values.text('institution'))
    return await inTenant(installation.database, institution.id, async (tx) => {
      const [typed] = input.positionals
      const source = await findDataSource(tx, readId(typed, 'data source'))
      if (!source) throw new Failure('not_found', `There is no data source ${typed}.`)
      const [shown] = await listSourceStatus(tx, { id: source.id })
      const status = {
        read: source.read_status,
        read_reason: shown?.read_reason ?? null,
        write: source.writing_stopped_at ? 'stopped' : source.write_status,
        write_reason: shown?.write_reason ?? null,
      }
      const state = {
        source,
        status,
        set_aside: await listAside(tx, source.id, ASIDE_MAX),
        lost: await listLost(tx, source),
      }
      // Committed before anything is said.
      const named = await patientsOf(tx, state.lost)
      const row = commandRow({ institutionId: institution.id, kind: 'export', command, patientIds: named })
      if (named.length > 0) await inWork(installation.database, (work) => appendAudit(work, [row]))
      return await run(state, { resume: () => resumeWriting(tx, source) })
    })
  })
}

/** Whose appointments they are. */
async function patientsOf(tx: Tenant, lost: Lost[]): Promise<number[]> {
  const ids: number[] = []
  for (const { appointment_id } of lost) {
    const id = await findPatientOf(tx, appointment_id)
    if (id !== null) ids.push(id)
  }
  return ids
}

interface Act {
  resume(): Promise<void>
}

const show: Command = {
  name: 'source show',
  about: 'Show how a record system is doing, and the rows of it that could not be read',
  positionals: ['<id>'],
  options: { ...ofInstitution, ...asJson },
  details: [
    'A row that is set aside takes its time all the same where its times could be read. It is tried again whenever the record',
    'system says that it changed, and with every window.',
  ].join('\n'),
  run: (input) =>
    withState(input, 'source show', async (state) => {
      const { source, status, set_aside, lost } = state
      if (input.values.flag('json')) {
        const stopped = { writing_stopped_at: source.writing_stopped_at, read_again: wasReadAgain(source) }
        input.terminal.say(JSON.stringify({ id: source.id, ...status, ...stopped, set_aside, lost }, null, 2))
        return 0
      }
      input.terminal.say(`read ${status.read}${status.read_reason ? `: ${status.read_reason}` : ''}`)
      input.terminal.say(`write ${status.write}${status.write_reason ? `: ${status.write_reason}` : ''}`)
      input.terminal.say(`${set_aside.length} rows set aside`)
      const cells = set_aside.map(({ noun, foreign_id, reason, created_at }) => [
        noun,
        foreign_id,
        reason,
        created_at,
      ])
      if (cells.length > 0) input.terminal.say(table(['noun', 'foreign id', 'reason', 'since'], cells))
      if (source.writing_stopped_at) sayLost(input, state)
      return 0
    }),
}

const resume: Command = {
  name: 'source resume',
  about: 'Write to a record system again that restored a backup',
  positionals: ['<id>'],
  options: { ...ofInstitution, yes: { type: 'boolean', about: 'Go on; without it, only show what differs' } },
  details: [
    'Writing stops when a record system went back behind what was read of it. Everything is then read again, and what is owed',
    'waits. What we had written and the practice lost is listed here: it is not written again by itself, since the record',
    'system is right. Book it again, or tell the patients. docs/operations/recovery.md tells more.',
  ].join('\n'),
  run: (input) =>
    withState(input, 'source resume', async (state, act) => {
      if (state.source.writing_stopped_at) sayLost(input, state)
      if (input.values.flag('yes') || !state.source.writing_stopped_at) {
        await act.resume()
        input.terminal.say(`data source ${state.source.id} is written to again`)
        return 0
      }
      input.terminal.say('writing is still stopped: say --yes to go on')
      return 1
    }),
}

function sayLost({ terminal }: Input, { source, lost }: State): void {
  if (!wasReadAgain(source)) terminal.say('it was not read again yet: what follows may be incomplete')
  terminal.say(`${lost.length} appointments do not stand any more as we had written them`)
  const cells = lost.map(({ appointment_id, foreign_id, start_time, gone, fields }) => [
    appointment_id,
    foreign_id,
    start_time,
    gone ? 'gone' : fields.join(', '),
  ])
  if (cells.length > 0) terminal.say(table(['appointment', 'foreign id', 'start', 'what differs'], cells))
}

export const sourceStateCommands: Command[] = [show, resume]
