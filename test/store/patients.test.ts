import { expect, it } from 'vitest'
import { inGlobal, inTenant, type Tenant } from '../../src/db/database.ts'
import { createAccount } from '../../src/store/accounts.ts'
import { addDataSource } from '../../src/store/data-sources.ts'
import { createInstitution } from '../../src/store/institutions.ts'
import { createLocation } from '../../src/store/locations.ts'
import {
  findMatches,
  insertPatient,
  listPatients,
  lockPerson,
  type NewPatient,
} from '../../src/store/patients.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

const practice = async (t: TestDatabase, subdomain = 'willow-creek') => {
  const accountId = await inGlobal(t.database, (tx) => createAccount(tx, subdomain))
  const institutionId = await createInstitution(t.database, { accountId, subdomain, name: subdomain })
  return await inTenant(t.database, institutionId, async (tx) => {
    const source = {
      name: 'Server',
      connector: 'sandbox',
      foreignIdPrefix: 'http-sandbox',
      configuration: {},
    }
    const dataSourceId = await addDataSource(tx, source)
    const place = { name: 'Main St', tz: 'America/New_York', data_source_id: dataSourceId }
    return { institutionId, dataSourceId, locationId: await createLocation(tx, place) }
  })
}

const patient = (
  place: { dataSourceId: number; locationId: number },
  more: Partial<NewPatient> = {},
): NewPatient => ({
  ...place,
  providerId: null,
  firstName: 'Imani',
  middleName: null,
  lastName: 'Okafor',
  birthDate: '1988-02-29',
  gender: null,
  email: null,
  cellPhone: null,
  homePhone: null,
  workPhone: null,
  addressLine1: null,
  addressLine2: null,
  city: null,
  state: null,
  zipCode: null,
  guarantorId: null,
  ...more,
})

it('matches by name, birth date and any of the phones, and by nothing less', async () => {
  await using t = await testDatabase()
  const place = await practice(t)
  await inTenant(t.database, place.institutionId, async (tx) => {
    const id = await insertPatient(
      tx,
      patient(place, { cellPhone: '(503)555-0142', workPhone: '+1 503 555 0143' }),
    )
    const match = (more: object) => {
      const person = {
        firstName: 'imani',
        lastName: 'Okafór',
        birthDate: '1988-02-29',
        middleName: null,
        phones: ['5035550142'],
        ...more,
      }
      return findMatches(tx, place.dataSourceId, person)
    }
    expect(await match({})).toEqual([{ id, foreign_id: null }])
    expect(await match({ phones: [null, '503-555-0143'] })).toEqual([{ id, foreign_id: null }])
    expect(await match({ phones: ['5035550199'] })).toEqual([])
    expect(await match({ birthDate: '1988-02-28' })).toEqual([])
    expect(await match({ firstName: 'Iman' })).toEqual([])
  })
})

it('makes two creators of one person wait for each other, and of two persons not', async () => {
  await using t = await testDatabase()
  const { institutionId } = await practice(t)
  const person = { firstName: 'Imani', lastName: 'Okafor', birthDate: '1988-02-29', phone: '5035550142' }
  const tryLock = async (tx: Tenant) => {
    await tx.db.executeQuery({ sql: "set local lock_timeout = '100ms'", parameters: [] } as never)
    await lockPerson(tx, person)
  }
  await inTenant(t.database, institutionId, async (tx) => {
    await lockPerson(tx, person)
    await expect(inTenant(t.database, institutionId, tryLock)).rejects.toThrow('lock timeout')
    await inTenant(t.database, institutionId, (other) => lockPerson(other, { ...person, firstName: 'Teo' }))
  })
  await inTenant(t.database, institutionId, tryLock)
})

it('shows no patient of another institution, whatever is asked', async () => {
  await using t = await testDatabase()
  const mine = await practice(t, 'mine')
  const other = await practice(t, 'other')
  await inTenant(t.database, mine.institutionId, (tx) => insertPatient(tx, patient(mine)))
  await inTenant(t.database, other.institutionId, async (tx) => {
    expect(await listPatients(tx, {}, 'id', { limit: 10, offset: 0 })).toEqual([])
    expect(await listPatients(tx, { name: 'Imani Okafor' }, 'rank', { limit: 10, offset: 0 })).toEqual([])
  })
})

it('searches every location of one record system, or strictly one', async () => {
  await using t = await testDatabase()
  const place = await practice(t)
  await inTenant(t.database, place.institutionId, async (tx) => {
    const second = await createLocation(tx, { name: 'Annex', tz: 'UTC', data_source_id: place.dataSourceId })
    const id = await insertPatient(tx, patient(place))
    const at = async (locationId: number, locationStrict: boolean) =>
      (await listPatients(tx, { locationId, locationStrict }, 'id', { limit: 10, offset: 0 })).map(
        (row) => row.id,
      )
    expect([await at(second, false), await at(second, true)]).toEqual([[id], []])
    expect([await at(place.locationId, false), await at(place.locationId, true)]).toEqual([[id], [id]])
  })
})
