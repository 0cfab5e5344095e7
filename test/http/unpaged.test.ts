import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Served, serve } from './served.ts'

let s: Served
beforeAll(async () => {
  s = await serve()
  await s.t.look(
    `insert into appointment_types (institution_id, id, name, minutes)
     select $1, nextval('appointment_type_ids'), 'Type ' || n, 30 from generate_series(1, 320) n`,
    [s.institutionId],
  )
  for (let n = 1; n <= 6; n++)
    await s.ask('POST', '/institutions', {
      body: { institution: { subdomain: `more-${n}`, name: `More ${n}` } },
    })
})
afterAll(async () => await s[Symbol.asyncDispose]())

const read = async (path: string, query: Record<string, string | number> = {}, version = 'v2') => {
  const { body } = await s.ask('GET', path, { version, query })
  return { rows: body.data.length, count: body.count, said: body.description }
}

it.each(['v2', 'v3.0.0'])(
  'lists that NexHealth does not page are whole where no page is asked for: %s',
  async (version) => {
    for (const path of ['/institutions', '/locations']) {
      expect(await read(path, {}, version)).toEqual({ rows: 7, count: 7, said: null })
      expect(await read(path, { per_page: 2 }, version)).toMatchObject({ rows: 2, count: 7 })
      expect(await read(path, { page: 2 }, version)).toMatchObject({ rows: 2, count: 7 })
    }
  },
)

it('a list that is longer than any page says so', async () => {
  const base = { subdomain: s.subdomain, location_id: s.locationId }
  for (const path of ['/appointment_types', '/appointment_categories'])
    expect(await read(path, base)).toEqual({
      rows: 300,
      count: 321,
      said: ['Only the first 300 of 321 are shown; send page=2&per_page=300 for the next.'],
    })
  expect(await read('/appointment_types', { ...base, page: 2, per_page: 300 })).toMatchObject({
    rows: 21,
    said: null,
  })
})
