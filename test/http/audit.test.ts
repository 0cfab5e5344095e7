/** Every request leaves a row that names whom it touched, and no answer leaves before its row. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inBatches } from '../../src/db/in-batches.ts'
import { allRoutes } from '../../src/http/routes/all.ts'
import { until } from '../support/until.ts'
import { ahead, type Served, serve } from './served.ts'

let s: Served
let base: { subdomain: string; location_id: number }
beforeAll(async () => {
  s = await serve()
  base = { subdomain: s.subdomain, location_id: s.locationId }
})
afterAll(async () => await s?.[Symbol.asyncDispose]())

const lastRow = async () =>
  (await s.t.look('select *, xmin::text as xmin from audit order by id desc limit 1'))[0]
const countRows = async () => (await s.t.look('select count(*)::int as n from audit'))[0].n
const xminOf = async (table: string) =>
  (await s.t.look(`select xmin::text as xmin from ${table} order by id desc limit 1`))[0].xmin
let days = 2
const booking = (more: object = {}) => ({
  patient_id: s.patientId,
  provider_id: s.providerId,
  operatory_id: s.operatoryId,
  start_time: ahead(++days),
  ...more,
})
const book = (more: object = {}, headers: Record<string, string> = {}) =>
  s.ask('POST', '/appointments', { query: base, body: { appt: booking(more) }, headers })

const addEndpoint = (headers: Record<string, string>) =>
  s.ask('POST', '/webhook_endpoints', { body: { target_url: 'https://example.com/hook' }, headers })

/** Whoever may look at nothing else sees by it that nothing of the practice lies in the audit. */
const everything = async () =>
  (await s.t.look('select audit::text from audit')).map((row) => row.audit).join('\n')

describe('the row of a request', () => {
  it('says who asked for what by which route, how it was answered and whom it touched', async () => {
    const { status } = await s.ask('GET', `/patients/${s.patientId}`, { query: base })
    expect(status).toBe(200)
    const row = await lastRow()
    expect(row).toMatchObject({
      institution_id: String(s.institutionId),
      kind: 'request',
      method: 'GET',
      route: '/patients/:id',
      status: 200,
      api_key_id: String(s.keyId),
      patient_ids: [String(s.patientId)],
      webhook_endpoint_id: null,
    })
    expect(row.request_id).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('names the patient wherever an answer shows one, whatever the route', async () => {
    const guarantor = Number(
      (
        await s.t.look(
          `insert into patients (institution_id, data_source_id, location_id, first_name, last_name, name_key, match_key)
           values ($1, $2, $3, 'Adaeze', 'Guarantorsdottir', 'adaeze guarantorsdottir', 'v1|g') returning id`,
          [s.institutionId, s.sourceId, s.locationId],
        )
      )[0].id,
    )
    await s.t.look('update patients set guarantor_id = $1 where id = $2', [guarantor, s.patientId])
    const { body } = await book()
    const appointment = body.data.appt.id
    await s.t.look(
      `insert into procedures (institution_id, data_source_id, foreign_id, location_id, patient_id, appointment_id, name, status)
       values ($1, $2, 'p1', $3, $4, $5, 'Exam', 'planned')`,
      [s.institutionId, s.sourceId, s.locationId, s.patientId, appointment],
    )
    await s.sequence()
    const ids: Record<string, number> = { patient: s.patientId, appointment, location: s.locationId }
    const shown = new Map<string, Set<number>>()
    for (const route of allRoutes.filter(({ method }) => method === 'GET')) {
      const known = route.query?.properties ?? {}
      const all = {
        start: ahead(0),
        end: ahead(60),
        include: ['guarantor', 'children', 'procedures', 'patient'],
      }
      const given = Object.entries({ ...all, patient_id: s.patientId }).filter(([name]) => name in known)
      const path = route.path.replace('{id}', String(ids[route.by] ?? s.patientId))
      const version = route.face === 'v3' ? 'v3.0.0' : 'v2'
      const answer = await s.ask('GET', path, { query: { ...base, ...Object.fromEntries(given) }, version })
      const row = await lastRow()
      expect(row.route, path).toBe(route.path.replace('{id}', ':id'))
      const touched = new Set<number>((row.patient_ids as string[]).map(Number))
      const text = JSON.stringify(answer.body)
      for (const [name, id] of [
        ['Okafor', s.patientId],
        ['Guarantorsdottir', guarantor],
      ] as const)
        if (text.includes(name)) expect([...touched], `${version} ${path}`).toContain(id)
      shown.set(`${version} ${route.path}`, touched)
    }
    const showing = (id: number) => [...shown].flatMap(([route, ids]) => (ids.has(id) ? [route] : [])).sort()
    expect(showing(guarantor)).toEqual([
      'v2 /appointments',
      'v2 /appointments/{id}',
      'v2 /patients',
      'v2 /patients/{id}',
      'v3.0.0 /patients',
      'v3.0.0 /patients/{id}',
    ])
    expect(showing(s.patientId)).toEqual([
      'v2 /appointments',
      'v2 /appointments/{id}',
      'v2 /events',
      'v2 /patients',
      'v2 /patients/{id}',
      'v2 /procedures',
      'v2 /procedures/{id}',
      'v3.0.0 /appointments',
      'v3.0.0 /patients',
      'v3.0.0 /patients/{id}',
      'v3.0.0 /procedures',
      'v3.0.0 /procedures/{id}',
    ])
    for (const name of ['Okafor', 'Imani', 'Guarantorsdottir', '1988-02-29', '(503)', '@example'])
      expect(await everything()).not.toContain(name)
  })

  it('names whom a refused request named, nobody where nothing is there, and goes to the installation where no institution is seen', async () => {
    const bad = { body: { appt: { ...booking({}), start_time: 'soon' } }, query: base }
    expect((await s.ask('POST', '/appointments', bad)).status).toBe(400)
    expect(await lastRow()).toMatchObject({ status: 400, patient_ids: [String(s.patientId)] })
    const unknown = { body: { appt: booking({ patient_id: 987_654 }) }, query: base }
    expect((await s.ask('POST', '/appointments', unknown)).status).toBe(404)
    expect(await lastRow()).toMatchObject({ status: 404, patient_ids: [] })
    expect((await s.ask('GET', '/patients/987654', { query: base })).status).toBe(404)
    expect(await lastRow()).toMatchObject({ status: 404, patient_ids: [] })
    expect((await s.ask('GET', '/patients', { query: { ...base, subdomain: 'elsewhere' } })).status).toBe(403)
    expect(await lastRow()).toMatchObject({
      institution_id: '0',
      status: 403,
      api_key_id: String(s.keyId),
      patient_ids: [],
    })
    expect((await s.ask('GET', '/patients', { query: base, key: 'wrong' })).status).toBe(401)
    expect(await lastRow()).toMatchObject({ institution_id: '0', status: 401, api_key_id: null })
    expect((await s.ask('GET', `/imani-okafor/${s.patientId}`)).status).toBe(404)
    expect(await lastRow()).toMatchObject({ institution_id: '0', status: 404, route: null })
    expect((await s.ask('POST', '/authenticates', { key: s.key })).status).toBe(201)
    expect(await lastRow()).toMatchObject({
      route: '/authenticates',
      status: 201,
      api_key_id: String(s.keyId),
    })
    expect(await everything()).not.toContain('imani-okafor')
  })

  it('is not written for what takes no key and shows nobody', async () => {
    const before = await countRows()
    for (const path of ['/livez', '/readyz', '/metrics', '/openapi.json', '/docs'])
      expect((await s.ask('GET', path, { key: null })).status, path).toBe(200)
    expect(await countRows()).toBe(before)
  })
})

describe('a request that changes something', () => {
  it('has its row in the transaction of the change', async () => {
    const { status } = await book()
    const row = await lastRow()
    expect([status, row.status, row.patient_ids]).toEqual([
      201,
      201,
      expect.arrayContaining([String(s.patientId)]),
    ])
    expect(row.xmin).toBe(await xminOf('writes'))
    const before = await countRows()
    await book({}, { 'idempotency-key': 'once' })
    expect((await lastRow()).xmin).toBe(await xminOf('writes'))
    expect(await countRows()).toBe(before + 1)
  })

  it('leaves one row also where it is about the account', async () => {
    for (const headers of [{}, { 'idempotency-key': 'endpoint' }] as Record<string, string>[]) {
      const before = await countRows()
      expect((await addEndpoint(headers)).status).toBe(201)
      expect(await lastRow()).toMatchObject({ institution_id: '0', route: '/webhook_endpoints', status: 201 })
      expect(await countRows()).toBe(before + 1)
    }
  })

  it('leaves a row for each answer under its Idempotency-Key, which names whom the kept one shows', async () => {
    const before = await countRows()
    const start_time = ahead(++days)
    const send = () => book({ start_time }, { 'idempotency-key': 'kept' })
    const [first, second] = [await send(), await send()]
    expect(second.body).toEqual(first.body)
    expect(second.headers.get('idempotency-replayed')).toBe('true')
    const rows = await s.t.look('select request_id, status, patient_ids from audit order by id desc limit 2')
    expect(new Set(rows.map(({ request_id }) => request_id)).size).toBe(2)
    for (const row of rows)
      expect(row).toMatchObject({ status: 201, patient_ids: expect.arrayContaining([String(s.patientId)]) })
    const taken = await book(
      { start_time, end_time: start_time.replace('T15:00', 'T15:45') },
      { 'idempotency-key': 'taken' },
    )
    // Refused for the taken time, which is an answer that is kept.
    expect(taken.body.error).toEqual([expect.stringContaining('not available')])
    expect([taken.status, (await lastRow()).status, await countRows()]).toEqual([400, 400, before + 3])
  })
})

describe('an answer', () => {
  it('is 503 where its row cannot be written, and nothing that was asked for is done', async () => {
    const done = async () => {
      const tables = ['appointments', 'writes', 'webhook_endpoints', 'idempotency', 'account_idempotency']
      const counts = tables.map((table) => `(select count(*)::int from ${table}) as ${table}`)
      return (await s.t.look(`select ${counts.join(', ')}`))[0]
    }
    const before = await done()
    await s.t.look('revoke insert on audit from slotbridge_app, slotbridge_work')
    try {
      for (const [method, path] of [
        ['GET', `/patients/${s.patientId}`],
        ['GET', '/patients/987654'],
        ['GET', '/institutions'],
        ['GET', '/nowhere'],
      ] as const) {
        const { status, headers, body } = await s.ask(method, path, { query: base })
        expect([status, headers.get('retry-after')], path).toEqual([503, '1'])
        expect(body, path).toEqual({
          code: false,
          description: null,
          data: null,
          error: ['The request could not be audited; try again'],
        })
      }
      for (const headers of [{}, { 'idempotency-key': 'unaudited' }] as Record<string, string>[]) {
        for (const { status, body } of [await book({}, headers), await addEndpoint(headers)])
          expect([status, body.data]).toEqual([503, null])
      }
      expect((await s.ask('GET', '/livez')).status).toBe(200)
    } finally {
      await s.t.look('grant insert on audit to slotbridge_app, slotbridge_work')
    }
    expect(await done()).toEqual(before)
    expect((await book({}, { 'idempotency-key': 'unaudited' })).status).toBe(201)
  })

  it('leaves after its row was committed, not before', async () => {
    const client = new pg.Client({ connectionString: s.t.directUrl })
    await client.connect()
    try {
      await client.query('begin')
      await client.query('lock table audit_unsealed in share mode')
      let isAnswered = false
      const asked = s.ask('GET', `/patients/${s.patientId}`, { query: base }).finally(() => {
        isAnswered = true
      })
      await until('the row to wait', async () => {
        const { rows } = await client.query(
          "select from pg_locks where relation = 'audit_unsealed'::regclass and not granted",
        )
        return rows.length > 0
      })
      expect(isAnswered).toBe(false)
      await client.query('commit')
      expect((await asked).status).toBe(200)
    } finally {
      await client.end()
    }
  })

  it('shares its commit with those that come while another is under way', async () => {
    const ran: string[][] = []
    const gates: PromiseWithResolvers<void>[] = []
    const append = inBatches(async (items: string[]) => {
      ran.push(items)
      const gate = Promise.withResolvers<void>()
      gates.push(gate)
      await gate.promise
    }, 0)
    const all = ['one', 'two', 'three'].map((item) => append(item))
    expect(ran).toEqual([['one']])
    gates[0]?.resolve()
    await all[0]
    expect(ran).toEqual([['one'], ['two', 'three']])
    gates[1]?.reject(new Error('no'))
    await expect(all[1]).rejects.toThrow('no')
    await expect(all[2]).rejects.toThrow('no')
  })
})
