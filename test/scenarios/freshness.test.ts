/** How fresh an answer is, said and asked for, with a practice that stops answering. */
import { expect, it } from 'vitest'
import { allRoutes } from '../../src/http/routes/all.ts'
import { buildServer } from '../../src/http/server.ts'
import { somePlace } from '../support/booking.ts'
import { startBridge } from '../support/bridge.ts'

it('is as of the last pull that completed, waits for a fresher one when asked, and refuses where none comes', async () => {
  await using stack = new AsyncDisposableStack()
  const bridge = stack.use(await startBridge())
  const { t, locationId, sourceId, subdomain } = bridge
  const { providerId } = await somePlace(bridge)
  // Pulls come when they are asked for only.
  await t.look('update data_sources set poll_seconds = 3600')
  await bridge.pulled()
  const app = buildServer({
    database: t.database,
    clock: t.clock,
    connectors: [],
    wake: bridge.wake,
    freshWaitMs: 20_000,
  })
  const hasty = buildServer({
    database: t.database,
    clock: t.clock,
    connectors: [],
    wake: bridge.wake,
    freshWaitMs: 300,
  })
  stack.defer(() => Promise.all([app.close(), hasty.close()]).then(() => undefined))
  const ask = async (path: string, more: string, server = app) => {
    const headers = {
      authorization: bridge.apiKey,
      'nex-api-version': path.includes('slots') ? 'v20240412' : 'v2',
    }
    return await server.inject({ url: `${path}&subdomain=${subdomain}${more}`, headers })
  }
  const list = `/appointments?location_id=${locationId}&start=2020-01-01&end=2040-01-01&per_page=1`
  const slots = `/available_slots?start_date=2026-12-07&days=1&lids[]=${locationId}&pids[]=${providerId}`
  const asOf = async () =>
    (
      await t.look(
        `select to_char(pull_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS') as at from data_sources where id = $1`,
        [sourceId],
      )
    )[0].at

  for (const path of [list, slots]) {
    const answer = await ask(path, '')
    expect([path, answer.statusCode, String(answer.headers['data-as-of']).slice(0, 23)]).toEqual([
      path,
      200,
      await asOf(),
    ])
    // Fresh enough as it is: no pull.
    expect((await ask(path, '&max_staleness=3600', hasty)).statusCode).toBe(200)
  }
  const status = (await ask('/sync_status?x=1', '')).json().data[0]
  expect(status.data_as_of.slice(0, 23)).toBe(await asOf())

  const [{ at: askedAt }] = await t.look(
    `select to_char(app_now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS') as at`,
  )
  const fresh = await ask(list, '&max_staleness=0')
  expect(fresh.statusCode).toBe(200)
  expect(String(fresh.headers['data-as-of']) >= askedAt.slice(0, 22)).toBe(true)

  const id = fresh.json().data[0]?.id as number
  expect((await ask(`/appointments/${id}?x=1`, '')).headers['data-as-of']).toBe(fresh.headers['data-as-of'])
  await bridge.sandbox[Symbol.asyncDispose]()
  for (const path of [list, slots, `/appointments/${id}?x=1`]) {
    const refused = await ask(path, '&max_staleness=0', hasty)
    expect([path, refused.statusCode, refused.headers['retry-after'], refused.json().data]).toEqual([
      path,
      503,
      '60',
      null,
    ])
    expect(refused.json().error[0]).toContain(`data source ${sourceId}`)
    // Without a wish for freshness the answer comes, and says how old it is.
    expect((await ask(path, '', hasty)).headers['data-as-of']).toBe(fresh.headers['data-as-of'])
  }
})

it('holds for every read of appointments and slots', () => {
  const reads = allRoutes.filter(
    ({ method, path }) =>
      method === 'GET' && /^\/(appointments(\/\{id\})?|available_slots.*|appointment_slots)$/.test(path),
  )
  expect(reads.length).toBe(6)
  expect(reads.filter(({ isFresh, query }) => !isFresh || !query?.properties.max_staleness)).toEqual([])
})
