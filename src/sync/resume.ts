/** Going on after the practice restored a backup: what differs, and the lift of the stop. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import type { Instant } from '../model/time.ts'
import { type DataSource, setStatus } from '../store/data-sources.ts'
import { liftStop, listWrittenBefore } from '../store/practice-restored.ts'
import { differing } from './verify.ts'

/** What we had written, and the practice lost with the time that its backup lacks. Names nobody. */
export interface Lost {
  appointment_id: number
  foreign_id: string | null
  start_time: Instant
  /** The whole appointment is gone there: it must be booked again. */
  gone: boolean
  /** Else the fields that stand otherwise than we had written them. */
  fields: string[]
}

/** Whether everything was read again since writing stopped: only then is it known what differs. */
export function wasReadAgain(source: DataSource): boolean {
  const { writing_stopped_at: stopped, window_read_at: read, pull_completed_at: completed } = source
  return stopped !== null && read !== null && completed !== null && read > stopped && completed > read
}

/** What of our complete writes does not stand any more, as far as it was read since writing stopped. */
export async function listLost(tx: Tenant, source: DataSource): Promise<Lost[]> {
  if (source.writing_stopped_at === null) return []
  const written = await listWrittenBefore(tx, source.id, source.writing_stopped_at)
  return written.flatMap(({ asked, mirror, ...row }) => {
    // Its patient may bear another id of ours since.
    const { patient_id: _patient, ...fields } = asked
    const differ = mirror.gone ? [] : differing({ kind: 'insert', asked: fields }, mirror)
    // What we had cancelled ourselves is no loss.
    const isLost = differ.length > 0 || (mirror.gone && asked.cancelled !== true)
    return isLost ? [{ ...row, gone: mirror.gone, fields: differ }] : []
  })
}

/**
 * Lets what is owed be written again, and tells.
 * @throws Failure where writing has not stopped, or the record system was not read again since
 */
export async function resumeWriting(tx: Tenant, source: DataSource): Promise<void> {
  if (source.writing_stopped_at === null)
    throw new Failure('invalid_request', `Writing to data source ${source.id} has not stopped.`)
  if (!wasReadAgain(source))
    throw new Failure(
      'invalid_request',
      `Data source ${source.id} was not read again since writing stopped: what differs is not known yet.`,
    )
  await liftStop(tx, source.id)
  await setStatus(tx, source.id, 'write', 'green', null)
}
