/** The front desk's screen, played over HTTP. */
import { requiredId } from './body.ts'
import { DESK, deskBlock, deskBook, deskList, deskMark, deskMove, deskRemark, deskUnblock } from './desk.ts'
import { actOnce, type Touches } from './desk-pace.ts'
import type { Routes } from './http.ts'
import { changePerson, mergePerson } from './people.ts'
import type { Practice } from './practice.ts'
import { dayOf } from './practice-day.ts'
import { ok } from './routes.ts'
import { personJson } from './rows.ts'
import { deleteVisit } from './visits.ts'

export function deskRoutes(practice: Practice, touches: Touches): Routes {
  return {
    'POST /desk/book': (call) => ok(deskBook(practice, call.body)),
    'POST /desk/move': (call) => ok(deskMove(practice, call.body)),
    'POST /desk/cancel': (call) => ok(deskMark(practice, 'cancel', call.body)),
    'POST /desk/confirm': (call) => ok(deskMark(practice, 'confirm', call.body)),
    'POST /desk/arrive': (call) => ok(deskMark(practice, 'arrive', call.body)),
    'POST /desk/remark': (call) => ok(deskRemark(practice, call.body)),
    'POST /desk/block': (call) => ok(deskBlock(practice, call.body)),
    'POST /desk/unblock': (call) => ok(deskUnblock(practice, call.body)),
    'POST /desk/rename': (call) => {
      const person = requiredId(call.body, 'person_id')
      return ok({ person: personJson(changePerson(practice, DESK, person, call.body)) })
    },
    'POST /desk/merge': (call) => ok({ person: personJson(mergePerson(practice, DESK, call.body)) }),
    'POST /desk/delete': (call) => {
      const visit = requiredId(call.body, 'visit_id')
      deleteVisit(practice, DESK, visit)
      return ok({ deleted: String(visit) })
    },
    'POST /desk/act': () => ok({ act: actOnce(practice, touches) }),
    'GET /desk/list': (call) =>
      ok(deskList(practice, call.query.get('day') ?? dayOf(practice.now(), practice.zone))),
  }
}
