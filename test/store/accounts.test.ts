import { expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { admit } from '../../src/store/access.ts'
import { createAccount, createKey, findKey, hashOf, listKeys, revokeKey } from '../../src/store/accounts.ts'
import { createInstitution } from '../../src/store/institutions.ts'
import { tokenSecret } from '../../src/store/token-secret.ts'
import { testDatabase } from '../support/database.ts'

it('keeps the hash of a key and never the key', async () => {
  await using t = await testDatabase()
  const accountId = await inGlobal(t.database, (tx) => createAccount(tx, 'Willow Creek'))
  const made = await inGlobal(t.database, (tx) =>
    createKey(tx, { accountId, name: 'one', scopes: ['admin', 'admin'], institutionIds: null }),
  )
  expect(made.key).toMatch(/^sb_[\w-]{43}$/)
  const [row] = await t.look('select * from api_keys')
  expect(JSON.stringify(row)).not.toContain(made.key)
  expect(row.hash).toEqual(hashOf(made.key))
  expect(await inGlobal(t.database, (tx) => findKey(tx, made.id))).toMatchObject({
    scopes: ['admin'],
    revoked_at: null,
  })
})

it('refuses a key without scopes, with an unknown one, or for an institution that is not the account’s', async () => {
  await using t = await testDatabase()
  const [mine, other] = await inGlobal(t.database, async (tx) => [
    await createAccount(tx, 'mine'),
    await createAccount(tx, 'other'),
  ])
  const foreign = await createInstitution(t.database, {
    accountId: other ?? 0,
    subdomain: 'other',
    name: 'Other',
  })
  const key = { accountId: mine ?? 0, name: 'x', scopes: ['admin'], institutionIds: null }
  const make = (more: object) => inGlobal(t.database, (tx) => createKey(tx, { ...key, ...more }))
  await expect(make({ scopes: [] })).rejects.toThrow('at least one scope')
  await expect(make({ scopes: ['admin', 'root'] })).rejects.toThrow('Unknown scope root')
  await expect(make({ institutionIds: [foreign] })).rejects.toThrow(`Institution ${foreign} is not one of`)
  expect(await inGlobal(t.database, (tx) => listKeys(tx, null))).toEqual([])
})

it('admits a key to what its account may see, and nobody once it is revoked', async () => {
  await using t = await testDatabase()
  const accountId = await inGlobal(t.database, (tx) => createAccount(tx, 'mine'))
  const one = await createInstitution(t.database, { accountId, subdomain: 'one', name: 'One' })
  const two = await createInstitution(t.database, { accountId, subdomain: 'two', name: 'Two' })
  const made = await inGlobal(t.database, (tx) =>
    createKey(tx, { accountId, name: 'narrow', scopes: ['patients:read'], institutionIds: [one] }),
  )
  const ask = (target: object) => inGlobal(t.database, (tx) => admit(tx, { hash: hashOf(made.key) }, target))
  expect(await ask({ subdomain: 'one' })).toMatchObject({
    keyId: made.id,
    institution: { id: one, subdomain: 'one' },
  })
  expect((await ask({ subdomain: 'two' }))?.institution).toBeNull()
  expect((await ask({ noun: 'institution', id: two }))?.institution).toBeNull()
  expect((await ask({}))?.institution).toBeNull()
  expect(await inGlobal(t.database, (tx) => revokeKey(tx, made.id))).toBe(true)
  expect(await ask({ subdomain: 'one' })).toBeNull()
  expect(await inGlobal(t.database, (tx) => admit(tx, { id: made.id }, {}))).toBeNull()
  expect(await inGlobal(t.database, (tx) => revokeKey(tx, 999_999))).toBe(false)
})

it('agrees on one token secret, however many ask at once', async () => {
  await using t = await testDatabase()
  const secrets = await Promise.all(Array.from({ length: 8 }, () => inGlobal(t.database, tokenSecret)))
  expect(new Set(secrets.map((secret) => secret.toString('hex'))).size).toBe(1)
  expect(secrets[0]).toHaveLength(32)
})
