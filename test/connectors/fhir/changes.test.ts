import { describe, expect, it } from 'vitest'
import { CursorLost, type RecordSystem } from '../../../src/connectors/connector.ts'
import type { ChangeRecord } from '../../../src/model/records.ts'
import { anAppointment } from './resources.ts'
import { type Answer, bundle, capability, nothing, startSmallServer } from './small-server.ts'

async function all(system: RecordSystem, cursor: string | null) {
  const records: ChangeRecord[] = []
  const cursors: string[] = []
  for await (const page of system.changes(cursor)) {
    records.push(...page.records)
    cursors.push(page.cursor)
  }
  return { records, cursors, cursor: cursors.at(-1) ?? '' }
}

const ids = (records: ChangeRecord[]) =>
  records.map((one) => `${one.kind} ${one.kind === 'gone' ? one.foreignId : one.record.foreignId}`)
const at = (updated: string, id: string) =>
  anAppointment({ id, meta: { versionId: '1', lastUpdated: updated } })

describe('a server without histories', () => {
  it('is loaded by search in the order of change, and a load that broke off goes on where it was', async () => {
    await using server = await startSmallServer(({ path }, base): Answer => {
      if (path === 'metadata') return capability()
      if (path.startsWith('Appointment?_sort=_lastUpdated')) {
        return bundle(
          [at('2026-11-01T00:00:00.000Z', 'a'), at('2026-11-02T00:00:00.000Z', 'b')],
          `${base}/page2`,
        )
      }
      return path === 'page2' ? bundle([at('2026-11-03T00:00:00.000Z', 'c')]) : nothing
    })
    const system = await server.open()
    const { records, cursors, cursor } = await all(system, null)
    expect(ids(records)).toEqual(['appointment a', 'appointment b', 'appointment c'])
    await all(system, cursors[0] ?? '')
    const again = server.asked.filter(({ path }) => path.includes('_lastUpdated=ge2026-11-02T00:00:00.000Z'))
    expect(again).toHaveLength(1)
    // From then on: two minutes before the server's clock, slots of every status.
    await all(system, cursor)
    const since = server.asked.map(({ path }) => path).filter((path) => path.includes('ge2026-11-30'))
    expect(since).toEqual(
      ['Patient', 'Appointment', 'Slot'].map(
        (type) => `${type}?_sort=_lastUpdated&_count=500&_lastUpdated=ge2026-11-30T23:58:00.000Z`,
      ),
    )
  })

  it('whose pages are not in that order is loaded again from the beginning of the type', async () => {
    await using server = await startSmallServer(({ path }): Answer => {
      if (path === 'metadata') return capability()
      if (!path.startsWith('Appointment?')) return nothing
      return bundle([at('2026-11-05T00:00:00.000Z', 'a'), at('2026-11-01T00:00:00.000Z', 'b')])
    })
    const { cursors } = await all(await server.open(), null)
    expect(cursors.map((cursor) => JSON.parse(cursor).load?.from ?? null)).toEqual(cursors.map(() => null))
  })
})

describe('a server with histories', () => {
  const entry = (version: string, resource: unknown) => ({
    resource,
    request: { method: 'PUT' },
    response: { etag: `W/"${version}"` },
  })
  const deletion = (version: string, id: string) => ({
    request: { method: 'DELETE', url: `Appointment/${id}/_history/${version}` },
    response: { etag: `W/"${version}"` },
  })

  it('is not held up by a deletion whose URL is long and names nothing', async () => {
    await using server = await startSmallServer(({ path }): Answer => {
      if (path === 'metadata') return capability({}, ['history-type'])
      if (!path.startsWith('Appointment/_history')) return nothing
      const entry = [{ request: { method: 'DELETE', url: 'A'.repeat(200_000) } }]
      return { body: { resourceType: 'Bundle', entry } }
    })
    const system = await server.open()
    const { cursor } = await all(system, null)
    const began = performance.now()
    await expect(all(system, cursor)).rejects.toThrow('a deletion without an id')
    expect(performance.now() - began).toBeLessThan(5000)
  })

  it('tells the newest version of each, and what was deleted as gone', async () => {
    const newer = (id: string, versionId: string, comment: string) =>
      anAppointment({ id, comment, meta: { versionId } })
    const history = [
      entry('3', newer('a', '3', 'newest')),
      deletion('2', 'b'),
      entry('2', newer('a', '2', 'older')),
      entry('1', newer('b', '1', 'deleted since')),
      // Two changes of one millisecond may come the wrong way round.
      entry('1', newer('c', '1', 'first')),
      entry('2', newer('c', '2', 'second')),
    ]
    await using server = await startSmallServer(({ path }): Answer => {
      if (path === 'metadata') return capability({}, ['history-type'])
      if (!path.startsWith('Appointment/_history')) return nothing
      return { body: { resourceType: 'Bundle', entry: history } }
    })
    const system = await server.open()
    const { cursor } = await all(system, null)
    const { records } = await all(system, cursor)
    expect(ids(records)).toEqual(['appointment a', 'appointment c', 'appointment c', 'gone b'])
    const notes = records.flatMap((one) => (one.kind === 'appointment' ? [one.record.note] : []))
    expect(notes).toEqual(['newest', 'first', 'second'])
  })

  it('whose clock was set back is followed back', async () => {
    let clock = '2026-12-01T10:00:00.000Z'
    await using server = await startSmallServer(({ path }): Answer => {
      return path === 'metadata' ? capability({}, ['history-type']) : bundle([], undefined, clock)
    })
    const system = await server.open()
    const { cursor } = await all(system, null)
    clock = '2026-12-01T09:00:00.000Z'
    await all(system, (await all(system, cursor)).cursor)
    expect(server.asked.at(-1)?.path).toContain('_since=2026-12-01T08:58:00.000Z')
  })
})

it('a cursor of another server is lost', async () => {
  const answer = ({ path }: { path: string }): Answer => (path === 'metadata' ? capability() : nothing)
  await using one = await startSmallServer(answer)
  await using other = await startSmallServer(answer)
  const { cursor } = await all(await one.open(), null)
  await expect(all(await other.open(), cursor)).rejects.toThrow(CursorLost)
})
