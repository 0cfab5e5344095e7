/** What Prometheus reads, over a real socket; and that dashboard and alerts ask for nothing else. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { WatchedLoop } from '../../src/http/context.ts'
import { buildServer, buildWorkerServer } from '../../src/http/server.ts'
import { type Served, serve } from './served.ts'

let s: Served
const stack = new AsyncDisposableStack()
beforeAll(async () => {
  s = stack.use(await serve())
})
afterAll(() => stack.disposeAsync())

async function scrape(headers: Record<string, string> = {}) {
  const answer = await fetch(`${s.url}/metrics`, { headers })
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }
}

/** The value of one series; undefined where it is not there. */
function seriesIn(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

it('counts requests by the pattern of their route and their status, and never shows an id or a query', async () => {
  await s.ask('GET', '/patients/987654', { query: { subdomain: s.subdomain, name: 'Zebulon' } })
  await s.ask('GET', '/nowhere/Zebulon', {})
  const { status, type, text } = await scrape()
  expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  const series = 'slotbridge_http_requests_total{method="GET",route="/patients/:id",status="404"}'
  expect(seriesIn(text, series)).toBe(1)
  expect(seriesIn(text, 'slotbridge_http_requests_total{method="GET",route="none",status="404"}')).toBe(1)
  const timed = 'slotbridge_http_request_duration_seconds_count{method="GET",route="/patients/:id"}'
  expect(seriesIn(text, timed)).toBe(1)
  expect(seriesIn(text, 'slotbridge_http_requests_in_flight{route="/patients/:id"}')).toBe(0)
  expect(seriesIn(text, 'slotbridge_http_requests_in_flight{route="/metrics"}')).toBe(1)
  expect(text).not.toMatch(/Zebulon|987654|willow/)
})

it('tells lag by data source, open writes by state and age, what webhooks are due, and work that is late', async () => {
  const at = "now() - interval '100 seconds'"
  await s.t.look(
    `update data_sources set pull_started_at = ${at}, read_status = 'green', writing_stopped_at = now()`,
  )
  await s.t.look(
    `insert into delivery_lanes (institution_id, endpoint_id, lane, next_attempt_at) values (${s.institutionId}, 1, 'x/1', ${at})`,
  )
  await s.t.look(`update work set run_at = ${at}, failures = 1 where kind = 'push'`)
  const { text } = await scrape()
  const id = `data_source="${s.sourceId}"`
  expect(seriesIn(text, `slotbridge_data_source_lag_seconds{${id}}`)).toBeGreaterThanOrEqual(100)
  expect(seriesIn(text, `slotbridge_data_source_up{${id},direction="read"}`)).toBe(1)
  expect(seriesIn(text, `slotbridge_data_source_writing_stopped{${id}}`)).toBe(1)
  expect(seriesIn(text, 'slotbridge_open_writes{state="pending"}')).toBe(0)
  expect(seriesIn(text, 'slotbridge_webhook_due_lanes{of="installation"}')).toBe(1)
  expect(seriesIn(text, 'slotbridge_webhook_oldest_due_seconds{of="installation"}')).toBeGreaterThanOrEqual(
    100,
  )
  expect(seriesIn(text, 'slotbridge_work_units_late{kind="push"}')).toBe(1)
  expect(seriesIn(text, 'slotbridge_work_units_failing{kind="push"}')).toBe(1)
  expect(seriesIn(text, 'slotbridge_scrape_failed{of="work"}')).toBe(0)
})

it('leaves out what could not be asked in time, and says so', async () => {
  const holder = new pg.Client({ connectionString: s.t.directUrl })
  await holder.connect()
  await holder.query('begin; lock table delivery_lanes')
  const { status, text } = await scrape().finally(() => holder.end())
  expect([status, seriesIn(text, 'slotbridge_scrape_failed{of="webhooks"}')]).toEqual([200, 1])
  expect(text).not.toContain('slotbridge_webhook_due_lanes{')
  expect(seriesIn(text, 'slotbridge_scrape_failed{of="writes"}')).toBe(0)
})

it('shows them to this machine alone, or to everyone with the token and nobody without', async () => {
  expect((await scrape({ 'x-forwarded-for': '203.0.113.9' })).status).toBe(403)
  const { database, clock } = s.t
  const token = 'a-token-for-scrapes'
  for (const [metricsToken, remoteAddress, authorization, status] of [
    [null, '203.0.113.9', undefined, 403],
    [null, '::1', undefined, 200],
    [token, '127.0.0.1', undefined, 403],
    [token, '127.0.0.1', 'Bearer another', 403],
    [token, '203.0.113.9', `Bearer ${token}`, 200],
  ] as const) {
    const app = buildServer({ database, clock, connectors: [], metricsToken, wake: () => undefined })
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await app.inject({ url: '/metrics', remoteAddress, headers })
    expect([metricsToken, remoteAddress, answer.statusCode]).toEqual([metricsToken, remoteAddress, status])
    await app.close()
  }
})

/** Each metric that a scrape tells of, in the forms that can be asked for. */
const namesIn = (text: string) =>
  [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(([, name = '', kind]) =>
    kind === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
  )

async function scrapeWorker(loops: WatchedLoop[]): Promise<string> {
  const { database, clock } = s.t
  const app = buildWorkerServer({ database, clock, connectors: [], loops, wake: () => undefined })
  const answer = await app.inject('/metrics')
  await app.close()
  return answer.body
}

const loopNamed = (name: string): WatchedLoop => ({
  name,
  slots: 16,
  running: () => 3,
  sinceLookMs: () => 250,
  onTurn: (told) => told({ kind: 'pull', result: 'taken_over', seconds: 0.2 }),
})

it('tells of a worker what its loops do, by loop and by kind of unit', async () => {
  const text = await scrapeWorker(['record_systems', 'webhooks'].map(loopNamed))
  for (const loop of ['record_systems', 'webhooks']) {
    expect(seriesIn(text, `slotbridge_work_units_running{loop="${loop}"}`)).toBe(3)
    expect(seriesIn(text, `slotbridge_work_slots{loop="${loop}"}`)).toBe(16)
    expect(seriesIn(text, `slotbridge_work_since_look_seconds{loop="${loop}"}`)).toBe(0.25)
  }
  expect(seriesIn(text, 'slotbridge_work_turns_total{kind="pull",result="taken_over"}')).toBe(2)
  expect(seriesIn(text, 'slotbridge_work_turn_duration_seconds_count{kind="pull"}')).toBe(2)
})

it('has every metric that the dashboard and the alerts name, and these name every one of a worker', async () => {
  const ofApi = namesIn((await scrape()).text)
  const known = new Set([...ofApi, ...namesIn(await scrapeWorker([loopNamed('webhooks')]))])
  const ofWorkers = [...known].filter((name) => !ofApi.includes(name) && !/_(count|sum)$/.test(name))
  expect(ofWorkers.length).toBeGreaterThan(4)
  for (const file of ['grafana.json', 'alerts.yaml']) {
    const asked = readFileSync(join(import.meta.dirname, '../../docs/operations', file), 'utf8')
    const named = [...new Set(asked.match(/\b(slotbridge|process)_[a-z_]+/g))]
    expect(named.length).toBeGreaterThan(8)
    expect([file, named.filter((name) => !known.has(name))]).toEqual([file, []])
    if (file === 'alerts.yaml') continue
    expect(ofWorkers.filter((name) => !named.includes(name))).toEqual([])
    expect(JSON.parse(asked).panels.length).toBeGreaterThan(10)
  }
})
