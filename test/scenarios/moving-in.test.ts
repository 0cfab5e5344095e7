/** A client moves in with the ids that it stored: they are imported before the first sync, and mean the same things here. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { readHighWater } from '../../src/high-water-file.ts'
import { startSandbox } from '../../src/sandbox/start-sandbox.ts'
import { serveApi } from '../support/api.ts'
import { freeStarts } from '../support/booking.ts'
import { type Link, type Source, startLink } from '../support/bridge.ts'
import { environmentOf, type } from '../support/command-line.ts'

const NOUNS = [
  'provider',
  'operatory',
  'patient',
  'appointment',
  'procedure',
  'descriptor',
  'working_hour',
  'working_hour_label',
] as const
const TYPE = 'msg-dentrix-DataSource-100'
const LOCATION = 70_001
/** Ids that no bridge of a test comes to by itself. */
const FAR = 900_000

const lister = new URL('../../docs/moving/list-ids.ts', import.meta.url).pathname
const tableOf = (noun: string) => (noun === 'operatory' ? 'operatories' : `${noun}s`)

/** By noun: foreign id (or what a thing is known by) → id. */
type Held = Map<string, Record<string, number>>

async function heldOf(link: Link): Promise<Held> {
  const held: Held = new Map()
  for (const noun of NOUNS) {
    const known = noun === 'working_hour_label' ? 'name' : 'foreign_id'
    const rows = await link.t.look(
      `select id::int, ${known} as known from ${tableOf(noun)} where ${known} is not null`,
    )
    held.set(noun, Object.fromEntries(rows.map(({ id, known }) => [known, id])))
  }
  return held
}

const first = (held: Held, noun: (typeof NOUNS)[number]) => {
  const [foreignId = '', id = 0] = Object.entries(held.get(noun) ?? {})[0] ?? []
  return { foreignId, id }
}

/** Another bridge of the same wire, with ids of its own: what clients hold is listed from it as from NexHealth. */
async function listElsewhere(source: Source, file: string): Promise<Held> {
  await using link = await startLink({
    ...source,
    async prepare(t) {
      await t.look('update api_keys set limits = null')
      await t.look('update locations set id = $1', [LOCATION])
      await t.look('update data_sources set foreign_id_type = $1', [TYPE])
      const ids = Object.fromEntries(NOUNS.map((noun, at) => [`${noun}_ids`, FAR * (at + 1)]))
      await t.look('select raise_ids($1)', [{ ...ids, appointment_type_ids: 81_233 }])
      return { locationId: LOCATION }
    },
  })
  await using api = await serveApi(link)
  const held = await heldOf(link)
  await makeOurs(api, held)
  const env = { PATH: process.env.PATH, NEXHEALTH_URL: api.url, NEXHEALTH_API_KEY: link.apiKey }
  const { stdout } = await promisify(execFile)(process.execPath, [lister, link.subdomain], { env })
  const procedures = Object.entries(held.get('procedure') ?? {})
  writeFileSync(
    file,
    stdout + procedures.map(([foreign, id]) => `procedure,${TYPE},${foreign},,,${id}\n`).join(''),
  )
  return held
}

it('shows, takes and books everything under the ids that the client stored', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'moving-in-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  const sandbox = stack.use(await startSandbox({ file: join(folder, 'practice.db'), key: 'test-key' }))
  const source = { connector: 'sandbox', configuration: { url: sandbox.url, key: 'test-key' } }
  const file = join(folder, 'ids.csv')
  const held = await listElsewhere(source, file)
  const water = join(folder, 'high-water.json')
  const link = stack.use(
    await startLink({
      ...source,
      async prepare(t, { subdomain }) {
        const env = { ...environmentOf(t), SLOTBRIDGE_HIGH_WATER: water }
        const dry = await type(`import-ids ${file} --subdomain ${subdomain} --dry-run`, env)
        expect([dry.code, dry.noted, dry.said]).toEqual([0, '', expect.stringContaining('nothing was kept')])
        expect(await t.look('select 1 from reserved_ids union select 1 from locations where id > 1')).toEqual(
          [],
        )
        const done = await type(`import-ids ${file} --subdomain ${subdomain}`, env)
        expect([done.code, done.noted]).toEqual([0, ''])
        expect((await type(`import-ids ${file} --subdomain ${subdomain}`, env)).said).toContain(
          'were kept before',
        )
        return { locationId: LOCATION }
      },
    }),
  )

  const here = await heldOf(link)
  for (const [noun, ids] of held) expect([noun, here.get(noun)]).toEqual([noun, ids])
  for (const noun of NOUNS)
    if (noun !== 'working_hour_label') expect(first(held, noun).id, noun).toBeGreaterThan(FAR)
  const [life] = Object.values(readHighWater(water))
  expect(life?.ids.patient_ids).toBeGreaterThan(Math.max(...Object.values(held.get('patient') ?? {})))
  expect(readFileSync(water, 'utf8')).not.toContain(TYPE)

  await using api = await serveApi(link)
  const asked = `location_id=${LOCATION}`
  const { body: providers } = await api.ask('GET', `/providers?${asked}&per_page=100`)
  expect(providers.data[0]).toMatchObject({ foreign_id_type: TYPE, id: expect.any(Number) })
  const patient = first(held, 'patient')
  expect((await api.ask('GET', `/patients/${patient.id}?${asked}`)).body.data).toMatchObject({
    id: patient.id,
    foreign_id: patient.foreignId,
  })
  const appointment = first(held, 'appointment')
  expect((await api.ask('GET', `/appointments/${appointment.id}`)).body.data.foreign_id).toBe(
    appointment.foreignId,
  )
  // What is ours is made again by its name, and takes its id; anything else a new one.
  await makeOurs(api, held)
  expect(await makeType(api, 'Cleaning')).toBe(81_235)

  // A new patient, and a booking with nothing but stored ids.
  const [hour] = await link.t.look(
    "select provider_id::int, operatory_id::int from working_hours where source = 'synced' and operatory_id is not null order by id",
  )
  const place = { providerId: hour.provider_id, operatoryId: hour.operatory_id }
  const [start] = await freeStarts(link, place, 1)
  const [known] = await link.t.look(
    'select id::int from patients where foreign_id is not null and not inactive and merged_into is null order by id limit 1',
  )
  const booked = await api.ask('POST', `/appointments?${asked}`, {
    appt: {
      patient_id: known.id,
      provider_id: place.providerId,
      operatory_id: place.operatoryId,
      start_time: start,
      appointment_type_id: 81_234,
    },
  })
  expect([booked.status, booked.body.error]).toEqual([201, null])
  const highest = Math.max(...Object.values(held.get('appointment') ?? {}))
  expect(booked.body.data.appt.id).toBeGreaterThan(highest)
  const written = await link.settled(booked.body.data.appt.id)
  expect(written).toMatchObject({
    insertion: { status: 'complete' },
    patient_id: known.id,
    location_id: LOCATION,
  })

  // Once read, a thing keeps the id it has.
  writeFileSync(file, `noun,foreign_id_type,foreign_id,id\npatient,${TYPE},${patient.foreignId},4000000\n`)
  const late = await type(`import-ids ${file} --subdomain ${link.subdomain}`, environmentOf(link.t))
  expect([late.code, late.noted]).toEqual([
    1,
    `line 2: patient ${patient.foreignId} is here already, as ${patient.id}\nNothing was kept.`,
  ])
}, 120_000)

type Served = Awaited<ReturnType<typeof serveApi>>

async function makeType(api: Served, name: string): Promise<number> {
  const appointment_type = { name, minutes: 30, bookable_online: true }
  return (await api.ask('POST', '/appointment_types', { appointment_type })).body.data.id
}

/** Types and hours are not mirrored: on either bridge they are made by the API, and bear the same ids. */
async function makeOurs(api: Served, held: Held): Promise<void> {
  expect(await makeType(api, 'Cleaning, long')).toBe(81_234)
  const working_hour = {
    provider_id: first(held, 'provider').id,
    operatory_id: first(held, 'operatory').id,
    begin_time: '09:00',
    end_time: '12:00',
    specific_date: '2030-01-05',
  }
  const path = `/working_hours?location_id=${LOCATION}`
  const made = await api.ask('POST', path, { working_hour }, 'v20240412')
  const hours = Object.keys(held.get('working_hour') ?? {}).length
  expect([made.status, made.body.error, made.body.data?.id > hours]).toEqual([201, null, true])
  expect(made.body.data.id).toBe(Math.max(...Object.values(held.get('working_hour') ?? {})) + 1)
}
