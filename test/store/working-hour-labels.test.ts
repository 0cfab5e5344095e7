import { expect, it } from 'vitest'
import { inTenant, type Tenant } from '../../src/db/database.ts'
import { loadDirectory, saveProviders, saveWorkingHours } from '../../src/store/directory-mirror.ts'
import { setUpPractice } from '../support/bridge.ts'
import { testDatabase } from '../support/database.ts'

const hour = (foreignId: string, label: string | null) => ({
  foreignId,
  provider: 'p1',
  operatory: null,
  location: null,
  beginTime: '09:00',
  endTime: '12:00',
  days: ['Monday' as const],
  specificDate: null,
  label,
})

it('keeps the labels that synced hours bear, their ids, and sets aside those that none bears', async () => {
  await using t = await testDatabase()
  const practice = await setUpPractice(t, { connector: 'sandbox', configuration: {} })
  const tenant = <T>(run: (tx: Tenant) => Promise<T>) => inTenant(t.database, practice.institutionId, run)
  const save = (...hours: ReturnType<typeof hour>[]) =>
    tenant(async (tx) => {
      await saveWorkingHours(tx, practice.sourceId, hours, await loadDirectory(tx, practice.sourceId))
    })
  const borne = () =>
    t.look(`select h.foreign_id, b.name from working_hours h left join working_hour_labels b on b.id = h.label_id
      order by h.foreign_id`)
  const labels = () => t.look('select id, name, active from working_hour_labels order by id')
  const provider = {
    foreignId: 'p1',
    firstName: 'Ines',
    lastName: 'Okafor',
    displayName: 'Dr. Okafor',
    npi: null,
    inactive: false,
    locations: [],
  }
  await tenant(async (tx) =>
    saveProviders(tx, practice.sourceId, [provider], await loadDirectory(tx, practice.sourceId)),
  )
  await save(hour('1', null), hour('2', 'Emergency'), hour('3', 'Emergency'), hour('4', 'New patients'))
  expect(await borne()).toEqual([
    { foreign_id: '1', name: null },
    { foreign_id: '2', name: 'Emergency' },
    { foreign_id: '3', name: 'Emergency' },
    { foreign_id: '4', name: 'New patients' },
  ])
  const first = await labels()
  await save(hour('1', 'Recall'), hour('4', 'New patients'))
  expect(await borne()).toEqual([
    { foreign_id: '1', name: 'Recall' },
    { foreign_id: '4', name: 'New patients' },
  ])
  await save(hour('2', 'Emergency'))
  const names = (await labels()).map(({ name, active }) => `${name} ${active}`)
  expect(names).toEqual(['Emergency true', 'New patients false', 'Recall false'])
  expect((await labels()).slice(0, 2).map(({ id }) => id)).toEqual(first.map(({ id }) => id))
})
