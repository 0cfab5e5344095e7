import { afterAll, beforeAll, expect, it } from 'vitest'
import { CursorLost, type RecordSystem, Unavailable } from '../../../src/connectors/connector.ts'
import { sandboxConnector } from '../../../src/connectors/sandbox/sandbox-connector.ts'
import { openPractice, type TestPractice } from '../../sandbox/practice-under-test.ts'
import { startAnswering } from './answering-server.ts'
import { appointments, collect, inserted, openConnector } from './open-connector.ts'

let practice: TestPractice
let system: RecordSystem
beforeAll(async () => {
  practice = await openPractice({ seed: 2 })
  system = await openConnector(practice.url)
})
afterAll(async () => {
  await system[Symbol.asyncDispose]()
  await practice[Symbol.asyncDispose]()
})

it('finds the practice, its version, its clock and its marks', async () => {
  await using ahead = await openPractice({ clockOffsetMs: 3_600_000 })
  const probe = await (await openConnector(ahead.url)).probe()
  expect(probe).toMatchObject({ systemName: 'Simulated practice', missing: [] })
  expect(Math.abs(probe.clockSkewMs - 3_600_000)).toBeLessThan(60_000)
  expect(probe.marks).toMatchObject({ person: 200 })
})

it('reads the directory in our words', async () => {
  const records = await collect(system.directory())
  const of = (kind: string) => records.filter((one) => one.kind === kind).map((one) => one.record)
  expect(of('location')).toEqual([{ foreignId: '1', name: 'Harbor Street Dental', zone: 'America/New_York' }])
  expect(of('provider')).toHaveLength(3)
  expect(of('operatory')).toHaveLength(3)
  expect(of('working_hour')[0]).toEqual({
    foreignId: '1',
    provider: '1',
    operatory: '1',
    location: null,
    beginTime: '08:00',
    endTime: '17:00',
    days: ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'],
    specificDate: null,
  })
  const descriptors = of('descriptor') as { foreignId: string }[]
  expect(new Set(descriptors.map((one) => one.foreignId)).size).toBe(10)
})

it('loads everything from nothing, each patient before the first appointment that names it', async () => {
  // Renamed now, they stand at the end of the feed, after the visits that name them.
  for (let person = 60; person < 80; person += 1) {
    await practice.call('POST', '/desk/rename', { person_id: String(person), last_name: 'Late' })
  }
  const pages = await collect(system.changes(null))
  expect(pages.map((page) => page.last)).toEqual([...Array(pages.length - 1).fill(false), true])
  const known = new Set<string>()
  for (const record of pages.flatMap((page) => page.records)) {
    if (record.kind === 'patient') known.add(record.record.foreignId)
    if (record.kind === 'appointment' && record.record.patient !== null) {
      expect(known.has(record.record.patient)).toBe(true)
    }
  }
  expect(known.size).toBe(200)
})

it('shows as changes what the desk does: a booking, a rename, a deletion, a block and its end', async () => {
  const start = (await collect(system.changes(null))).at(-1)?.cursor ?? null
  const at = (hour: number) => ({ begins: `2027-07-06T${hour}:00:00.000Z` })
  const first = (await practice.call('POST', '/desk/book', at(14))).json.visit
  const second = (await practice.call('POST', '/desk/book', at(15))).json.visit
  const { closure } = (await practice.call('POST', '/desk/block', { chair_id: '1', ...at(16) })).json
  await practice.call('POST', '/desk/rename', { person_id: '50', last_name: 'Nightingale' })
  await practice.call('POST', '/desk/delete', { visit_id: first.visit_id })
  const [page, ...rest] = await collect(system.changes(start))
  expect(rest).toEqual([])
  expect(page?.records).toContainEqual({ kind: 'gone', noun: 'appointment', foreignId: first.visit_id })
  const block = { foreignId: `block_${closure.closure_id}`, unavailable: true, patient: null, operatory: '1' }
  expect(appointments(page?.records ?? [])).toMatchObject([{ foreignId: second.visit_id }, block])
  const renamed = expect.objectContaining({ foreignId: '50', lastName: 'Nightingale' })
  expect(page?.records).toContainEqual({ kind: 'patient', record: renamed })
  await practice.call('POST', '/desk/unblock', { closure_id: closure.closure_id })
  const [after] = await collect(system.changes(page?.cursor ?? null))
  expect(after?.records).toEqual([{ kind: 'gone', noun: 'appointment', foreignId: block.foreignId }])
})

it('reads in a window exactly what overlaps it, over several pages', async () => {
  const all = appointments((await collect(system.changes(null))).flatMap((page) => page.records))
  const [from, to] = ['2026-11-10T00:00:00.000Z', '2027-01-01T00:00:00.000Z']
  const pages = await collect(system.window(from, to))
  expect(pages.length).toBeGreaterThan(1)
  const inside = all.filter((one) => one.start < to && one.end > from)
  const sorted = (list: typeof all) => list.sort((one, other) => (one.foreignId < other.foreignId ? -1 : 1))
  expect(sorted(appointments(pages.flat()))).toEqual(sorted(inside))
})

it('gives back what the seed says of a visit, procedures included', async () => {
  const { json } = await practice.call('GET', '/visits/1')
  const page = (await collect(system.changes(null))).flatMap((one) => one.records)
  const record = await system.find({ foreignId: '1' })
  expect(record).toMatchObject({
    foreignId: '1',
    start: json.visit.begins,
    checkedOut: json.visit.left_at !== null,
    descriptors: [`code_${json.visit.procedure_codes[0]}`, `kind_${json.visit.kind_id}`],
  })
  const procedure = { appointment: '1', code: json.visit.procedure_codes[0], patient: json.person.person_id }
  expect(page).toContainEqual({ kind: 'procedure', record: expect.objectContaining(procedure) })
})

it('finds by foreign id, by marker and by what an appointment naturally is, and null where nothing is', async () => {
  const record = await inserted(system, 3)
  const natural = { patient: '1', provider: '1', operatory: '1', start: record.start }
  expect(await system.find({ foreignId: record.foreignId })).toEqual(record)
  expect(await system.find({ marker: record.marker ?? '' })).toEqual(record)
  expect(await system.find({ natural })).toEqual(record)
  expect(await system.find({ natural: { ...natural, operatory: '2' } })).toBeNull()
  expect(await system.find({ foreignId: '999999' })).toBeNull()
  expect(await system.find({ foreignId: 'block_999999' })).toBeNull()
  expect(await system.find({ foreignId: '../status' })).toBeNull()
  expect(await system.find({ marker: system.reserve() })).toBeNull()
})

it('finds patients by name and birth date, whatever the case of the letters', async () => {
  const { person } = (await practice.call('GET', '/people/7')).json
  const query = {
    lastName: person.last_name.toUpperCase(),
    firstName: person.first_name.toLowerCase(),
    birthDate: person.birth_date,
  }
  expect(await system.findPatients(query)).toMatchObject([{ foreignId: '7', chartId: 'HS-0007' }])
  expect(await system.findPatients({ ...query, birthDate: '1900-01-01' })).toEqual([])
})

it('says that a cursor of another life is lost', async () => {
  await using other = await openPractice()
  const pages = await collect((await openConnector(other.url)).changes(null))
  await expect(collect(system.changes(pages.at(-1)?.cursor ?? null))).rejects.toThrow(CursorLost)
})

it('throws that the practice is unavailable when it is away, refuses the key, or is something else', async () => {
  const away = await openPractice()
  const orphan = await openConnector(away.url)
  await away[Symbol.asyncDispose]()
  await expect(orphan.probe()).rejects.toThrow(Unavailable)
  const stranger = await openConnector(practice.url, { key: 'wrong' })
  await expect(stranger.probe()).rejects.toThrow('refuses the key')
  await using other = await startAnswering((_, response) => response.end('<html>'))
  await expect((await openConnector(other.url)).probe()).rejects.toThrow(Unavailable)
})

it('sets aside a row that it cannot read and passes on the rest of the page', async () => {
  const { json } = await practice.call('GET', '/changes?limit=1000')
  const visit = json.visits[0]
  const bad = [{ ...visit, finishes: visit.begins }, { ...visit, visit_id: '12', begins: 'soon' }, 17]
  const page = { ...json, visits: [...bad, visit], closures: [], gone: [], more: false }
  const directory = (await practice.call('GET', '/directory')).json
  await using server = await startAnswering((request, response) => {
    response.end(JSON.stringify(request.url === '/directory' ? directory : page))
  })
  const [read] = await collect((await openConnector(server.url)).changes(null))
  const aside = read?.records.filter((one) => one.kind === 'set_aside').map((one) => one.record)
  expect(aside).toMatchObject([
    { noun: 'appointment', foreignId: visit.visit_id },
    { noun: 'appointment', foreignId: '12', raw: bad[1] },
    { noun: 'appointment', foreignId: null, raw: 17 },
  ])
  expect(appointments(read?.records ?? [])).toHaveLength(1)
})

it('names the key of the configuration that is wrong', async () => {
  const open = (configuration: unknown) => sandboxConnector.open(configuration, { now: () => 0 })
  await expect(open({ url: 'ftp://x', key: 'k' })).rejects.toThrow('/url')
  await expect(open({ url: 'http://x', key: 'k', timeout_ms: 1 })).rejects.toThrow('/timeout_ms')
  await expect(open({ url: 'http://x' })).rejects.toThrow('key')
})
