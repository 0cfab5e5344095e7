import { expect, it } from 'vitest'
import { inGlobal, inTenant } from '../../src/db/database.ts'
import { createAccount } from '../../src/store/accounts.ts'
import { explainTaken } from '../../src/store/taken-time.ts'
import { makePractice } from '../http/served.ts'
import { testDatabase } from '../support/database.ts'

it('what is taken is read by one bounded range of the index, under the policies of the application', async () => {
  await using t = await testDatabase()
  const accountId = await inGlobal(t.database, (tx) => createAccount(tx, 'Willow Creek'))
  const practice = await makePractice(t, accountId, 'willow-creek')
  const { institutionId, sourceId, locationId, providerId, operatoryId } = practice
  // Four years of visits, one after the other.
  await t.look(
    `with visits as (
       insert into appointments (institution_id, data_source_id, location_id, provider_id, operatory_id, starts_at, ends_at,
         unavailable, confirmed, cancelled, checked_out, patient_missed, is_guardian, is_new_clients_patient,
         sooner_if_possible, patient_confirmed, descriptor_ids, deleted)
       select $1, $2, $3, $4, $5, at, at + interval '1 hour', false, false, false, false, false, false, false, false, false, '{}', false
       from generate_series(now() - interval '2 years', now() + interval '2 years', interval '1 hour') at
       returning institution_id, id, location_id, operatory_id, provider_id, starts_at, ends_at)
     insert into busy (institution_id, appointment_id, part, location_id, operatory_id, provider_id, starts_at, ends_at)
     select institution_id, id, 1, location_id, operatory_id, provider_id, starts_at, ends_at from visits`,
    [institutionId, sourceId, locationId, providerId, operatoryId],
  )
  await t.look('vacuum analyze busy')
  const from = t.clock.instant()
  const to = new Date(Date.parse(from) + 14 * 86_400_000).toISOString()
  const of = { operatoryIds: [operatoryId], providerIds: [providerId], anywhereProviderIds: [] }
  const plan = await inTenant(t.database, institutionId, (tx) =>
    explainTaken(tx, { locationIds: [locationId], from, to, of }),
  )
  const text = plan.join('\n')
  expect(text).not.toMatch(/Seq Scan on busy/)
  expect(text).toMatch(/busy_time/)
  expect(text).toMatch(/Index Cond: .*location_id.*starts_at >.*starts_at </)
  const rows = /on busy t .*actual time=\S+ rows=([\d.]+)/.exec(text)?.[1]
  expect(Number(rows)).toBe(14 * 24 + 1)
})
