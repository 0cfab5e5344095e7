import { expect, it } from 'vitest'
import { inGlobal, inTenant } from '../../src/db/database.ts'
import { createAccount } from '../../src/store/accounts.ts'
import {
  countInstitutions,
  createInstitution,
  findInstitution,
  listInstitutions,
} from '../../src/store/institutions.ts'
import {
  createLocation,
  findLocation,
  getLocation,
  listLocations,
  updateLocation,
} from '../../src/store/locations.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

const institution = async (t: TestDatabase, subdomain: string) => {
  const accountId = await inGlobal(t.database, (tx) => createAccount(tx, subdomain))
  return { accountId, id: await createInstitution(t.database, { accountId, subdomain, name: subdomain }) }
}

it('makes an institution with its data key, so that a tenant transaction can begin', async () => {
  await using t = await testDatabase()
  const { id, accountId } = await institution(t, 'willow-creek')
  const sealed = await inTenant(t.database, id, async (tx) => tx.open(tx.seal({ word: 'kept' })))
  expect(sealed).toEqual({ word: 'kept' })
  const filter = { accountId, institutionIds: null }
  const rows = await inGlobal(t.database, (tx) => listInstitutions(tx, filter, { limit: 5, offset: 0 }))
  expect(rows).toMatchObject([{ id, subdomain: 'willow-creek', country_code: 'US' }])
})

it('refuses a subdomain that another has, and leaves nothing behind', async () => {
  await using t = await testDatabase()
  const { accountId } = await institution(t, 'taken')
  await expect(createInstitution(t.database, { accountId, subdomain: 'taken', name: 'x' })).rejects.toThrow(
    'is taken',
  )
  await expect(createInstitution(t.database, { accountId, subdomain: 'No Good', name: 'x' })).rejects.toThrow(
    'lower-case',
  )
  const filter = { accountId: null, institutionIds: null }
  expect(await inGlobal(t.database, (tx) => countInstitutions(tx, filter))).toBe(1)
  expect(await inGlobal(t.database, (tx) => findInstitution(tx, 999_999))).toBeNull()
})

it('a location of one institution is not seen, changed or counted from another', async () => {
  await using t = await testDatabase()
  const mine = await institution(t, 'mine')
  const other = await institution(t, 'other')
  const place = { name: 'Main St', tz: 'America/New_York' }
  const locationId = await inTenant(t.database, mine.id, (tx) => createLocation(tx, place))
  await inTenant(t.database, other.id, async (tx) => {
    expect(await findLocation(tx, locationId)).toBeNull()
    expect(await listLocations(tx)).toEqual([])
    await expect(updateLocation(tx, locationId, { name: 'Taken over' })).rejects.toThrow('Location not found')
  })
  const kept = await inTenant(t.database, mine.id, (tx) => getLocation(tx, locationId))
  expect(kept).toMatchObject({
    name: 'Main St',
    default_minutes: 30,
    outside_hours: 'allow',
    insert_appt_client: true,
  })
})

it('changes only what is given, and can take the default length away', async () => {
  await using t = await testDatabase()
  const { id } = await institution(t, 'mine')
  await inTenant(t.database, id, async (tx) => {
    const locationId = await createLocation(tx, { name: 'Main St', tz: 'America/New_York', city: 'Albany' })
    await updateLocation(tx, locationId, { default_minutes: null, phone_number: '5185550100' })
    const row = await getLocation(tx, locationId)
    expect(row).toMatchObject({ city: 'Albany', default_minutes: null, phone_number: '5185550100' })
    await expect(createLocation(tx, { name: 'x', tz: '+05:00' })).rejects.toThrow('not an IANA zone')
  })
})
