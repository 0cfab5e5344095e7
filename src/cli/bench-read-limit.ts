/** What `bench read` is measured beside: a route that passes on what PostgreSQL's `json_agg` made of the rows. */
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { inTenantReading, type Tenant } from '../db/database.ts'
import { authenticate } from '../http/authenticate.ts'
import type { ServerContext } from '../http/context.ts'
import { DATA_AS_OF, dataAsOf } from '../http/freshness.ts'
import { openTokens } from '../http/tokens.ts'
import { type AppointmentFilter, filtered } from '../store/appointments.ts'

export const LIMIT_PATH = '/limit'

/** The columns of `appointments` that `GET /appointments` shows, and none that it finds elsewhere. */
const stored = sql`a.id, a.patient_id, a.provider_id, a.starts_at, a.ends_at, a.confirmed, a.confirmed_at, a.patient_confirmed,
  a.patient_confirmed_at, a.patient_missed, a.cancelled, a.cancelled_at, a.checkin_at, a.checked_out, a.checked_out_at,
  a.created_at, a.updated_at, a.note, a.unavailable, a.institution_id, a.location_id, a.operatory_id, a.appointment_type_id,
  a.foreign_id, a.last_sync_time, a.booked_by_api_key_id, a.is_guardian, a.is_new_clients_patient, a.sooner_if_possible,
  a.referrer`

interface Asked {
  subdomain: string
  location_id: string
  start: string
  end: string
  per_page: string
}

/**
 * Puts the route on a bench's server. It does what no read may leave out: who is asking, the institution's transaction under
 * its policies, what the answer is as of, and the row of the audit with every patient shown. It shows the same page of the
 * same rows by the same filter; the text goes out as it came. It does not do what makes that text our wire: no parameters are
 * checked and no limits of the key, no envelope and no cursors, no names, zones, offsets, data sources and insertions from
 * other tables, and nothing of whether a patient came before.
 */
export function serveLimit(app: FastifyInstance, context: ServerContext): void {
  const { database, clock } = context
  const tokens = openTokens(database, () => clock.now())
  app.get<{ Querystring: Asked }>(LIMIT_PATH, async (request, reply) => {
    const { subdomain, location_id, start, end, per_page } = request.query
    const { authorization } = request.headers
    const { caller } = await authenticate(database, tokens, authorization, { subdomain })
    const { institution, keyId } = caller
    if (!institution) throw new Error('the bench asks for its own institution')
    Object.assign(request, { keyId, institutionId: institution.id })
    const locationId = Number(location_id)
    const read = { query: { location_id: locationId }, params: {}, context }
    const [asOf, page] = await inTenantReading(
      database,
      institution.id,
      async (tx) =>
        await Promise.all([dataAsOf(tx, read), readPage(tx, { locationId, start, end }, Number(per_page))]),
    )
    for (const id of page.patient_ids) request.audit?.patientIds.add(id)
    if (asOf !== null) reply.header(DATA_AS_OF, asOf)
    return reply.type('application/json; charset=utf-8').send(page.text)
  })
}

async function readPage(
  tx: Tenant,
  filter: AppointmentFilter,
  size: number,
): Promise<{ text: string; patient_ids: number[] }> {
  const { rows } = await sql<{ text: string; patient_ids: number[] }>`
    select json_agg(q)::text as text, array_agg(patient_id) as patient_ids
    from (select ${stored} from appointments a ${filtered(tx, filter)} order by a.starts_at, a.id limit ${size}) q`.execute(
    tx.db,
  )
  const [page] = rows
  if (!page) throw new Error('an aggregate has one row')
  return page
}
