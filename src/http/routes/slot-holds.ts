/** Holds, which NexHealth has none of: a slot set aside for minutes, for `appt.hold_id` to book. */
import { Type } from 'typebox'
import { holdSlot, releaseHold } from '../../booking/hold.ts'
import { Id } from '../../model/wire-basics.ts'
import { HOLD_MINUTES, SlotHold, SlotHoldCreation } from '../../model/wire-slots.ts'
import { IdParams, refuseForeignLocation, Subdomain } from '../inputs.ts'
import { tenantRoute } from '../route.ts'

const { least, most } = HOLD_MINUTES

export const slotHoldRoutes = [
  tenantRoute({
    method: 'POST',
    path: '/slot_holds',
    face: 'ours',
    summary: `Holds a slot for ${least} to ${most} minutes, under the rules of a booking`,
    by: 'subdomain',
    scope: 'appointments:write',
    query: Type.Object({ ...Subdomain, location_id: Id }),
    body: SlotHoldCreation,
    check: (_query, { slot_hold: hold }) => {
      const minutes = hold?.minutes ?? least
      return typeof minutes === 'number' && (minutes < least || minutes > most)
        ? [`Parameter minutes must be from ${least} to ${most}`]
        : []
    },
    data: SlotHold,
    status: 201,
    async handle({ tx, query, body, caller, warnings }) {
      await refuseForeignLocation(tx, query.location_id)
      const asked = body.slot_hold
      const { hold, warnings: more } = await holdSlot(tx, {
        apiKeyId: caller.keyId,
        locationId: query.location_id,
        providerId: asked.provider_id,
        operatoryId: asked.operatory_id ?? null,
        start: asked.start_time,
        end: asked.end_time ?? null,
        appointmentTypeId: asked.appointment_type_id ?? null,
        minutes: asked.minutes ?? HOLD_MINUTES.default,
      })
      warnings.push(...more)
      return { data: hold, status: 201 }
    },
  }),
  tenantRoute({
    method: 'DELETE',
    path: '/slot_holds/{id}',
    face: 'ours',
    summary: 'Lets a hold of this key go',
    by: 'slot_hold',
    scope: 'appointments:write',
    query: Type.Object({ ...Subdomain }),
    params: IdParams,
    data: Type.Null(),
    status: 204,
    async handle({ tx, params, caller }) {
      await releaseHold(tx, caller.keyId, params.id)
      return { data: null, status: 204 }
    },
  }),
]
