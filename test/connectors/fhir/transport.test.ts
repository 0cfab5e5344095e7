import { describe, expect, it } from 'vitest'
import { type Insertion, type RecordSystem, Unavailable } from '../../../src/connectors/connector.ts'
import type { ChangeRecord } from '../../../src/model/records.ts'
import { anAppointment } from './resources.ts'
import {
  type Answer,
  type Asked,
  bundle,
  capability,
  notFound,
  nothing,
  startSmallServer,
} from './small-server.ts'

const from = '2026-12-07T00:00:00.000Z'
const to = '2026-12-08T00:00:00.000Z'

async function windowOf(system: RecordSystem): Promise<ChangeRecord[]> {
  const records: ChangeRecord[] = []
  for await (const some of system.window(from, to)) records.push(...some)
  return records
}

/** Answers /metadata, one Appointment page as given, and nothing for all else that is searched. */
function pages(answer: (asked: Asked, base: string) => Answer | undefined) {
  return (asked: Asked, base: string): Answer => {
    if (asked.path === 'metadata') return capability()
    return answer(asked, base) ?? (asked.path.includes('?') ? nothing : notFound)
  }
}

function insertion(system: RecordSystem): Insertion {
  return {
    marker: system.reserve(),
    patient: { foreignId: 'pat-1' },
    provider: 'prac-1',
    operatory: null,
    location: null,
    start: '2026-12-07T14:00:00.000Z',
    end: '2026-12-07T14:30:00.000Z',
    unavailable: false,
    note: 'Klara Fairbrook calls back',
    descriptors: [],
    overbook: false,
  }
}

describe('pages', () => {
  it('are read when they are asked for, never before', async () => {
    await using server = await startSmallServer(
      pages(({ path }, base) => {
        if (path.startsWith('Appointment?date'))
          return bundle([anAppointment({ id: 'a' })], `${base}/more?n=2`)
        return path === 'more?n=2' ? bundle([anAppointment({ id: 'b' })]) : undefined
      }),
    )
    const system = await server.open()
    const reading = system.window(from, to)[Symbol.asyncIterator]()
    await reading.next()
    await system.find({ foreignId: 'time-for-a-request-to-arrive' })
    expect(server.asked.some(({ path }) => path === 'more?n=2')).toBe(false)
    await reading.next()
    expect(server.asked.some(({ path }) => path === 'more?n=2')).toBe(true)
  })

  it('that come round to the first again are stopped', async () => {
    await using server = await startSmallServer(
      pages(({ path }, base) => {
        if (path.startsWith('Appointment?')) return bundle([anAppointment({ id: 'a' })], `${base}/more?n=2`)
        return path === 'more?n=2' ? bundle([anAppointment({ id: 'b' })], `${base}/more?n=2`) : undefined
      }),
    )
    await expect(windowOf(await server.open())).rejects.toThrow('no end')
  })

  it('arrive whole and in order', async () => {
    await using server = await startSmallServer(
      pages(({ path }, base) => {
        if (path.startsWith('Appointment?date'))
          return bundle([anAppointment({ id: 'a' })], `${base}/more?n=2`)
        // HAPI's own links leave the path of the type, some servers' that of the base.
        if (path === 'more?n=2')
          return bundle([anAppointment({ id: 'b' })], base.replace(/fhir$/, 'pages?n=3'))
        if (path === '/pages?n=3') return bundle([anAppointment({ id: 'c' })])
        return undefined
      }),
    )
    const records = await windowOf(await server.open())
    expect(records.map((one) => ('record' in one ? one.record.foreignId : ''))).toEqual(['a', 'b', 'c'])
  })

  it('that lead to another server are refused, and that server never hears of us', async () => {
    await using stranger = await startSmallServer(() => nothing)
    await using server = await startSmallServer(
      pages(({ path }) =>
        path.startsWith('Appointment?')
          ? bundle([anAppointment()], `${stranger.base}/Appointment?page=2`)
          : undefined,
      ),
    )
    const system = await server.open({ auth: { method: 'bearer', token: 'our-secret' } })
    await expect(windowOf(system)).rejects.toThrow(Unavailable)
    expect(stranger.asked).toEqual([])
    expect(server.asked.every(({ headers }) => headers.authorization === 'Bearer our-secret')).toBe(true)
  })

  it('that are a redirect are not followed: it could carry our credentials anywhere', async () => {
    await using stranger = await startSmallServer(() => nothing)
    await using server = await startSmallServer(
      pages(({ path }) =>
        path.startsWith('Appointment?')
          ? { status: 302, headers: { location: `${stranger.base}/Appointment` } }
          : undefined,
      ),
    )
    await expect(windowOf(await server.open())).rejects.toThrow(Unavailable)
    expect(stranger.asked).toEqual([])
  })

  it('hold one poisoned resource aside and go on with the others', async () => {
    const poisoned = [
      { resourceType: 'Appointment', id: 'p1', status: 'booked', start: 'soon', participant: 7 },
      anAppointment({ id: 'p2', start: '2026-12-07T09:00:00' }),
      { resourceType: 'Appointment' },
      { resourceType: 'Patient', id: 'p3', name: 'Jane' },
      { resourceType: 'OperationOutcome', issue: [] },
      null,
    ]
    await using server = await startSmallServer(
      pages(({ path }) =>
        path.startsWith('Appointment?') ? bundle([...poisoned, anAppointment({ id: 'good' })]) : undefined,
      ),
    )
    const records = await windowOf(await server.open())
    const aside = records.flatMap((one) => (one.kind === 'set_aside' ? [one.record] : []))
    expect(aside.map(({ noun, foreignId }) => [noun, foreignId])).toEqual([
      ['appointment', 'p1'],
      ['appointment', null],
      ['patient', 'p3'],
      ['appointment', 'p2'],
    ])
    expect(
      aside.every(({ reason }) => reason !== '' && !reason.includes('Jane') && !reason.includes('soon')),
    ).toBe(true)
    expect(records.some((one) => one.kind === 'appointment' && one.record.foreignId === 'good')).toBe(true)
  })

  it.each<[string, Answer]>([
    ['a web page', { text: '<html>Sign in</html>', headers: { 'content-type': 'text/html' } }],
    ['broken JSON', { text: '{"resourceType":' }],
    ['no bundle', { body: { resourceType: 'Patient', id: 'x' } }],
    ['an error', { status: 500, body: { resourceType: 'OperationOutcome', issue: [] } }],
    ['nothing, cut off', 'cut'],
    ['more than anyone can hold', { text: ' '.repeat(64 * 1024 * 1024 + 1) }],
    [
      'results that say they are not whole',
      bundle([
        anAppointment(),
        { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'timeout' }] },
      ]),
    ],
  ])('of %s make the read unavailable: nothing is left out in silence', async (_, answer) => {
    await using server = await startSmallServer(
      pages(({ path }) => (path.startsWith('Appointment?') ? answer : undefined)),
    )
    await expect(windowOf(await server.open())).rejects.toThrow(Unavailable)
  })
})

describe('a write', () => {
  /** The outcome of an insertion whose PUT is answered so. */
  async function outcomeOf(answer: Answer) {
    await using server = await startSmallServer(
      pages(({ method }) => (method === 'PUT' ? answer : undefined)),
    )
    const system = await server.open({ timeout_ms: 300 })
    return await system.insert(insertion(system))
  }

  it('that was cut or not answered in time is unknown', async () => {
    expect(await outcomeOf('cut')).toMatchObject({ kind: 'unknown' })
    expect(await outcomeOf('hang')).toMatchObject({
      kind: 'unknown',
      message: expect.stringContaining('in time'),
    })
    expect(await outcomeOf({ status: 500 })).toMatchObject({ kind: 'unknown' })
    expect(await outcomeOf({ status: 504 })).toMatchObject({ kind: 'unknown' })
    expect(await outcomeOf({ text: '<html>', headers: { 'content-type': 'text/html' } })).toMatchObject({
      kind: 'unknown',
    })
  })

  it('that the server took and does not show is unknown', async () => {
    expect(await outcomeOf({ status: 201, body: anAppointment() })).toMatchObject({ kind: 'unknown' })
  })

  it('turned away for now is unavailable, with the time to wait', async () => {
    expect(await outcomeOf({ status: 429, headers: { 'retry-after': '7' } })).toMatchObject({
      kind: 'unavailable',
      retryAfterMs: 7000,
    })
    const date = 'Mon, 07 Dec 2026 10:00:00 GMT'
    const retry = 'Mon, 07 Dec 2026 10:01:30 GMT'
    expect(await outcomeOf({ status: 503, headers: { date, 'retry-after': retry } })).toMatchObject({
      kind: 'unavailable',
      retryAfterMs: 90_000,
    })
  })

  it.each([
    [400, 'invalid'],
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [404, 'not_found'],
    [405, 'unsupported'],
    [422, 'invalid'],
    [302, 'refused'],
  ])('answered %i is rejected as %s, without patient data', async (status, code) => {
    const issue = [{ severity: 'error', code: 'invalid', diagnostics: 'Klara Fairbrook already exists' }]
    const outcome = await outcomeOf({ status, body: { resourceType: 'OperationOutcome', issue } })
    expect(outcome).toMatchObject({ kind: 'rejected', code })
    expect(JSON.stringify(outcome)).not.toMatch(/Klara|Fairbrook/)
  })

  it('to a server that is not there is unavailable: nothing was sent', async () => {
    const server = await startSmallServer(pages(() => undefined))
    const system = await server.open()
    await server[Symbol.asyncDispose]()
    expect(await system.insert(insertion(system))).toMatchObject({ kind: 'unavailable' })
    expect(await system.change({ foreignId: 'a', version: null, kind: 'cancel' })).toMatchObject({
      kind: 'unavailable',
    })
    await expect(server.open()).rejects.toThrow(Unavailable)
  })

  it('to a server that went away between the look and the send is unavailable too', async () => {
    await using server = await startSmallServer(
      pages(({ path }) => {
        if (!path.startsWith('Appointment/')) return undefined
        server.stopListening()
        return { ...(notFound as object), headers: { connection: 'close' } }
      }),
    )
    const system = await server.open()
    const outcome = await system.insert(insertion(system))
    expect(outcome).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('ECONNREFUSED') })
  })

  it('creates under its own id only where nothing stands, and a resend looks first', async () => {
    let standing: unknown
    await using server = await startSmallServer(
      pages(({ method, path, body }) => {
        if (!path.startsWith('Appointment/')) return undefined
        if (method === 'PUT') {
          standing = { ...JSON.parse(body), meta: { versionId: '1' } }
          return { status: 201, body: standing }
        }
        return standing === undefined ? undefined : { body: standing }
      }),
    )
    const system = await server.open()
    const request = insertion(system)
    const first = await system.insert(request)
    expect(first).toMatchObject({ kind: 'written', record: { foreignId: request.marker, version: '1' } })
    expect(await system.insert(request)).toEqual(first)
    const puts = server.asked.filter(({ method }) => method === 'PUT')
    expect(puts.map(({ path, headers }) => [path, headers['if-none-match']])).toEqual([
      [`Appointment/${request.marker}`, '*'],
    ])
    expect(request.marker).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('that lost to another copy of itself is written as what stands there', async () => {
    let looks = 0
    await using server = await startSmallServer(
      pages(({ method, path }) => {
        if (!path.startsWith('Appointment/')) return undefined
        if (method === 'PUT') return { status: 412 }
        return looks++ === 0
          ? undefined
          : { body: anAppointment({ id: path.slice(12), comment: 'the other copy' }) }
      }),
    )
    const system = await server.open()
    expect(await system.insert(insertion(system))).toMatchObject({
      kind: 'written',
      record: { note: 'the other copy' },
    })
  })

  it('of one that was deleted there is refused, and not sent', async () => {
    await using server = await startSmallServer(
      pages(({ path }) => (path.startsWith('Appointment/') ? { status: 410 } : undefined)),
    )
    const system = await server.open()
    expect(await system.insert(insertion(system))).toMatchObject({ kind: 'rejected', code: 'refused' })
    expect(server.asked.some(({ method }) => method === 'PUT')).toBe(false)
  })

  it('goes by a condition where the server lets no one choose an id', async () => {
    let standing: Record<string, unknown> | undefined
    await using server = await startSmallServer((asked) => {
      if (asked.path === 'metadata') return capability({ updateCreate: false })
      if (asked.method === 'POST' && asked.path === 'Appointment') {
        standing = { ...JSON.parse(asked.body), id: 'theirs-1', meta: { versionId: '1' } }
        return { status: 201, body: standing }
      }
      return asked.path.startsWith('Appointment?identifier=') && standing !== undefined
        ? bundle([standing])
        : nothing
    })
    const system = await server.open()
    const request = insertion(system)
    expect(await system.insert(request)).toMatchObject({
      kind: 'written',
      record: { foreignId: 'theirs-1', marker: request.marker },
    })
    const [post] = server.asked.filter(({ method }) => method === 'POST')
    expect(post?.headers['if-none-exist']).toBe(`identifier=urn%3Aslotbridge%3Amarker%7C${request.marker}`)
    expect(await system.insert(request)).toMatchObject({ kind: 'written' })
    expect(server.asked.filter(({ method }) => method === 'POST')).toHaveLength(1)
  })
})

describe('a change', () => {
  /** A server with one appointment, whose PUT is answered 412 after something else happened to it. */
  async function changeAfter(meanwhile: Record<string, unknown>) {
    let current: unknown = anAppointment()
    await using server = await startSmallServer(
      pages(({ method, path }) => {
        if (path !== 'Appointment/appt-1') return undefined
        if (method === 'GET') return { body: current }
        current = { ...anAppointment(), ...meanwhile, meta: { versionId: '4' } }
        return { status: 412 }
      }),
    )
    const system = await server.open()
    const outcome = await system.change({ foreignId: 'appt-1', version: '3', kind: 'cancel' })
    return { outcome, puts: server.asked.filter(({ method }) => method === 'PUT') }
  }

  it('goes out under the version that was read, and a 412 is read again and decided, never sent again', async () => {
    const lost = await changeAfter({ comment: 'changed by the desk' })
    expect(lost.outcome).toMatchObject({ kind: 'rejected', code: 'version_changed' })
    expect(lost.puts.map(({ headers }) => headers['if-match'])).toEqual(['W/"3"'])
    const same = await changeAfter({ status: 'cancelled' })
    expect(same.outcome).toMatchObject({ kind: 'written', record: { cancelled: true, version: '4' } })
  })

  it('that was cut off after it was sent is unknown', async () => {
    await using server = await startSmallServer(
      pages(({ method, path }) => {
        if (path !== 'Appointment/appt-1') return undefined
        return method === 'GET' ? { body: anAppointment() } : 'cut'
      }),
    )
    const system = await server.open()
    expect(await system.change({ foreignId: 'appt-1', version: '3', kind: 'confirm' })).toMatchObject({
      kind: 'unknown',
    })
  })
})

it('a search for a patient keeps names and birth dates out of the URL', async () => {
  await using server = await startSmallServer(pages(() => undefined))
  const system = await server.open()
  await system
    .findPatients({ lastName: 'Fairbrook', firstName: 'Klara', birthDate: '1990-02-03' })
    .catch(() => null)
  for (const { path } of server.asked) expect(path).not.toMatch(/Fairbrook|Klara|1990/)
  expect(server.asked.at(-1)).toMatchObject({
    method: 'POST',
    path: 'Patient/_search',
    body: 'family=Fairbrook&given=Klara&birthdate=1990-02-03&_count=50',
  })
  await system.findAlike?.({ birthDate: '1990-02-03', phones: ['617 555 0100'] }).catch(() => null)
  expect(server.asked.some(({ body }) => body === 'birthdate=1990-02-03&_count=50')).toBe(true)
  for (const { path } of server.asked) expect(path).not.toMatch(/1990|617/)
})
