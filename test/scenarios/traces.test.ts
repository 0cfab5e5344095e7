/** One booking is one trace, from the client's own span to the receiver's, over two processes' worth of us and a real collector. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type App, type Role, startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { openLog } from '../../src/log.ts'
import { book, freeStarts, newPatient, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge } from '../support/bridge.ts'
import {
  attributesOf,
  type CollectedSpan,
  startTraceCollector,
  type TraceCollector,
} from '../support/trace-collector.ts'
import { until } from '../support/until.ts'
import { type Receiver, startReceiver } from '../webhooks/telling.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CLIENT_SPAN = '00f067aa0ba902b7'
/** Occurs nowhere but in what is booked. */
const NOTE = 'Xylographica'

let bridge: Bridge
let collector: TraceCollector
let receiver: Receiver
let token: string
const stack = new AsyncDisposableStack()
beforeAll(async () => {
  bridge = stack.use(await startBridge())
  collector = stack.use(await startTraceCollector())
  receiver = stack.use(await startReceiver())
})
afterAll(() => stack.disposeAsync())

/** A part of us, as a process of that role would be. */
async function start(role: Role, more: Record<string, string> = {}): Promise<App> {
  const config = readConfig({
    DATABASE_URL: bridge.t.url,
    DATABASE_DIRECT_URL: bridge.t.directUrl,
    SLOTBRIDGE_MASTER_KEY: bridge.t.database.masterKey.toString('base64'),
    SLOTBRIDGE_HIGH_WATER: 'off',
    SLOTBRIDGE_WEBHOOK_ALLOW: 'loopback',
    SLOTBRIDGE_WORKER_PORT: '0',
    PORT: '0',
    ...more,
  })
  return await startApp({ config, role, log: openLog('silent', null) })
}

async function ask(app: App, method: string, path: string, body: object, headers = {}): Promise<Response> {
  const separator = path.includes('?') ? '&' : '?'
  return await fetch(`${app.url}${path}${separator}subdomain=${bridge.subdomain}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

/** Signs in, and has the receiver told of what becomes of bookings. */
async function subscribe(api: App): Promise<void> {
  const headers = { authorization: bridge.apiKey }
  const answer = await fetch(`${api.url}/authenticates`, { method: 'POST', headers })
  token = ((await answer.json()) as { data: { token: string } }).data.token
  const made = await ask(api, 'POST', '/webhook_endpoints', { target_url: receiver.url, active: true })
  const { data } = (await made.json()) as { data: { id: number } }
  for (const event of ['appointment_accepted', 'appointment_insertion.complete'])
    await ask(api, 'POST', `/webhook_endpoints/${data.id}/webhook_subscriptions`, {
      resource_type: 'Appointment',
      event,
      active: true,
    })
}

/** Books over HTTP as part of a trace, and answers when the receiver was told of its end. */
async function bookTraced(api: App): Promise<{ id: number; writeId: number }> {
  const place = await somePlace(bridge)
  const [start_time] = await freeStarts(bridge, place, 1)
  const appt = {
    patient_id: await newPatient(bridge),
    provider_id: place.providerId,
    operatory_id: place.operatoryId,
    start_time,
    note: NOTE,
  }
  const answer = await ask(
    api,
    'POST',
    `/appointments?location_id=${bridge.locationId}`,
    { appt },
    { traceparent: `00-${TRACE}-${CLIENT_SPAN}-01` },
  )
  expect(answer.status).toBe(201)
  const { data } = (await answer.json()) as { data: { appt: { id: number } } }
  await until('the receiver to be told of both', async () => toldOfTrace().length >= 2)
  const [write] = await bridge.t.look('select id, traceparent from writes where appointment_id = $1', [
    data.appt.id,
  ])
  return { id: data.appt.id, writeId: Number(write.id) }
}

/** What the receiver was told as part of the trace; other things may be told beside it. */
const toldOfTrace = () => receiver.received.filter(({ headers }) => headers.traceparent?.includes(TRACE))

const parentOf = (span: CollectedSpan | undefined) =>
  collector.spans.find(({ spanId }) => spanId === span?.parentSpanId)
const named = (name: string) => collector.spans.filter((span) => span.name === name && span.traceId === TRACE)

it('owes and tells without a trace, and loads nothing for it, where none is asked for', async () => {
  await bridge.settled(
    (
      await book(bridge, {
        start: (await freeStarts(bridge, await somePlace(bridge), 1))[0] ?? '',
        patientId: await newPatient(bridge),
      })
    ).appointment.id,
  )
  const left =
    'select (select count(traceparent) from writes)::int as w, (select count(traceparent) from events)::int as e'
  expect(await bridge.t.look(left)).toEqual([{ w: 0, e: 0 }])
  const loads = `import { registerHooks } from 'node:module'
    const seen = []
    registerHooks({ load(url, context, next) { seen.push(url); return next(url, context) } })
    await import(process.argv[1])
    console.log(seen.length, seen.filter((url) => /opentelemetry.(sdk|exporter|core|otlp|resources)/.test(url)).length)`
  const file = join(import.meta.dirname, '../../src/app.ts')
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', loads, file], {
    encoding: 'utf8',
  })
  const [modules = 0, ofTraces] = said.split(' ').map(Number)
  expect(modules).toBeGreaterThan(100)
  expect(ofTraces).toBe(0)
})

it('joins request, write, connector calls, events and deliveries of one booking, and names nobody', async () => {
  await bridge.stopWorker()
  const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`, OTEL_SERVICE_NAME: 'bridge-under-test' }
  const api = await start('api', traced)
  const worker = await start('worker', traced)
  let booked: { id: number; writeId: number }
  try {
    await subscribe(api)
    booked = await bookTraced(api)
  } finally {
    await api.stop()
    await worker.stop()
  }

  const [request] = named('POST /appointments')
  expect(request).toMatchObject({ parentSpanId: CLIENT_SPAN, kind: 2 })
  expect(attributesOf(request?.attributes ?? [])).toMatchObject({
    'http.route': '/appointments',
    'http.response.status_code': 201,
    'slotbridge.institution.id': bridge.institutionId,
  })
  const [write] = named('carry out insert')
  expect(parentOf(write)).toBe(request)
  expect(attributesOf(write?.attributes ?? [])).toMatchObject({
    'slotbridge.write.id': booked.writeId,
    'slotbridge.appointment.id': booked.id,
    'slotbridge.data_source.id': bridge.sourceId,
  })
  const [insert] = named('sandbox insert')
  expect(parentOf(insert)).toBe(write)
  expect(attributesOf(insert?.attributes ?? [])).toMatchObject({ 'slotbridge.outcome': 'written' })
  // What was accepted is told of the request, what became of it of the write.
  for (const [event, of] of [
    ['appointment_accepted', request],
    ['appointment_insertion.complete', write],
  ] as const) {
    const [placed] = named(`event ${event}`)
    const [delivered] = named(`deliver ${event}`)
    expect([event, parentOf(placed), parentOf(delivered)]).toEqual([event, of, of])
    expect(BigInt(placed?.endTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(
      BigInt(placed?.startTimeUnixNano ?? 1),
    )
    const told = toldOfTrace().find(({ headers }) => headers.traceparent?.includes(delivered?.spanId ?? '-'))
    expect(told?.headers.traceparent).toBe(`00-${TRACE}-${delivered?.spanId}-01`)
  }
  const senders = collector.resources.map((one) => attributesOf(one))
  expect(new Set(senders.map((one) => one['slotbridge.role']))).toEqual(new Set(['api', 'worker']))
  expect(new Set(senders.map((one) => one['service.name']))).toEqual(new Set(['bridge-under-test']))
  expect(collector.text()).not.toMatch(/newcomer|xylographica|@example|-02-03|\b\d{3}555\d{4}\b/i)
})

it('keeps what a caller does not want kept out of the collector, but goes on with its ids', async () => {
  const before = collector.spans.length
  const api = await start('api', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces` })
  const unsampled = '11112222333344445555666677778888'
  try {
    const place = await somePlace(bridge)
    const [start_time] = await freeStarts(bridge, place, 1)
    const appt = {
      patient_id: await newPatient(bridge),
      provider_id: place.providerId,
      operatory_id: place.operatoryId,
      start_time,
    }
    const path = `/appointments?location_id=${bridge.locationId}`
    const answer = await ask(
      api,
      'POST',
      path,
      { appt },
      { traceparent: `00-${unsampled}-${CLIENT_SPAN}-00` },
    )
    expect(answer.status).toBe(201)
  } finally {
    await api.stop()
  }
  expect(collector.spans.slice(before).filter(({ traceId }) => traceId === unsampled)).toEqual([])
  const [kept] = await bridge.t.look('select traceparent from writes order by id desc limit 1')
  expect(kept.traceparent).toMatch(new RegExp(`^00-${unsampled}-[0-9a-f]{16}-00$`))
})

it('serves and stops as ever where nothing takes the traces', async () => {
  const gone = await startTraceCollector()
  await gone[Symbol.asyncDispose]()
  const api = await start('api', { OTEL_EXPORTER_OTLP_ENDPOINT: gone.url })
  const answer = await fetch(`${api.url}/institutions`, { headers: { authorization: `Bearer ${token}` } })
  await api.stop()
  expect(answer.status).toBe(200)
})
