import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RecordSystem } from '../../src/connectors/connector.ts'
import { connectors } from '../../src/connectors/registry.ts'
import { findDataSource } from '../../src/store/data-sources.ts'
import { loadDirectory } from '../../src/store/directory-mirror.ts'
import { listDueWrites } from '../../src/store/due-writes.ts'
import { carryOut } from '../../src/sync/carry-out.ts'
import { pullHandler } from '../../src/sync/pull.ts'
import { openSystems } from '../../src/sync/systems.ts'
import { holdUnit } from '../../src/work/hold.ts'
import type { Unit, WorkKind } from '../../src/work/lease.ts'
import { book, freeStarts, newPatient, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge } from '../support/bridge.ts'

let bridge: Bridge
beforeAll(async () => {
  bridge = await startBridge()
})
afterAll(async () => await bridge?.[Symbol.asyncDispose]())

async function holdOf(kind: WorkKind) {
  const [row] = await bridge.t.look('select id, fence from work where kind = $1', [kind])
  const unit: Unit = {
    id: Number(row.id),
    fence: Number(row.fence),
    kind,
    institutionId: bridge.institutionId,
    subjectId: bridge.sourceId,
    failures: 0,
    crashes: 0,
  }
  return holdUnit(bridge.t.database, unit, new AbortController().signal)
}

it('does not lay what it read back over what a pull has read since', async () => {
  await bridge.pulled()
  await bridge.stopWorker()
  await using systems = openSystems(connectors, bridge.t.clock)
  const pull = async () => pullHandler(systems)(await holdOf('pull'))
  const hold = await holdOf('push')
  const source = await bridge.tenant((tx) => findDataSource(tx, bridge.sourceId))
  if (!source) throw new Error('no source')
  const open = await systems.open(hold, source)
  const system: RecordSystem = Object.assign(Object.create(open), {
    async insert(request: Parameters<RecordSystem['insert']>[0]) {
      const outcome = await open.insert(request)
      if (outcome.kind !== 'written') return outcome
      await bridge.practice('POST', '/desk/remark', { visit_id: outcome.record.foreignId, remark: 'theirs' })
      await pull()
      return outcome
    },
  })
  const [start = ''] = await freeStarts(bridge, await somePlace(bridge), 1)
  const { id } = await book(bridge, { patientId: await newPatient(bridge), start, note: 'ours' })
  const maps = await bridge.tenant((tx) => loadDirectory(tx, bridge.sourceId))
  const [due] = await bridge.tenant((tx) => listDueWrites(tx, bridge.sourceId, 1))
  if (!due) throw new Error('nothing due')
  await carryOut({ hold, system, source, maps, tracing: null }, due)
  expect((await bridge.appointment(id)).insertion).toMatchObject({ status: 'complete' })
  await pull()
  expect((await bridge.appointment(id)).note).toBe('theirs')
})
