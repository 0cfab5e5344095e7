import { expect, it } from 'vitest'
import { booking, type Json, openPractice, type TestPractice } from './practice-under-test.ts'

/** What a reader of the feed holds: every row by its noun and id. */
type Mirror = Map<string, Json>

/** Reads on from `cursor` to the end of the feed and answers where it stands. */
async function readOn(
  practice: TestPractice,
  mirror: Mirror,
  cursor: string | null,
  limit = 7,
): Promise<string> {
  let at = cursor
  for (;;) {
    const from = at === null ? '' : `&cursor=${at}`
    const { status, json } = await practice.call('GET', `/changes?limit=${limit}${from}`)
    expect(status).toBe(200)
    for (const row of json.people) mirror.set(`person ${row.person_id}`, row)
    for (const row of json.visits) mirror.set(`visit ${row.visit_id}`, row)
    for (const row of json.closures) mirror.set(`closure ${row.closure_id}`, row)
    for (const mark of json.gone) mirror.delete(`${mark.noun} ${mark.id}`)
    at = json.cursor as string
    if (!json.more) return at
  }
}

/** The whole truth by the other way of reading: the schedule of ten years. */
async function readSchedule(practice: TestPractice): Promise<Mirror> {
  const mirror: Mirror = new Map()
  const range = 'from=2020-01-01T00:00:00.000Z&to=2030-01-01T00:00:00.000Z&limit=13'
  let after = ''
  for (;;) {
    const { json } = await practice.call('GET', `/schedule?${range}${after}`)
    for (const row of json.visits) mirror.set(`visit ${row.visit_id}`, row)
    for (const row of json.closures) mirror.set(`closure ${row.closure_id}`, row)
    if (json.next === null) return mirror
    after = `&after=${json.next}`
  }
}

function withoutPeople(mirror: Mirror): Json {
  return Object.fromEntries([...mirror].filter(([key]) => !key.startsWith('person')).sort())
}

it('misses nothing while six writers change the practice between its pages', async () => {
  await using practice = await openPractice()
  const mirror: Mirror = new Map()
  let writing = true
  const writer = async (hour: number): Promise<void> => {
    for (let round = 0; round < 12; round += 1) {
      const { visit } = (await practice.call('POST', '/desk/book', booking(hour, { overbook: true }))).json
      await practice.call('POST', '/desk/act')
      await practice.call('POST', '/desk/confirm', { visit_id: visit.visit_id })
      if (round % 3 === 0) await practice.call('POST', '/desk/delete', { visit_id: visit.visit_id })
    }
  }
  const reader = async (): Promise<string> => {
    let cursor: string | null = null
    while (writing) cursor = await readOn(practice, mirror, cursor)
    return readOn(practice, mirror, cursor)
  }
  const reading = reader()
  await Promise.all([1, 2, 3, 4, 5, 6].map(writer))
  writing = false
  await reading
  expect(withoutPeople(mirror)).toEqual(withoutPeople(await readSchedule(practice)))
})

it('gives every row a revision of its own', async () => {
  await using practice = await openPractice()
  const mirror: Mirror = new Map()
  await readOn(practice, mirror, null, 1000)
  const revisions = [...mirror.values()].map((row) => row.revision)
  expect(new Set(revisions).size).toBe(revisions.length)
})

it('brings along the people whom the visits of a page name', async () => {
  await using practice = await openPractice()
  const start = await readOn(practice, new Map(), null, 1000)
  await practice.call('POST', '/visits', booking(1, { person_id: '77' }))
  const { json } = await practice.call('GET', `/changes?cursor=${start}`)
  expect(json.people).toEqual([])
  expect(json.named).toMatchObject([{ person_id: '77' }])
})

it('turns away a reader who missed deletions that it has forgotten, and no other', async () => {
  await using practice = await openPractice({ goneKept: 3 })
  const early = await readOn(practice, new Map(), null, 1000)
  const firstPage = (await practice.call('GET', '/changes?limit=5')).json.cursor
  const visits: string[] = []
  for (const hour of [1, 2, 3, 4, 5]) {
    visits.push((await practice.call('POST', '/visits', booking(hour))).json.visit.visit_id)
  }
  for (const visit of visits.slice(0, 3)) await practice.call('POST', '/desk/delete', { visit_id: visit })
  expect((await practice.call('GET', `/changes?cursor=${early}`)).status).toBe(200)
  for (const visit of visits.slice(3)) await practice.call('POST', '/desk/delete', { visit_id: visit })
  expect(await practice.call('GET', `/changes?cursor=${early}`)).toMatchObject({
    status: 410,
    json: { reason: 'cursor_lost' },
  })
  // A walk from nothing that began before the trimming may have passed on a row whose mark is forgotten.
  expect((await practice.call('GET', `/changes?cursor=${firstPage}`)).status).toBe(410)
  // One that begins now needs none of those marks, however many pages it takes.
  const mirror: Mirror = new Map()
  await readOn(practice, mirror, null, 5)
  expect(withoutPeople(mirror)).toEqual(withoutPeople(await readSchedule(practice)))
})

it('turns away a cursor of another practice, and one ahead of a restored file', async () => {
  await using practice = await openPractice()
  await using other = await openPractice()
  const cursor = await readOn(other, new Map(), null, 1000)
  expect((await practice.call('GET', `/changes?cursor=${cursor}`)).status).toBe(410)
  const own = await readOn(practice, new Map(), null, 1000)
  const [identity, since = '0', begun] = own.split('.')
  const ahead = `${identity}.${Number(since) + 1}.${begun}`
  expect((await practice.call('GET', `/changes?cursor=${ahead}`)).status).toBe(410)
  expect((await practice.call('GET', '/changes?cursor=nonsense')).status).toBe(422)
})

it('shows in the schedule what only touches the range, and not what ends where it begins', async () => {
  await using practice = await openPractice()
  const { visit } = (await practice.call('POST', '/visits', booking(1))).json
  const ids = async (from: string, to: string): Promise<string[]> => {
    const { json } = await practice.call('GET', `/schedule?from=${from}&to=${to}`)
    return json.visits.map((row: Json) => row.visit_id)
  }
  expect(await ids('2027-06-01T01:29:00.000Z', '2027-06-01T02:00:00.000Z')).toEqual([visit.visit_id])
  expect(await ids('2027-06-01T01:30:00.000Z', '2027-06-01T02:00:00.000Z')).toEqual([])
  expect(await ids('2027-06-01T00:00:00.000Z', '2027-06-01T01:00:00.000Z')).toEqual([])
})
