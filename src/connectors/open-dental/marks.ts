/**
 * Marks that only grow: the histories of appointments and of deletions, and the keys of patients, who are never taken out.
 * (The greatest AptNum is none: deleting the youngest appointment lowers it.) Each is read off the end of an index.
 */
import type { Database } from './database.ts'

/** @throws Unavailable */
export async function readMarks(database: Database): Promise<Record<string, number>> {
  const [row] = await database.rows(
    `select (select max(HistApptNum) from histappointment) as history,
      (select max(DeletedObjectNum) from deletedobject) as deletions, (select max(PatNum) from patient) as patients`,
  )
  return {
    history: Number(row?.history ?? 0),
    deletions: Number(row?.deletions ?? 0),
    patients: Number(row?.patients ?? 0),
  }
}
