/** Faults of reading: pages of the feed (and of the schedule, where the dial says so) that are not what they should be. */
import type { Meeting } from './fault-meeting.ts'
import type { Answer } from './http.ts'
import type { Json } from './rows.ts'

const LISTS = ['people', 'visits', 'closures', 'gone'] as const

function eachList(answer: Answer, change: (rows: Json[]) => Json[]): Answer {
  const json = { ...answer.json }
  for (const name of LISTS) if (Array.isArray(json[name])) json[name] = change(json[name] as Json[])
  return { ...answer, json }
}

/** Half of the rows are missing; the cursor is that of the whole page. */
export function halve({ handle }: Meeting): Answer {
  return eachList(handle(), (rows) => rows.slice(0, Math.floor(rows.length / 2)))
}

export function turnRound({ handle }: Meeting): Answer {
  return eachList(handle(), (rows) => rows.toReversed())
}

/** The page of the call before, rows and cursor; the right one where there was none. */
export function repeat({ handle, dial }: Meeting): Answer {
  const page = dial.lastPage
  return page === null ? handle() : { status: 200, json: { ...page, more: false } }
}

/** One visit of the page, by the dice, comes with an impossible date and without a person. */
export function poison({ handle, throws }: Meeting): Answer {
  const answer = handle()
  const visits = answer.json.visits
  if (!Array.isArray(visits) || visits.length === 0) return answer
  const at = throws.below(visits.length)
  const spoilt = (row: Json): Json => ({ ...row, begins: '0000-00-00T00:00:00Z', person_id: null })
  return {
    ...answer,
    json: { ...answer.json, visits: visits.map((row: Json, n) => (n === at ? spoilt(row) : row)) },
  }
}
