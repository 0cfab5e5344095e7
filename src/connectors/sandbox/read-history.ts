/** What became of one row, from the practice's own journal. */
import type { ForeignId } from '../../model/records.ts'
import { type HistoryEntry, Unavailable } from '../connector.ts'
import type { PracticeClient } from './practice-client.ts'
import { isClosure, isHistory, isVisit } from './practice-words.ts'
import { UNREADABLE, unavailable } from './read-practice.ts'
import { rowMeant, toAppointment, toBlock } from './read-rows.ts'

/** Oldest first; empty where the foreign id can mean nothing there. @throws Unavailable */
export async function readHistory(client: PracticeClient, foreignId: ForeignId): Promise<HistoryEntry[]> {
  const meant = rowMeant(foreignId)
  if (meant === null) return []
  const reply = await client('GET', `/${meant.noun}s/${meant.id}/history`)
  if (reply.kind !== 'answer' || reply.status !== 200) throw unavailable(reply)
  if (!isHistory.Check(reply.json)) throw new Unavailable(UNREADABLE)
  return reply.json.entries.map(({ by, after }) => ({
    // The practice knows programs from people, and no program from another.
    by: by === 'interface' ? 'program' : 'front_desk',
    record: isVisit.Check(after) ? toAppointment(after) : isClosure.Check(after) ? toBlock(after) : null,
  }))
}
