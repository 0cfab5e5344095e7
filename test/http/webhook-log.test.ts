import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inGlobal } from '../../src/db/database.ts'
import { createAccount, createKey } from '../../src/store/accounts.ts'
import { createInstitution } from '../../src/store/institutions.ts'
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

describe('the log of deliveries', () => {
  it('shows what was told, page by page, and one with its attempts', async () => {
    const { id } = await hooks.newEndpoint()
    await ask('POST', subscriptionsOf(id) + at, {
      resource_type: 'Appointment',
      event: 'appointment_updated',
    })
    for (const appointmentId of [41, 42, 42]) await hooks.tellOne(appointmentId)
    const list = (more: string) => ask('GET', `/webhook_deliveries${at}&webhook_endpoint_id=${id}${more}`)
    const first = await list('&per_page=2')
    expect(first.body.data).toHaveLength(2)
    expect(first.body.data[0]).toMatchObject({
      webhook_endpoint_id: id,
      event_name: 'appointment_updated',
      status: 'pending',
      attempts: 0,
      response_code: null,
      message_id: `msg_${first.body.data[0].id}`,
    })
    const second = await list(`&per_page=2&end_cursor=${first.body.page_info.end_cursor}`)
    expect(second.body.data).toHaveLength(1)
    expect(second.body.page_info.has_next_page).toBe(false)
    expect((await list('&appointment_id=42')).body.data).toHaveLength(2)
    expect((await list('&status=dead')).body.data).toEqual([])
    expect((await list('&end=2020-01-01')).body.data).toEqual([])
    const one = await ask('GET', `/webhook_deliveries/${first.body.data[0].id}`)
    expect(one.body.data).toMatchObject({ id: first.body.data[0].id, attempt_log: [] })
    expect((await ask('GET', '/webhook_deliveries/999999')).status).toBe(404)
  })

  it('tells once more what is asked for, by id or by time', async () => {
    const { id } = await hooks.newEndpoint()
    await ask('POST', subscriptionsOf(id) + at, {
      resource_type: 'Appointment',
      event: 'appointment_updated',
    })
    await hooks.tellOne(51)
    const [row] = (await ask('GET', `/webhook_deliveries${at}&webhook_endpoint_id=${id}`)).body.data
    const replay = `/webhook_deliveries/${row.id}/replay`
    expect((await ask('POST', replay)).body.description.join()).toMatch(/pending/)
    const end = (state: string) =>
      served.t.look('update deliveries set state = $2, tries = 11 where id = $1', [row.id, state])
    await end('dead')
    expect((await ask('POST', replay)).body.data).toMatchObject({ status: 'pending' })
    await end('dead')
    const range = { start: '2020-01-01', end: '2100-01-01', webhook_endpoint_id: id }
    expect((await ask('POST', `/webhook_deliveries/replay${at}`, range)).body.data).toEqual({
      replayed: 1,
      more: false,
    })
    await end('delivered')
    expect((await ask('POST', `/webhook_deliveries/replay${at}`, range)).body.data.replayed).toBe(0)
    const all = await ask('POST', `/webhook_deliveries/replay${at}`, { ...range, statuses: ['delivered'] })
    expect(all.body.data.replayed).toBe(1)
    expect((await ask('POST', `/webhook_deliveries/replay${at}`, {})).body.error).toEqual([
      'Missing parameter start',
      'Missing parameter end',
    ])
  })

  it('needs a subdomain where the key sees several institutions, and tells nobody of others', async () => {
    const other = await inGlobal(served.t.database, (tx) => createAccount(tx, 'Several'))
    for (const subdomain of ['several-one', 'several-two'])
      await createInstitution(served.t.database, { accountId: other, subdomain, name: subdomain })
    const { key } = await inGlobal(served.t.database, (tx) =>
      createKey(tx, { accountId: other, name: 'test', scopes: ['webhooks'], institutionIds: null }),
    )
    expect((await ask('GET', '/webhook_deliveries', undefined, { key })).body.error).toEqual([
      'Missing parameter subdomain',
    ])
    const [row] = (await ask('GET', '/webhook_deliveries')).body.data
    expect((await ask('GET', `/webhook_deliveries/${row.id}`, undefined, { key })).status).toBe(404)
    expect((await ask('POST', `/webhook_deliveries/${row.id}/replay`, undefined, { key })).status).toBe(404)
    expect((await ask('GET', `/webhook_deliveries${at}`, undefined, { key })).status).toBe(403)
  })
})

describe('a cursor of events', () => {
  it('that is older than what is kept is refused, and what fell out is counted and told', async () => {
    await using own = await openHooks()
    const endpoint = (await own.ask('POST', '/webhook_endpoints', { target_url: TARGET, active: false })).body
      .data
    const wanted = { resource_type: 'DataSource', event: 'data_source_loaded' }
    await own.ask('POST', subscriptionsOf(endpoint.id) + at, wanted)
    const tell = (id: number) =>
      own.tell({
        name: 'data_source_loaded',
        resourceType: 'DataSource',
        subjectId: id,
        body: { data_source: { id } },
      })
    await tell(1)
    await tell(2)
    const [first] = (await own.ask('GET', `/events${at}&per_page=1`)).body.data
    const DAY = 86_400_000
    // Days later the ids leap to a partition of their own, and thirty days after that the old one goes.
    await own.served.t.moveClock(2 * DAY)
    await tell(3)
    await tell(4)
    const after = `/events${at}&after=${first.cursor}`
    expect((await own.ask('GET', after)).body.data).toHaveLength(3)
    await own.served.t.moveClock(33 * DAY)
    await tell(5)
    expect((await own.ask('GET', after)).body.error[0]).toMatch(/older than the events that are kept/)
    const kept = (await own.ask('GET', `/events${at}`)).body.data
    expect(kept.map((event: { data: { data_source: { id: number } } }) => event.data.data_source.id)).toEqual(
      [4, 5],
    )
    const dropped = (await own.ask('GET', '/webhook_endpoints')).body.data[0].deliveries_dropped
    expect(dropped).toBeGreaterThan(0)
    const resumed = await own.ask('PATCH', `/webhook_endpoints/${endpoint.id}`, { active: true })
    expect(resumed.body.description.join()).toContain(`${dropped} deliveries were too old`)
    expect(resumed.body.data.deliveries_dropped).toBe(0)
  })
})
