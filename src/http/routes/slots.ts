/** `GET /available_slots` (v3), `GET /appointment_slots` (v2), and, ours, why a start is offered or not. */
import { type Static, type TSchema, Type } from 'typebox'
import { explainSlot } from '../../booking/explain.ts'
import { findSlotGroups, type SlotGroup } from '../../booking/find-slots.ts'
import type { SlotTerms } from '../../booking/slot-question.ts'
import { Failure } from '../../model/failures.ts'
import { Day, GivenDatetime, Id, oneOf } from '../../model/wire-basics.ts'
import { SlotExplanation, SlotGroupV2, SlotGroupV3 } from '../../model/wire-slots.ts'
import type { Answer } from '../envelope.ts'
import { MaxStaleness } from '../freshness.ts'
import { Ids, readTimes, Subdomain, zoneOf } from '../inputs.ts'
import { type TenantInput, tenantRoute } from '../route.ts'
import { showGroupV2, showGroupV3 } from '../versions/slots.ts'

const DAYS_MAX = 62
/** A slot is a visit, and no visit is longer than a day. */
const MINUTES_MAX = 1440
const NOTICE_MAX = 525_600
/** One call for a large group, not for everyone's year. */
const LOCATIONS_MAX = 100
const PROVIDERS_MAX = 500

const Minutes = (least: number, most: number) =>
  Type.Optional(Type.Integer({ minimum: least, maximum: most }))

const terms = {
  appointment_type_id: Type.Optional(Id),
  /** The older name of a type. */
  category_id: Type.Optional(Id),
  slot_length: Minutes(1, MINUTES_MAX),
  slot_interval: Minutes(1, MINUTES_MAX),
  overlapping_operatory_slots: Type.Optional(Type.Boolean()),
  appointments_per_timeslot: Minutes(1, 5),
  working_hour_label_id: Type.Optional(Id),
  working_hour_source: Type.Optional(oneOf(['manual', 'synced'])),
  /** Ours; what the location is set to where not given. */
  min_notice_minutes: Minutes(0, NOTICE_MAX),
  buffer_minutes: Minutes(0, MINUTES_MAX),
}
const Terms = Type.Object(terms)

function termsOf(query: Static<typeof Terms>): SlotTerms {
  return {
    appointmentTypeId: query.appointment_type_id ?? query.category_id ?? null,
    slotLength: query.slot_length ?? null,
    slotInterval: query.slot_interval ?? null,
    everyOperatory: query.overlapping_operatory_slots ?? false,
    labelId: query.working_hour_label_id ?? null,
    source: query.working_hour_source ?? null,
    minNotice: query.min_notice_minutes ?? null,
    buffer: query.buffer_minutes ?? null,
    perSlot: query.appointments_per_timeslot ?? null,
  }
}

const Query = Type.Object({
  ...Subdomain,
  ...MaxStaleness,
  start_date: Day,
  days: Type.Integer(),
  lids: Type.Array(Id, { minItems: 1, maxItems: LOCATIONS_MAX }),
  pids: Type.Optional(Type.Array(Id, { maxItems: PROVIDERS_MAX })),
  operatory_ids: Type.Optional(Ids),
  ...terms,
  /** Not NexHealth's; clients send it (decision 21). */
  limit: Type.Optional(Type.Integer()),
})
type Query = Static<typeof Query>

/** What the schema cannot say. v2 documents `pids` as needed; either is enough on both. */
function faultsOf(query: Partial<Query>): string[] {
  const hasAny =
    (query.pids ?? []).length > 0 ||
    query.appointment_type_id !== undefined ||
    query.category_id !== undefined
  return hasAny ? [] : ['Missing parameter pids (or appointment_type_id)']
}

async function find(
  { tx, query, warnings }: TenantInput<Query>,
  show: (group: SlotGroup) => unknown,
): Promise<Answer> {
  const year = Number(query.start_date.slice(0, 4))
  if (year < 1970 || year > 9000)
    throw new Failure('invalid_request', 'Parameter start_date lies too far away')
  const days = Math.min(Math.max(query.days, 1), DAYS_MAX)
  if (days !== query.days) warnings.push(`days must be from 1 to ${DAYS_MAX}; ${days} was taken.`)
  const found = await findSlotGroups(tx, {
    ...termsOf(query),
    locationIds: [...new Set(query.lids)],
    providerIds: query.pids && query.pids.length > 0 ? [...new Set(query.pids)] : null,
    operatoryIds: query.operatory_ids && query.operatory_ids.length > 0 ? query.operatory_ids : null,
    startDate: query.start_date,
    days,
  })
  warnings.push(...found.warnings)
  const limit = query.limit === undefined ? null : Math.max(query.limit, 1)
  if (limit !== null) {
    warnings.push(`limit was taken: at most ${limit} slots of each group are shown.`)
    for (const group of found.groups) group.slots.splice(limit)
  }
  return { data: found.groups.map(show), count: found.groups.length }
}

function routeOf(face: 'v2' | 'v3', path: string, group: TSchema, show: (group: SlotGroup) => unknown) {
  return tenantRoute({
    method: 'GET',
    path,
    face,
    isFresh: true,
    summary: 'The slots that can be booked, by location and provider, in local time',
    by: 'subdomain',
    scope: null,
    query: Query,
    check: faultsOf,
    data: Type.Array(group),
    handle: (input) => find(input, show),
  })
}

export const slotRoutes = [
  routeOf('v3', '/available_slots', SlotGroupV3, showGroupV3),
  routeOf('v2', '/appointment_slots', SlotGroupV2, showGroupV2),
  tenantRoute({
    method: 'GET',
    path: '/available_slots/explain',
    face: 'ours',
    isFresh: true,
    summary: 'Why one start of a provider is offered or not: the rule, or the row in the way',
    by: 'location',
    scope: 'appointments:read',
    query: Type.Object({
      ...Subdomain,
      ...MaxStaleness,
      location_id: Id,
      provider_id: Id,
      operatory_id: Type.Optional(Id),
      start_time: GivenDatetime,
      timezone: Type.Optional(Type.String({ maxLength: 64 })),
      ...terms,
    }),
    data: SlotExplanation,
    async handle({ tx, query, warnings }) {
      const times = readTimes(query, { start_time: 'first' }, await zoneOf(tx, query), warnings)
      const { explanation, warnings: more } = await explainSlot(tx, {
        ...termsOf(query),
        locationId: query.location_id,
        providerId: query.provider_id,
        operatoryId: query.operatory_id ?? null,
        start: times.start_time ?? '',
      })
      warnings.push(...more)
      return { data: explanation }
    },
  }),
]
