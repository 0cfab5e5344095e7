import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { at, type Hooks, openHooks, subscriptionsOf, TARGET } from './hooks.ts'
import type { Served } from './served.ts'

let hooks: Hooks
let served: Served
let ask: Hooks['ask']

beforeAll(async () => {
  hooks = await openHooks()
  served = hooks.served
  ask = hooks.ask
})
afterAll(async () => {
  await hooks?.[Symbol.asyncDispose]()
})

describe('webhook endpoints', () => {
  it('are made with 201 and the secret, which is null everywhere else (decision 33)', async () => {
    const made = await ask('POST', '/webhook_endpoints', { target_url: TARGET, active: true })
    expect(made.status).toBe(201)
    expect(made.type).toContain('version=2')
    expect(made.body).toMatchObject({ code: true, error: null, count: null })
    const { id, secret_key, standard_webhooks_secret } = made.body.data
    expect(made.body.data).toMatchObject({ target_url: TARGET, active: true })
    expect(secret_key).toMatch(/^[0-9a-f]{64}$/)
    const bare = standard_webhooks_secret.replace(/^whsec_/, '')
    expect(Buffer.from(bare, 'base64').toString()).toBe(secret_key)
    const listed = await ask('GET', '/webhook_endpoints?active=true')
    expect(listed.body.data.find((row: { id: number }) => row.id === id)).toMatchObject({
      secret_key: null,
      standard_webhooks_secret: null,
    })
    const kept = await served.t.look('select secret_sealed from webhook_endpoints where id = $1', [id])
    expect(kept[0].secret_sealed.includes(secret_key)).toBe(false)
    const patched = await ask('PATCH', `/webhook_endpoints/${id}`, { active: false })
    expect(patched.body.data).toMatchObject({ active: false, secret_key: null })
    expect((await ask('GET', '/webhook_endpoints?active=true')).text).not.toContain(`"id":${id},`)
  })

  it('rotate their secret and answer it, this once', async () => {
    const { id, secret_key } = await hooks.newEndpoint()
    const rotated = await ask('POST', `/webhook_endpoints/${id}/rotate_secret`, { at_once: true })
    expect(rotated.status).toBe(200)
    expect(rotated.body.data.secret_key).not.toBe(secret_key)
    expect((await ask('POST', `/webhook_endpoints/${id}/rotate_secret`)).status).toBe(200)
  })

  it('refuse a target that is not https to the public', async () => {
    for (const target_url of [
      'http://hooks.example.com/',
      'https://127.0.0.1/',
      'https://[fd00::1]/',
      'nonsense',
    ]) {
      const refused = await ask('POST', '/webhook_endpoints', { target_url })
      expect(refused).toMatchObject({ status: 400, body: { code: false, data: null } })
      expect(refused.body.error[0]).toMatch(/^Parameter target_url must/)
    }
    expect((await ask('POST', '/webhook_endpoints', {})).body.error).toEqual(['Missing parameter target_url'])
    const { id } = await hooks.newEndpoint()
    const patched = await ask('PATCH', `/webhook_endpoints/${id}`, { target_url: 'https://10.0.0.1/' })
    expect(patched.status).toBe(400)
  })

  it('end with 204, subscriptions and all', async () => {
    const { id } = await hooks.newEndpoint()
    await ask('POST', subscriptionsOf(id) + at, {
      resource_type: 'Appointment',
      event: 'appointment_created',
    })
    const ended = await ask('DELETE', `/webhook_endpoints/${id}`)
    expect(ended).toMatchObject({ status: 204, text: '' })
    expect((await ask('DELETE', `/webhook_endpoints/${id}`)).status).toBe(404)
    const left = await served.t.look(
      "select id from webhook_subscriptions where endpoint_id = $1 union all select id from work where kind = 'deliver' and subject_id = $1",
      [id],
    )
    expect(left).toEqual([])
  })

  it("are the account's own, and need the scope webhooks", async () => {
    const { id } = await hooks.newEndpoint()
    const { stranger, reader } = await inGlobal(served.t.database, async (tx) => {
      const accountId = await createAccount(tx, 'Another')
      const make = (account: number, scopes: string[]) =>
        createKey(tx, { accountId: account, name: 'test', scopes, institutionIds: null })
      return {
        stranger: (await make(accountId, ['webhooks'])).key,
        reader: (await make(served.accountId, ['appointments:read'])).key,
      }
    })
    expect((await ask('GET', '/webhook_endpoints', undefined, { key: stranger })).body.data).toEqual([])
    for (const path of [`/webhook_endpoints/${id}`, `${subscriptionsOf(id)}`]) {
      const method = path.endsWith('subscriptions') ? 'GET' : 'DELETE'
      expect((await ask(method, path, undefined, { key: stranger })).status).toBe(404)
    }
    const foreign = await ask(
      'POST',
      subscriptionsOf(id) + at,
      { resource_type: 'Appointment', event: 'appointment_created' },
      { key: stranger },
    )
    expect(foreign.status).toBe(404)
    expect((await ask('GET', '/webhook_endpoints', undefined, { key: reader })).status).toBe(403)
  })
})

describe('webhook subscriptions', () => {
  it('answer as NexHealth does, on both versions, and keep the version they were made in', async () => {
    const { id } = await hooks.newEndpoint()
    const v2 = await ask('POST', subscriptionsOf(id) + at, {
      resource_type: 'appointment',
      event: 'appointment_insertion',
      active: true,
    })
    expect(v2.status).toBe(201)
    expect(Object.keys(v2.body.data)).toEqual([
      'id',
      'webhook_endpoint_id',
      'institution_id',
      'resource_type',
      'event',
      'active',
      'created_at',
      'updated_at',
    ])
    expect(v2.body.data).toMatchObject({
      webhook_endpoint_id: id,
      institution_id: served.institutionId,
      resource_type: 'Appointment',
      event: 'appointment_insertion',
      active: true,
    })
    const v3 = await ask(
      'POST',
      subscriptionsOf(id) + at,
      { resource_type: 'PATIENT', event: 'patient_created' },
      { version: 'v3.0.0' },
    )
    expect(v3.status).toBe(201)
    expect(v3.type).toMatch(/^application\/json/)
    const kept = await served.t.look(
      'select version, names from webhook_subscriptions where endpoint_id = $1 order by id',
      [id],
    )
    expect(kept).toEqual([
      {
        version: 'v2',
        names: [
          'appointment_insertion.complete',
          'appointment_insertion.failed',
          'appointment_insertion.timed_out',
          'appointment_insertion.incomplete',
        ],
      },
      { version: 'v3', names: ['patient_created'] },
    ])
    const listed = await ask('GET', subscriptionsOf(id) + at)
    expect(listed.body).toMatchObject({ count: 2 })
  })

  it('say what cannot be subscribed to', async () => {
    const { id } = await hooks.newEndpoint()
    const post = (body: unknown, query = at) => ask('POST', subscriptionsOf(id) + query, body)
    expect((await post({})).body.error).toEqual([
      'Missing parameter resource_type',
      'Missing parameter event',
    ])
    expect((await post({ resource_type: 'Weather', event: 'rain' })).body.error[0]).toMatch(
      /^Parameter resource_type/,
    )
    expect((await post({ resource_type: 'Patient', event: 'appointment_created' })).body.error[0]).toMatch(
      /^Parameter event must be one of patient_created/,
    )
    expect((await post({ resource_type: 'Appointment', event: 'appointment_created.odd' })).status).toBe(400)
    expect(
      (await post({ resource_type: 'Appointment', event: 'appointment_created' }, '')).body.error,
    ).toEqual(['Missing parameter subdomain'])
    expect(
      (await post({ resource_type: 'Appointment', event: 'appointment_created' }, '?subdomain=nobody'))
        .status,
    ).toBe(403)
    const never = await post({ resource_type: 'Procedure', event: 'procedure_created' })
    expect(never.status).toBe(201)
    expect(never.body.description.join()).toMatch(/never tells procedure_created/)
    expect((await post({ resource_type: 'Procedure', event: 'procedure_created' })).body.error[0]).toMatch(
      /already/,
    )
  })

  it('of onboardings must not name a subdomain, and belong to no institution', async () => {
    const { id } = await hooks.newEndpoint()
    const body = { resource_type: 'Onboarding', event: 'onboarding_created' }
    expect((await ask('POST', subscriptionsOf(id) + at, body)).body.error).toEqual([
      'Parameter subdomain must be absent for Onboarding',
    ])
    const made = await ask('POST', subscriptionsOf(id), body)
    expect(made.body.data).toMatchObject({ institution_id: null })
    expect((await ask('GET', subscriptionsOf(id) + at)).body.data).toEqual([])
    expect((await ask('GET', subscriptionsOf(id))).body.data).toHaveLength(1)
  })

  it('need the scope of what they tell', async () => {
    const { id } = await hooks.newEndpoint()
    const { key } = await inGlobal(served.t.database, (tx) =>
      createKey(tx, {
        accountId: served.accountId,
        name: 'test',
        scopes: ['webhooks', 'appointments:read'],
        institutionIds: null,
      }),
    )
    const post = (resource_type: string, event: string) =>
      ask('POST', subscriptionsOf(id) + at, { resource_type, event }, { key })
    expect((await post('Appointment', 'appointment_created')).status).toBe(201)
    expect((await post('Patient', 'patient_created')).status).toBe(403)
  })

  it('and their endpoint, are led elsewhere only by a key that may read what they tell', async () => {
    const told = await hooks.newEndpoint()
    const body = { resource_type: 'Patient', event: 'patient_created' }
    const made = await ask('POST', subscriptionsOf(told.id) + at, body)
    const { key } = await inGlobal(served.t.database, (tx) =>
      createKey(tx, {
        accountId: served.accountId,
        name: 'test',
        scopes: ['webhooks', 'appointments:read'],
        institutionIds: null,
      }),
    )
    const mine = (await ask('POST', '/webhook_endpoints', { target_url: TARGET }, { key })).body.data
    const subscription = `${subscriptionsOf(told.id)}/${made.body.data.id}${at}`
    const refused = {
      status: 403,
      body: { error: [expect.anything(), expect.stringContaining('patients:read')] },
    }
    expect(await ask('PATCH', subscription, { new_endpoint_id: mine.id }, { key })).toMatchObject(refused)
    const target_url = 'https://elsewhere.example.com/'
    const path = `/webhook_endpoints/${told.id}`
    expect(await ask('PATCH', path, { target_url }, { key })).toMatchObject(refused)
    expect((await ask('PATCH', subscription, { active: false }, { key })).status).toBe(200)
    expect((await ask('PATCH', path, { active: false }, { key })).status).toBe(200)
    expect((await ask('PATCH', path, { target_url })).status).toBe(200)
  })

  it('move to another endpoint: the old path is 404, and what they are owed moves along', async () => {
    const [from, to] = [await hooks.newEndpoint(), await hooks.newEndpoint()]
    const made = await ask('POST', subscriptionsOf(from.id) + at, {
      resource_type: 'Appointment',
      event: 'appointment_updated',
    })
    const { id } = made.body.data
    await hooks.tellOne(31)
    const path = `${subscriptionsOf(from.id)}/${id}`
    expect((await ask('PATCH', path, { active: true })).body.error).toEqual(['Missing parameter subdomain'])
    const moved = await ask('PATCH', path + at, { new_endpoint_id: to.id })
    expect(moved.body.data).toMatchObject({ id, webhook_endpoint_id: to.id })
    expect((await ask('PATCH', path + at, { active: false })).status).toBe(404)
    const [owed] = (await ask('GET', `/webhook_deliveries${at}&webhook_endpoint_id=${to.id}`)).body.data
    expect(owed).toMatchObject({ webhook_subscription_id: id, status: 'pending' })
    expect((await ask('DELETE', `${subscriptionsOf(to.id)}/${id}`)).status).toBe(204)
  })
})
