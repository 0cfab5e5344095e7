import { expect, it } from 'vitest'
import { bookAppointment } from '../../src/booking/book.ts'
import { inGlobal, inTenant } from '../../src/db/database.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { ahead, makePractice } from '../http/served.ts'
import { testDatabase } from '../support/database.ts'

/** PostgreSQL plans a statement anew for its first five values before it trusts a plan that it keeps; some more for `analyze`. */
const PLANNED_MOST = 12
const BOOKINGS = 24

it('PostgreSQL keeps the plan of every statement of a booking that names what it wants by id', async () => {
  await using t = await testDatabase()
  const { accountId, apiKeyId } = await inGlobal(t.database, async (tx) => {
    const accountId = await createAccount(tx, 'Willow Creek')
    const named = { accountId, name: 'test', scopes: ['appointments:write'], institutionIds: null }
    const { id } = await createKey(tx, named)
    return { accountId, apiKeyId: id }
  })
  const practice = await makePractice(t, accountId, 'willow-creek')
  // Among few rows every plan is as good as another.
  await t.look(
    `insert into appointments (institution_id, data_source_id, location_id, provider_id, operatory_id, starts_at, ends_at,
       unavailable, confirmed, cancelled, checked_out, patient_missed, is_guardian, is_new_clients_patient,
       sooner_if_possible, patient_confirmed, descriptor_ids, deleted)
     select $1, $2, $3, $4, $5, at, at + interval '1 hour', false, false, false, false, false, false, false, false, false, '{}', false
     from generate_series(now() - interval '2000 hours', now() - interval '1 hour', interval '1 hour') at`,
    [
      practice.institutionId,
      practice.sourceId,
      practice.locationId,
      practice.providerId,
      practice.operatoryId,
    ],
  )
  await t.look(`insert into busy (institution_id, appointment_id, part, location_id, operatory_id, provider_id, starts_at, ends_at)
    select institution_id, id, 1, location_id, operatory_id, provider_id, starts_at, ends_at from appointments`)
  await t.look('analyze appointments, busy')
  for (let n = 0; n < BOOKINGS; n++)
    await inTenant(t.database, practice.institutionId, (tx) =>
      bookAppointment(tx, {
        apiKeyId,
        locationId: practice.locationId,
        patientId: practice.patientId,
        dependent: null,
        providerId: practice.providerId,
        operatoryId: practice.operatoryId,
        start: ahead(7 + n),
        end: null,
        appointmentTypeId: practice.typeId,
        categoryId: null,
        note: null,
        referrer: null,
        unavailable: false,
        isGuardian: false,
        isNewClientsPatient: null,
        descriptorIds: [],
      }),
    )
  const { pool } = t.database
  const clients = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()))
  const asked = clients.map((client) =>
    client.query<{ statement: string; custom: string; kept: string }>(
      'select statement, custom_plans as custom, generic_plans as kept from pg_prepared_statements',
    ),
  )
  const statements = (await Promise.all(asked)).flatMap(({ rows }) => rows)
  for (const client of clients) client.release()
  expect(statements.filter(({ kept }) => Number(kept) > 0).length).toBeGreaterThan(10)
  // How much of a location falls into a stretch of time depends on the stretch: there PostgreSQL may rather look.
  const byId = statements.filter(({ statement }) => !statement.includes('from slot_holds'))
  expect(byId.filter(({ custom }) => Number(custom) > PLANNED_MOST)).toEqual([])
})
