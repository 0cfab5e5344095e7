/** Faults in which the front desk is faster: it acts on the row between its commit and the answer about it. */
import { changeVisit } from './change-visit.ts'
import { DESK } from './desk.ts'
import type { Meeting } from './fault-meeting.ts'
import type { Answer } from './http.ts'
import { changePerson } from './people.ts'
import type { Practice } from './practice.ts'
import type { VisitRow } from './rows.ts'
import { deleteVisit, getVisit, storeVisit } from './visits.ts'

const FOUR_WEEKS_MS = 28 * 24 * 3_600_000

type Act = (practice: Practice, row: VisitRow) => void

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** Deletes the row and enters the same under the same id, as some systems do when a visit is edited. */
export function recreate(practice: Practice, row: VisitRow): void {
  practice.transaction(() => {
    deleteVisit(practice, DESK, row.id)
    const codes = JSON.parse(row.procedure_codes) as string[]
    const { person_id: person, clinician_id: clinician, chair_id: chair, kind_id: kind } = row
    const { begins, finishes, remark } = row
    const draft = { person, clinician, chair, kind, codes, begins, finishes, remark, reference: null }
    storeVisit(practice, DESK, draft, practice.now(), row.id)
  })
}

const ACTS: Record<string, Act> = {
  rename: (practice, row) => {
    changePerson(practice, DESK, row.person_id, { last_name: 'Renamed' })
  },
  move: (practice, row) => {
    const times = { begins: iso(row.begins + FOUR_WEEKS_MS), finishes: iso(row.finishes + FOUR_WEEKS_MS) }
    changeVisit(practice, DESK, row.id, { ...times, overbook: true })
  },
  remark: (practice, row) => {
    changeVisit(practice, DESK, row.id, { remark: 'Rewritten at the desk' })
  },
  cancel: (practice, row) => {
    changeVisit(practice, DESK, row.id, { cancelled: true })
  },
  delete: (practice, row) => deleteVisit(practice, DESK, row.id),
  recreate,
}

/** Stores, then lets the desk act on the visit that was stored. The answer is the one from before that. */
export function actMeanwhile(name: keyof typeof ACTS): (meeting: Meeting) => Answer {
  return ({ practice, handle }) => {
    const answer = handle()
    const visit = answer.json.visit as { visit_id?: string } | undefined
    if (visit?.visit_id !== undefined) ACTS[name]?.(practice, getVisit(practice, Number(visit.visit_id)))
    return answer
  }
}
