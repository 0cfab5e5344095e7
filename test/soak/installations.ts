/** Installations that share nothing but one practice: each has a database and a worker of its own. */
import { inTenant } from '../../src/db/database.ts'
import { Failure } from '../../src/model/failures.ts'
import { book } from '../support/booking.ts'
import type { Look } from '../support/truth.ts'
import { endOf, type FreeTime } from './crash-plan.ts'
import { type LoadedPractice, PRACTICE_KEY } from './loaded-practice.ts'
import { startProgram, WORKER } from './programs.ts'

export interface Installed {
  look: Look
  patients: number[]
  /** Accepts a booking; false where it is refused because the time is taken. Any other refusal is thrown. */
  book(time: FreeTime, patientId: number): Promise<boolean>
}

/** Eight of them and the rest share one PostgreSQL of a hundred connections. */
const WORKER_POOL = '3'

/** @param practiceUrl where all of them find the practice */
export async function install(
  loaded: LoadedPractice,
  practiceUrl: string,
  stack: AsyncDisposableStack,
): Promise<Installed> {
  const { practice } = loaded
  const t = stack.use(await loaded.copyMirror({ url: practiceUrl, key: PRACTICE_KEY }, { poolMax: 1 }))
  await t.look('update data_sources set directory_read_at = null, window_read_at = null, poll_seconds = 20')
  const masterKey = t.database.masterKey.toString('base64')
  stack.use(startProgram(WORKER, () => [t.url, t.directUrl, masterKey, WORKER_POOL, 'sandbox']))
  const rows = await t.look('select id from patients where foreign_id is not null order by id limit 100')
  const side = {
    ...practice,
    t,
    tenant: (run: Parameters<typeof inTenant>[2]) => inTenant(t.database, practice.institutionId, run),
    wake: () => undefined,
  } as Parameters<typeof book>[0]
  return {
    look: t.look,
    patients: rows.map((row) => Number(row.id)),
    async book({ start, ...place }, patientId) {
      try {
        await book(side, { patientId, start, end: endOf(start), ...place })
        return true
      } catch (error) {
        if (error instanceof Failure && error.code === 'slot_taken') return false
        throw error
      }
    },
  }
}
