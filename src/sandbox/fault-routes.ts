/** The fault dial and the manner of the practice, set over its own HTTP. */
import { onlyFields, requiredId } from './body.ts'
import { recreate } from './fault-desk.ts'
import type { FaultDial } from './fault-dial.ts'
import { FAULTS } from './fault-kinds.ts'
import { readSettings } from './fault-settings.ts'
import type { Routes } from './http.ts'
import { changeManner, mannerOf } from './manner.ts'
import type { Practice } from './practice.ts'
import { ok } from './routes.ts'
import { getVisit } from './visits.ts'

export function faultRoutes(practice: Practice, dial: FaultDial): Routes {
  return {
    'GET /faults': () => ok(dial.show()),
    'GET /faults/kinds': () => ok({ kinds: FAULTS }),
    'PUT /faults': (call) => {
      dial.set(readSettings(call.body))
      return ok(dial.show())
    },
    'POST /faults/backup': (call) => {
      onlyFields(call.body, [])
      practice.backUp()
      return ok({ backup: 'taken' })
    },
    'POST /faults/restore': (call) => {
      onlyFields(call.body, [])
      practice.restoreBackup()
      return ok({ backup: 'restored' })
    },
    'POST /faults/recreate': (call) => {
      onlyFields(call.body, ['visit_id'])
      recreate(practice, getVisit(practice, requiredId(call.body, 'visit_id')))
      return ok({ visit: 'entered again' })
    },
    'GET /manner': () => ok({ ...mannerOf(practice) }),
    'PUT /manner': (call) => {
      changeManner(practice, call.body)
      return ok({ ...mannerOf(practice) })
    },
  }
}
