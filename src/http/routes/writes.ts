/** `POST /writes/{id}/resolve`: a person says what nothing of ours may guess. */
import { Type } from 'typebox'
import { resolveWrite } from '../../booking/resolve.ts'
import { Write, WriteResolution } from '../../model/wire-sync.ts'
import { IdParams, Subdomain } from '../inputs.ts'
import { tenantRoute } from '../route.ts'
import { showWrites } from '../show-writes.ts'

export const writeRoutes = [
  tenantRoute({
    method: 'POST',
    path: '/writes/{id}/resolve',
    face: 'ours',
    summary:
      'Says how a waiting write goes on: who its patient is (patient_id, create_new), or retry where it crashed its workers, or give_up; answers all writes of the appointments that this concerns',
    by: 'subdomain',
    scope: 'appointments:write',
    query: Type.Object({ ...Subdomain }),
    params: IdParams,
    body: WriteResolution,
    data: Type.Array(Write),
    async handle({ tx, params, body }) {
      const data = []
      for (const id of await resolveWrite(tx, params.id, body)) data.push(...(await showWrites(tx, id)))
      return { data, count: data.length, owes: true }
    },
  }),
]
